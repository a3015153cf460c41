"""The pages and routes of the responsible party, under /f/{token}: HTML for people, JSON for programs."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath
from msgspec import Struct
from uuid_utils.compat import uuid7

from api.fix_links.resolver import LinkDoor, digest_in
from api.http.bodies import AnyRequest, json_body
from api.http.context import context_of
from api.http.pages import HEADERS, page
from api.http.problems import Unparsable, invalid_field, problem, status_of
from api.http.responses import Content, public_url, serve
from api.photos import tus
from api.photos.bodies import FORM_BYTES, Form, received_form
from api.photos.intake import checked, keep
from api.photos.processor import Developer
from inspections.accounts.policy import BY_LINK, PUBLIC
from inspections.errors import Invalid, LinkOver, Missing, Refusal, TooMany
from inspections.fix_links.actions import Notice, fix_by_link, noticed, standing
from inspections.hazards.deadlines import is_overdue
from inspections.hazards.lifecycle import possible
from inspections.hazards.records import Dossier, State
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Stage
from inspections.places.communities import Community
from inspections.remediation.steps import SubmitFix
from storage.repository import Repository

_PUBLIC = {"action": PUBLIC, "any_query": True}  # messengers add query parameters to shared links
_TEXTS = {"id", "version", "method", "quantity_done", "outcome", "note", "sha256"}
_ASKED = "请在整改期限前消除上述隐患，拍摄整改后照片并填写整改情况。"
_WAITING = {
    State.REPORTED: "街道正在受理，暂时不能提交整改情况。",
    State.ACCEPTED: "街道正在派单，暂时不能提交整改情况。",
    State.PENDING_RECHECK: "已有整改情况提交，正在等待街道复查。",
    State.SUSPENDED: "该事项已暂缓整改，暂时不能提交整改情况。",
    State.TRANSFERRED: "该事项已移交其他部门，暂时不能提交整改情况。",
}


class NoticePhoto(Struct, frozen=True):
    """The URLs of a photo, relative to the link's: upright JPEG without metadata, 320 and 1280 pixels."""

    small: str
    large: str


class NoticeView(Struct, frozen=True):
    """The whole of what the party sees. `waiting`: why nothing can be submitted now; null where something can."""

    number: str
    community: str
    place: str
    category: str
    description: str
    quantity: int
    quantity_done: int
    unit: str
    measures: str
    due_at: datetime | None
    overdue: bool
    expires_at: datetime
    version: int
    waiting: str | None
    photos: list[NoticePhoto]


class FixTaken(Struct, frozen=True):
    """The receipt of a submitted fix. `next`: what the office does next."""

    number: str
    submitted_at: datetime | None
    next: str = "街道工作人员将进行复查，请保持现场整改状态。复查结果由街道告知，无需再次提交。"


# showing the notice -----------------------------------------------------------------------------------------------


@get("/{token:str}", opt=_PUBLIC)
async def get_notice(request: AnyRequest) -> Response[Any]:
    """Returns the notice: HTML, or JSON for clients that accept it."""
    await context_of(request).part(LinkDoor).knock(request, "opened")
    view = await _noticed(request)
    if _wants_json(request):
        return Response(view, headers=HEADERS)
    return _fix_page(request, view, {"id": str(uuid7()), "version": str(view.version)})


@get("/{token:str}/photos/{sha256:str}/{size:str}", opt=_PUBLIC, include_in_schema=False)
async def get_photo(request: AnyRequest, sha256: FromPath[str], size: FromPath[str]) -> Response[Any]:
    """Returns a photo of this notice; other photos are not found."""
    context = context_of(request)
    link = await context.part(LinkDoor).knock(request)
    notice = await context.database.read(partial(noticed, digest=link.digest, now=context.clock()))
    if size not in {"320", "1280"} or sha256 not in {each.mention.sha256 for each in notice.before}:
        raise Missing("photo")
    picture = await context.part(Developer).picture(sha256, int(size))
    return await serve(request, Content.of(picture), f"{sha256}.{size}", "image/jpeg", HEADERS)


@get("/{token:str}/{code:str}", opt=_PUBLIC, include_in_schema=False)
async def get_code(request: AnyRequest, code: FromPath[str]) -> Response[Any]:
    """Returns the link's QR code (`qr.png`, `qr.svg`), or the notice for printing (`notice`)."""
    await context_of(request).part(LinkDoor).knock(request)
    if code == "notice":
        return await _printed(request)
    if code not in {"qr.png", "qr.svg"}:
        raise Missing("page")
    await context_of(request).database.read(
        partial(standing, digest=digest_in(request), now=context_of(request).clock())
    )
    kind = code.removeprefix("qr.")
    return Response(_qr(request, kind), media_type={"png": "image/png", "svg": "image/svg+xml"}[kind], headers=HEADERS)


async def _printed(request: AnyRequest) -> Response[Any]:
    context = context_of(request)

    def ask(repository: Repository) -> tuple[NoticeView, str, str]:
        notice = noticed(repository, digest_in(request), context.clock())
        community, party = repository.community(notice.hazard.community), notice.hazard.responsible_party
        street = repository.street(community.street) if community else None
        return _view(repository, notice, context.clock()), street.name if street else "", party.name if party else ""

    view, street, party = await context.database.read(ask)
    qr = _qr(request, "svg", xmldecl=False, omitsize=True).decode()
    return page("notice.html", notice=view, street=street, party=party, qr=qr, **_here(request))


def _here(request: AnyRequest) -> dict[str, Any]:
    token = request.path_params["token"]
    return {"url": f"{public_url(request)}/f/{token}", "base": token, "now": context_of(request).clock()}


def _qr(request: AnyRequest, kind: str, **more: bool) -> bytes:
    """The QR code of the link. Level M survives a crease or a stain; ISO/IEC 18004 asks for four quiet modules."""
    import segno  # noqa: PLC0415  # 4 MB that a server without links does not need

    out = BytesIO()
    segno.make_qr(_here(request)["url"], error="m").save(out, kind=kind, scale=8, border=4, **more)
    return out.getvalue()


async def _noticed(request: AnyRequest) -> NoticeView:
    context = context_of(request)

    def ask(repository: Repository) -> NoticeView:
        return _view(repository, noticed(repository, digest_in(request), context.clock()), context.clock())

    return await context.database.read(ask)


def _view(repository: Repository, notice: Notice, now: datetime) -> NoticeView:
    link, hazard, before, line = notice
    community: Community | None = repository.community(hazard.community)
    category = repository.category(hazard.category)
    return NoticeView(
        number=hazard.number,
        community=community.name if community else "",
        place=hazard.place,
        category=category.name if category else "",
        description=hazard.description,
        quantity=hazard.quantity,
        quantity_done=hazard.quantity_done,
        unit=hazard.unit,
        measures=line.facts.get("measures") or _ASKED,
        due_at=hazard.due_at,
        overdue=is_overdue(hazard, now),
        expires_at=link.expires_at,
        version=hazard.version,
        waiting=None if "submit_fix" in possible(hazard) else _WAITING[hazard.state],
        photos=[NoticePhoto(*(f"photos/{each.mention.sha256}/{size}" for size in (320, 1280))) for each in before],
    )


# submitting the fix -----------------------------------------------------------------------------------------------


@post("/{token:str}/steps", opt={"action": PUBLIC, "body": SubmitFix}, status_code=200)
async def post_step(request: AnyRequest) -> Response[FixTaken]:
    """Submits the fix, which ends the link; its photos come first, by `uploads`. A repetition gets the same answer."""
    await context_of(request).part(LinkDoor).knock(request, "sent")
    step: SubmitFix = await json_body(request, SubmitFix)
    return Response(await _fixed(request, step), headers=HEADERS)


@post("/{token:str}", opt=_PUBLIC, request_max_body_size=FORM_BYTES, status_code=200, include_in_schema=False)
async def post_form(request: AnyRequest) -> Response[Any]:
    """Submits the page's form, with photos in it or sent before. The page shows a refusal and stays filled in."""
    context = context_of(request)
    await context.part(LinkDoor).knock(request, "sent")
    said: dict[str, str] = {}
    try:
        async with received_form(request, context.photos, _TEXTS) as form:
            said.update(_texts(form))
            said["sha256"] = ",".join([*_sent(said), *await _arrived(request, form)])
        return page("done.html", taken=await _fixed(request, _step(said)))
    except (LinkOver, TooMany, Missing):
        raise
    except Refusal as refusal:
        view = await _noticed(request)
        said = {"id": str(uuid7()), **said, "version": str(view.version)}
        return _fix_page(request, view, said, refusal)


async def _fixed(request: AnyRequest, step: SubmitFix) -> FixTaken:
    context = context_of(request)
    action = partial(fix_by_link, digest=digest_in(request), step=step, now=context.clock())
    done: Dossier = await context.database.transact(action)
    return FixTaken(done.hazard.number, done.hazard.submitted_at)


async def _arrived(request: AnyRequest, form: Form) -> list[str]:
    """Stores the form's photos and returns their digests; each photo counts as a submission.

    Nothing is stored for a link that is over: the form may be a repetition.
    """
    context = context_of(request)
    photos = [photo for photo in form.photos if photo.size]  # an empty field arrives as an empty file
    try:
        link = await context.database.read(partial(standing, digest=digest_in(request), now=context.clock()))
    except LinkOver:
        return [photo.sha256 for photo in photos]
    for _ in photos[1:]:
        await context.part(LinkDoor).knock(request, "sent")
    if photos:
        arrived = await checked(context, photos)
        await keep(context, photos)
        await context.database.transact(
            partial(receive_photos, person=link.sender, arrived=arrived, now=context.clock())
        )
        context.part(Developer).wake()
    return [photo.sha256 for photo in photos]


def _texts(form: Form) -> dict[str, str]:
    """The text fields that were filled in. Raises Unparsable for bytes that are not UTF-8."""
    try:
        texts = {name: bytes(raw).decode().replace("\r\n", "\n").strip() for name, raw in form.texts.items()}
    except UnicodeDecodeError as error:
        raise Unparsable(reason=str(error)) from None
    return {name: text for name, text in texts.items() if text}


def _sent(said: Mapping[str, str]) -> list[str]:
    return [digest for digest in said.get("sha256", "").split(",") if digest]


def _step(said: Mapping[str, str]) -> SubmitFix:
    """Makes the step from the form's fields. Raises Invalid."""
    photos = [{"sha256": digest, "stage": Stage.AFTER} for digest in dict.fromkeys(_sent(said))]
    facts = {**{name: text for name, text in said.items() if name != "sha256"}, "photos": photos}
    try:
        return msgspec.convert(facts, SubmitFix, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(invalid_field(error)) from None


def _fix_page(
    request: AnyRequest, view: NoticeView, said: dict[str, str], refusal: Refusal | None = None
) -> Response[Any]:
    status = status_of(refusal) if refusal else 200
    said = dict.fromkeys(_TEXTS, "") | said
    return page("fix.html", status, notice=view, said=said, refused=_words(refusal), **_here(request))


_FIELDS = {
    "method": "整改措施",
    "quantity_done": "整改数量",
    "photos": "整改后照片",
    "note": "补充说明",
    "outcome": "整改方式",
}


def _words(refusal: Refusal | None) -> list[str]:
    """The messages of a refusal: one for each wrong field, else its detail or title."""
    if refusal is None:
        return []
    if refusal.code == "hazard.stale":
        return ["事项刚有更新，请核对以下内容后再次提交。"]
    errors = refusal.facts.get("errors") or ()
    named = [f"{_FIELDS[field]}：{message}" if field in _FIELDS else message for field, message in errors]
    return named or [refusal.detail or refusal.title]


# refusals ---------------------------------------------------------------------------------------------------------


def _wants_json(request: Request[Any, Any, Any]) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _said(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    """Answers a refusal: a page for people, a problem for programs. Neither reveals anything about a hazard."""
    if _wants_json(request) or request.url.path.endswith("/steps"):
        return _with_headers(problem(refusal))
    title = "链接无效" if isinstance(refusal, Missing) else refusal.title
    answer = page("said.html", status_of(refusal), title=title, words=_ADVICE.get(refusal.code, refusal.detail))
    if "retry_after" in refusal.facts:
        answer.headers["Retry-After"] = str(refusal.facts["retry_after"])
    return answer


_ADVICE = {
    "link.not_found": "没有这个链接。请检查地址是否完整，或重新扫描通知单上的二维码。",
    "link.used": "整改情况已经收到，将由街道复查。如需再次提交，请联系街道重新开具。",
    "link.revoked": "街道已收回本链接，请以最新的通知单为准。",
    "link.ended": "无需再提交整改情况。如有疑问，请联系所在街道。",
    "link.expired": "请联系所在街道重新开具。",
}


def _with_headers(answer: Response[Any]) -> Response[Any]:
    answer.headers.update(HEADERS)
    return answer


def _upload_said(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    return _with_headers(tus.say(request, refusal))


PAGES = [
    Router(
        "/f",
        route_handlers=[
            get_notice,
            get_photo,
            get_code,
            post_step,
            post_form,
            tus.tus("/{token:str}/uploads", BY_LINK, _upload_said, headers=HEADERS, include_in_schema=False),
        ],
        exception_handlers={Refusal: _said},
    )
]
