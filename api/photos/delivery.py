"""Routes that deliver photos: by variant, each with its own permission; with a caption; by signed URL."""

import hashlib
from functools import partial
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from litestar import Response, post, route
from litestar.params import FromPath, FromQuery
from msgspec import Meta, Struct

from api.accounts.security_log import caller_of
from api.http.bodies import AnyRequest, json_body
from api.http.context import AppContext, context_of, person_of
from api.http.responses import Content, serve
from api.photos.processor import Developer
from api.photos.signing_key import LinkKey
from inspections.accounts.people import Person, by_link
from inspections.accounts.policy import PUBLIC
from inspections.accounts.security_log import Event
from inspections.calendar import SHANGHAI
from inspections.errors import Invalid, Missing, PhotoGone
from inspections.field_types import Digest
from inspections.hazards.records import Hazard
from inspections.photos.evidence import Shown
from inspections.photos.records import Photo, PhotoState
from inspections.photos.signed_urls import LIFE, Secret, Variant, holds, signature
from inspections.remediation.actions.steps import visible
from storage.photos.store import read_original
from storage.repository import Repository

Size = Literal["320", "1280", "original"]
_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "heif": "image/heif",
}


class WantedLink(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: Digest
    size: Size = "320"
    watermark: UUID | None = None


class WantedLinks(Struct, frozen=True, forbid_unknown_fields=True):
    photos: Annotated[tuple[WantedLink, ...], Meta(min_length=1, max_length=100)]


class LinkView(Struct, frozen=True):
    """A signed URL. `url`: a path on this server, for `expires_in` seconds; null where the caller has no such photo."""

    sha256: str
    size: str
    url: str | None
    expires_in: int


class LinkList(Struct, frozen=True):
    links: list[LinkView]


class _View(NamedTuple):
    """A photo that may be shown, and the lines of its caption."""

    photo: Photo
    caption: tuple[str, ...]


@route("/photos/{sha256:str}", http_method=["GET", "HEAD"], opt={"action": "photo.see"})
async def get_photo(
    request: AnyRequest,
    sha256: FromPath[str],
    size: FromQuery[Size] = "original",
    watermark: FromQuery[UUID | None] = None,
) -> Response[bytes]:
    """Returns a photo: 320 and 1280 as upright JPEG without metadata, `original` as the very bytes that were sent.

    `watermark`: the id of a hazard; its number, time, place and reporter are drawn on the picture.
    """
    context, variant = context_of(request), _variant(sha256, size, watermark)
    view = await context.database.read(partial(_view, person=person_of(request), variant=variant))
    if size == "original" and request.method == "GET":
        await context.log.note(Event.ORIGINAL_VIEWED, caller_of(request), sha256)
    return await _send(request, context, variant, view)


@route("/photos/{sha256:str}/{size:str}", http_method=["GET", "HEAD"], opt={"action": PUBLIC})
async def get_signed_photo(
    request: AnyRequest,
    sha256: FromPath[str],
    size: FromPath[str],
    expires: FromQuery[int],
    signed: FromQuery[str],
    watermark: FromQuery[UUID | None] = None,
) -> Response[bytes]:
    """Returns a photo by a signed URL of `POST /photos/links`; 404 where the URL is invalid or has expired."""
    context, variant = context_of(request), Variant(sha256, size, watermark)
    if not holds(await context.part(LinkKey).secret(), variant, expires, signed, context.clock()):
        raise Missing("photo")
    view = await context.database.read(partial(_signed_view, variant=variant))
    return await _send(request, context, variant, view)


@post("/photos/links", opt={"action": "photo.see", "body": WantedLinks}, status_code=200)
async def post_links(request: AnyRequest) -> LinkList:
    """Creates signed URLs for `<img>` and WeChat's `<image>`, which send no token; in the order of the request."""
    context, person = context_of(request), person_of(request)
    wanted: WantedLinks = await json_body(request, WantedLinks)
    variants = [_variant(each.sha256, each.size, each.watermark) for each in wanted.photos]
    seen = await context.database.read(partial(_seen, person=person, variants=variants))
    secret, expires = await context.part(LinkKey).secret(), int((context.clock() + LIFE).timestamp())
    for variant, may in zip(variants, seen, strict=True):
        if may and variant.size == "original":
            await context.log.note(Event.ORIGINAL_VIEWED, caller_of(request), variant.sha256, {"through": "link"})
    urls = [_url(secret, variant, expires) if may else None for variant, may in zip(variants, seen, strict=True)]
    seconds = int(LIFE.total_seconds())
    pairs = zip(variants, urls, strict=True)
    return LinkList([LinkView(variant.sha256, variant.size, url, seconds) for variant, url in pairs])


def _url(secret: Secret, variant: Variant, expires: int) -> str:
    caption = f"&watermark={variant.watermark}" if variant.watermark else ""
    signed = signature(secret, variant, expires)
    return f"/api/v1/photos/{variant.sha256}/{variant.size}?expires={expires}&signed={signed}{caption}"


def _variant(sha256: str, size: str, watermark: UUID | None) -> Variant:
    if watermark and size == "original":
        raise Invalid(("watermark", "原图保持原样，水印请选 320 或 1280"))
    return Variant(sha256, size, watermark)


async def _send(request: AnyRequest, context: AppContext, variant: Variant, view: _View) -> Response[bytes]:
    sha256, photo = variant.sha256, view.photo
    state = {"Anxun-Photo-State": photo.state}
    if variant.size == "original":
        content = Content(photo.size, partial(read_original, context.photos, sha256))
        return await serve(request, content, sha256, _TYPES[photo.format], state)
    picture = await context.part(Developer).picture(sha256, int(variant.size))
    tag = f"{sha256}.{variant.size}"
    if view.caption:
        picture = await context.part(Developer).captioned(picture, view.caption)
        tag += f".{hashlib.sha256(repr(view.caption).encode()).hexdigest()[:16]}"
    return await serve(request, Content.of(picture), tag, "image/jpeg", state)


# permissions ----------------------------------------------------------------------------------------------------


def _view(repository: Repository, person: Person, variant: Variant) -> _View:
    """Finds a photo that this person has sent or may see on a hazard. Raises Missing, whatever the reason."""
    photo = repository.photo(variant.sha256)
    action = "photo.original" if variant.size == "original" else "photo.see"
    if photo is None or not (
        repository.receipt(variant.sha256, person.username) or repository.may_see_photo(person, variant.sha256, action)
    ):
        raise Missing("photo")
    _check_kept(photo)
    if variant.watermark is None:
        return _View(photo, ())
    hazard = visible(repository, person, variant.watermark, "hazard.personal")  # the caption names people
    return _View(photo, _caption(repository, hazard, variant.sha256))


def _signed_view(repository: Repository, variant: Variant) -> _View:
    """Finds the photo of a signed URL; its permission was checked when the URL was created."""
    photo = repository.photo(variant.sha256)
    hazard = repository.hazard(variant.watermark) if variant.watermark else None
    if photo is None or (variant.watermark and hazard is None):
        raise Missing("photo")
    _check_kept(photo)
    return _View(photo, _caption(repository, hazard, variant.sha256) if hazard else ())


def _check_kept(photo: Photo) -> None:
    if photo.state is PhotoState.LET_GO:
        raise PhotoGone


def _seen(repository: Repository, person: Person, variants: list[Variant]) -> list[bool]:
    return [_may_see(repository, person, variant) for variant in variants]


def _may_see(repository: Repository, person: Person, variant: Variant) -> bool:
    try:
        _view(repository, person, variant)
    except (Missing, PhotoGone):
        return False
    return True


def _caption(repository: Repository, hazard: Hazard, sha256: str) -> tuple[str, ...]:
    """Time, place, number and reporter of a photo on this hazard. Raises Missing where the hazard does not show it."""
    shown = next(
        (each for each in repository.shown([hazard.id]) if each.mention.sha256 == sha256 and each.present), None
    )
    community = repository.community(hazard.community)
    if shown is None or community is None:
        raise Missing("photo")
    by = repository.person(shown.mention.by)
    return (
        f"时间：{_when(shown)}",
        f"地点：{community.name} {hazard.place}",
        f"编号：{hazard.number}",
        f"上报人：{by.name if by else _without_account(shown.mention.by)}",
    )


def _without_account(username: str) -> str:
    return "整改责任主体" if by_link(username) else username


def _when(shown: Shown) -> str:
    taken = (shown.photo.taken_at if shown.photo else None) or shown.mention.taken_at
    moment = (taken or shown.mention.at).astimezone(SHANGHAI)
    return f"{moment:%Y-%m-%d %H:%M}（{'拍摄' if taken else '上报'}）"


ROUTES = [get_photo, get_signed_photo, post_links]
