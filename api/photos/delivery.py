"""Routes that deliver photos: by variant, each with its own permission; with a caption; by signed URL."""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from litestar import Response, post, route
from litestar.params import FromPath, FromQuery
from msgspec import Meta, Struct

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest, json_body
from api.http.context import AppContext, app_context, current_person
from api.http.responses import FILE_HEADERS, Content, local_link, serve_content
from api.photos.processor import PhotoProcessor
from api.photos.signing_key import SigningKey
from inspections.accounts.people import Person, is_link_username
from inspections.accounts.policy import PUBLIC
from inspections.accounts.security_log import Event
from inspections.calendar import SHANGHAI
from inspections.errors import InvalidInput, NotFound, PurgedPhoto
from inspections.field_types import Digest
from inspections.hazards.records import Hazard
from inspections.photos.evidence import DeclaredPhoto
from inspections.photos.records import Photo, PhotoState
from inspections.photos.signed_urls import URL_LIFETIME, Secret, Variant, is_valid_signature, signature
from inspections.remediation.actions.steps import get_visible_hazard
from storage.photos.store import read_original
from storage.repository import Repository

Size = Literal["320", "1280", "original"]
_NO_HEADERS: Mapping[str, str] = {}
_CONTENT_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "heif": "image/heif",
}


class SignedUrlRequest(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: Digest
    size: Size = "320"
    watermark: UUID | None = None


class SignedUrlRequestList(Struct, frozen=True, forbid_unknown_fields=True):
    photos: Annotated[tuple[SignedUrlRequest, ...], Meta(min_length=1, max_length=100)]


class SignedUrlView(Struct, frozen=True):
    """A signed URL. `url`: an absolute path, for `expires_in` seconds; null where the caller has no such photo."""

    sha256: str
    size: str
    url: str | None
    expires_in: int


class SignedUrlList(Struct, frozen=True):
    links: list[SignedUrlView]


class _ViewablePhoto(NamedTuple):
    """A photo that may be shown, and the lines of its caption."""

    photo: Photo
    caption: tuple[str, ...]


@route(
    "/photos/{sha256:str}",
    http_method=["GET", "HEAD"],
    opt={"action": "photo.see", "headers": FILE_HEADERS},
    media_type="image/*",
)
async def get_photo(
    request: AnyRequest,
    sha256: FromPath[str],
    size: FromQuery[Size] = "original",
    watermark: FromQuery[UUID | None] = None,
) -> Response[bytes]:
    """Returns a photo: 320 and 1280 as upright JPEG without metadata, `original` as the very bytes that were sent.

    `watermark`: the id of a hazard; its number, time, place and reporter are drawn on the picture.
    """
    context, variant = app_context(request), _parse_variant(sha256, size, watermark)
    view = await context.database.read(partial(_find_viewable_photo, person=current_person(request), variant=variant))
    if size == "original" and request.method == "GET":
        await context.log.record(Event.ORIGINAL_VIEWED, current_caller(request), sha256)
    return await _photo_response(request, context, variant, view)


@route(
    "/photos/{sha256:str}/{size:str}",
    http_method=["GET", "HEAD"],
    opt={"action": PUBLIC, "headers": FILE_HEADERS},
    media_type="image/*",
)
async def get_signed_photo(
    request: AnyRequest,
    sha256: FromPath[str],
    size: FromPath[str],
    expires: FromQuery[int],
    signed: FromQuery[str],
    watermark: FromQuery[UUID | None] = None,
) -> Response[bytes]:
    """Returns a photo by a signed URL of `POST /photos/links`; 404 where the URL is invalid or has expired."""
    context, variant = app_context(request), Variant(sha256, size, watermark)
    if not is_valid_signature(await context.part(SigningKey).secret(), variant, expires, signed, context.clock()):
        raise NotFound("photo")
    view = await context.database.read(partial(_find_signed_photo, variant=variant))
    seconds = max(0, expires - int(context.clock().timestamp()))
    return await _photo_response(request, context, variant, view, {"Cache-Control": f"private, max-age={seconds}"})


@post("/photos/links", opt={"action": "photo.see", "body": SignedUrlRequestList}, status_code=200)
async def create_signed_urls(request: AnyRequest) -> SignedUrlList:
    """Creates signed URLs for `<img>` and WeChat's `<image>`, which send no token; in the order of the request."""
    context, person = app_context(request), current_person(request)
    wanted: SignedUrlRequestList = await json_body(request, SignedUrlRequestList)
    variants = [_parse_variant(each.sha256, each.size, each.watermark) for each in wanted.photos]
    seen = await context.database.read(partial(_view_permissions, person=person, variants=variants))
    secret, expires = await context.part(SigningKey).secret(), int((context.clock() + URL_LIFETIME).timestamp())
    originals = [each.sha256 for each, may in zip(variants, seen, strict=True) if may and each.size == "original"]
    if originals:
        await _record_views(request, list(dict.fromkeys(originals)))
    seconds = int(URL_LIFETIME.total_seconds())
    links: list[SignedUrlView] = []
    for variant, may in zip(variants, seen, strict=True):
        url = local_link(request, _signed_path(secret, variant, expires)) if may else None
        links.append(SignedUrlView(variant.sha256, variant.size, url, seconds))
    return SignedUrlList(links)


async def _record_views(request: AnyRequest, originals: list[str]) -> None:
    """Writes one line of the security log, which names every original that the signed URLs show."""
    facts = {"through": "link"} if len(originals) == 1 else {"through": "link", "photos": " ".join(originals)}
    about = originals[0] if len(originals) == 1 else ""
    await app_context(request).log.record(Event.ORIGINAL_VIEWED, current_caller(request), about, facts)


def _signed_path(secret: Secret, variant: Variant, expires: int) -> str:
    caption = f"&watermark={variant.watermark}" if variant.watermark else ""
    signed = signature(secret, variant, expires)
    return f"/api/v1/photos/{variant.sha256}/{variant.size}?expires={expires}&signed={signed}{caption}"


def _parse_variant(sha256: str, size: str, watermark: UUID | None) -> Variant:
    if watermark and size == "original":
        raise InvalidInput(("watermark", "原图保持原样，水印请选 320 或 1280"))
    return Variant(sha256, size, watermark)


async def _photo_response(
    request: AnyRequest,
    context: AppContext,
    variant: Variant,
    view: _ViewablePhoto,
    more: Mapping[str, str] = _NO_HEADERS,
) -> Response[bytes]:
    sha256, photo = variant.sha256, view.photo
    state = {"Anxun-Photo-State": photo.state, **more}
    if variant.size == "original":
        content = Content(photo.size, partial(read_original, context.photos, sha256))
        return await serve_content(request, content, sha256, _CONTENT_TYPES[photo.format], state)
    picture = await context.part(PhotoProcessor).get_preview(sha256, int(variant.size))
    tag = f"{sha256}.{variant.size}"
    if view.caption:
        picture = await context.part(PhotoProcessor).draw_watermark(picture, view.caption)
        tag += f".{hashlib.sha256(repr(view.caption).encode()).hexdigest()[:16]}"
    return await serve_content(request, Content.from_bytes(picture), tag, "image/jpeg", state)


# permissions ----------------------------------------------------------------------------------------------------


def _find_viewable_photo(repository: Repository, person: Person, variant: Variant) -> _ViewablePhoto:
    """Finds a photo that this person has sent or may see on a hazard. Raises NotFound, whatever the reason.

    A photo that nobody has sent is looked for on hazards too: otherwise the time of the answer would tell the holder of
    a picture that somebody has sent it.
    """
    photo = repository.photo(variant.sha256)
    action = "photo.original" if variant.size == "original" else "photo.see"
    seen = repository.receipt(variant.sha256, person.username) or repository.may_see_photo(
        person, variant.sha256, action
    )
    if photo is None or not seen:
        raise NotFound("photo")
    _check_availability(photo)
    if variant.watermark is None:
        return _ViewablePhoto(photo, ())
    hazard = get_visible_hazard(repository, person, variant.watermark, "hazard.personal")  # the caption names people
    return _ViewablePhoto(photo, _caption_lines(repository, hazard, variant.sha256))


def _find_signed_photo(repository: Repository, variant: Variant) -> _ViewablePhoto:
    """Finds the photo of a signed URL; its permission was checked when the URL was created."""
    photo = repository.photo(variant.sha256)
    hazard = repository.hazard(variant.watermark) if variant.watermark else None
    if photo is None or (variant.watermark and hazard is None):
        raise NotFound("photo")
    _check_availability(photo)
    return _ViewablePhoto(photo, _caption_lines(repository, hazard, variant.sha256) if hazard else ())


def _check_availability(photo: Photo) -> None:
    if photo.state is PhotoState.LET_GO:
        raise PurgedPhoto


def _view_permissions(repository: Repository, person: Person, variants: list[Variant]) -> list[bool]:
    return [_may_see_variant(repository, person, variant) for variant in variants]


def _may_see_variant(repository: Repository, person: Person, variant: Variant) -> bool:
    try:
        _find_viewable_photo(repository, person, variant)
    except (NotFound, PurgedPhoto):
        return False
    return True


def _caption_lines(repository: Repository, hazard: Hazard, sha256: str) -> tuple[str, ...]:
    """Time, place, number and reporter of a photo on this hazard. Raises NotFound where the hazard does not show it."""
    shown = next(
        (each for each in repository.declared_photos([hazard.id]) if each.mention.sha256 == sha256 and each.is_present),
        None,
    )
    community = repository.community(hazard.community)
    if shown is None or community is None:
        raise NotFound("photo")
    by = repository.person(shown.mention.by)
    return (
        f"时间：{_caption_time(shown)}",
        f"地点：{community.name} {hazard.place}",
        f"编号：{hazard.number}",
        f"上报人：{by.name if by else _name_without_account(shown.mention.by)}",
    )


def _name_without_account(username: str) -> str:
    return "整改责任主体" if is_link_username(username) else username


def _caption_time(shown: DeclaredPhoto) -> str:
    taken = (shown.photo.taken_at if shown.photo else None) or shown.mention.taken_at
    moment = (taken or shown.mention.at).astimezone(SHANGHAI)
    return f"{moment:%Y-%m-%d %H:%M}（{'拍摄' if taken else '上报'}）"


ROUTES = [get_photo, get_signed_photo, create_signed_urls]
