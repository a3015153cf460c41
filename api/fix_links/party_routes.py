"""The pages and routes of the responsible party, under /f/{token}: HTML for people, JSON for programs."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath
from msgspec import Struct
from uuid_utils.compat import uuid7

from api.fix_links.addresses import NoPublicAddress, address_warning, draw_qr_code, link_url, page_url
from api.fix_links.forms import accepts_only_json, filled_fields, form_texts, refusal_messages, refusal_page
from api.fix_links.progress import (
    CaseProgressView,
    EvaluationReceipt,
    evaluate_by_form,
    progress_response,
    progress_view,
    send_evaluation,
)
from api.fix_links.resolver import LinkResolver, token_digest
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context
from api.http.pages import HEADERS, render_page
from api.http.problems import http_status, problem_response
from api.http.responses import Content, serve_content
from api.messages.field_errors import find_field_errors
from api.photos import tus
from api.photos.bodies import FORM_BYTES, Form, receive_form
from api.photos.intake import inspect_photos, save_originals
from api.photos.processor import PhotoProcessor
from api.remediation.origins import request_origin, signed_in_account
from inspections.accounts.policy import BY_LINK, PUBLIC
from inspections.errors import InactiveLink, InvalidInput, NotFound, Refusal, TooManyRequests
from inspections.fix_links.actions.party_links import (
    CaseProgress,
    PartyNotice,
    get_valid_link,
    load_party_case,
    load_party_notice,
    submit_fix_by_link,
)
from inspections.hazards.deadlines import is_overdue
from inspections.hazards.lifecycle import possible_steps
from inspections.hazards.records import HazardWithPhotos, State
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Stage
from inspections.places.communities import Community
from inspections.remediation.steps import Evaluate, SubmitFix
from storage.repository import Repository

_PUBLIC_OPT = {"action": PUBLIC, "any_query": True}  # messengers add query parameters to shared links
_TEXT_FIELDS = {"id", "version", "method", "quantity_done", "outcome", "note", "sha256"}
_DEFAULT_MEASURES = "请在整改期限前消除上述隐患，拍摄整改后照片并填写整改情况。"
_WAITING_REASONS = {
    State.REPORTED: "街道正在受理，暂时不能提交整改情况。",
    State.ACCEPTED: "街道正在派单，暂时不能提交整改情况。",
    State.PENDING_RECHECK: "已有整改情况提交，正在等待街道复查。",
    State.SUSPENDED: "该事项已暂缓整改，暂时不能提交整改情况。",
    State.TRANSFERRED: "该事项已移交其他部门，暂时不能提交整改情况。",
}


class PartyNoticePhoto(Struct, frozen=True):
    """The URLs of a photo, after the link's and a slash: upright JPEG without metadata, 320 and 1280 pixels."""

    small: str
    large: str


class PartyNoticeView(Struct, frozen=True):
    """The whole of what the party sees before its fix.

    `waiting`: why nothing can be submitted now; null where something can.
    """

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
    photos: list[PartyNoticePhoto]


class FixReceipt(Struct, frozen=True):
    """The receipt of a submitted fix. `next`: what the office does next."""

    number: str
    submitted_at: datetime | None
    next: str = "街道工作人员将进行复查，请保持现场整改状态。复查结果由街道告知，无需再次提交。"


# showing the notice -----------------------------------------------------------------------------------------------


@get("/{token:str}", opt=_PUBLIC_OPT)
async def get_notice(request: AnyRequest) -> Response[Any]:
    """Returns the notice, or after the fix the progress of the case: HTML, or JSON for clients that accept it.

    Only the progress has `state` and `may_evaluate`.
    """
    await app_context(request).part(LinkResolver).resolve(request, "opened")
    view = await _load_case_view(request)
    if isinstance(view, CaseProgressView):
        return progress_response(request, view)
    if accepts_only_json(request):
        return Response(view, headers=HEADERS)
    return _fix_page(request, view, {"id": str(uuid7()), "version": str(view.version)})


@get("/{token:str}/photos/{sha256:str}/{size:str}", opt=_PUBLIC_OPT, include_in_schema=False)
async def get_notice_photo(request: AnyRequest, sha256: FromPath[str], size: FromPath[str]) -> Response[Any]:
    """Returns a photo of this notice; other photos are not found."""
    context = app_context(request)
    link = await context.part(LinkResolver).resolve(request)
    notice = await context.database.read(partial(load_party_notice, digest=link.digest, now=context.clock()))
    if size not in {"320", "1280"} or sha256 not in {each.mention.sha256 for each in notice.before}:
        raise NotFound("photo")
    picture = await context.part(PhotoProcessor).get_preview(sha256, int(size))
    return await serve_content(request, Content.from_bytes(picture), f"{sha256}.{size}", "image/jpeg", HEADERS)


@get("/{token:str}/{code:str}", opt=_PUBLIC_OPT, include_in_schema=False)
async def get_notice_file(request: AnyRequest, code: FromPath[str]) -> Response[Any]:
    """Returns the link's QR code (`qr.png`, `qr.svg`), or the notice for printing (`notice`)."""
    await app_context(request).part(LinkResolver).resolve(request)
    if code == "notice":
        return await _printable_notice(request)
    if code not in {"qr.png", "qr.svg"}:
        raise NotFound("page")
    await app_context(request).database.read(
        partial(get_valid_link, digest=token_digest(request), now=app_context(request).clock())
    )
    kind = code.removeprefix("qr.")
    picture = draw_qr_code(link_url(request, request.path_params["token"]), kind)
    return Response(picture, media_type={"png": "image/png", "svg": "image/svg+xml"}[kind], headers=HEADERS)


async def _printable_notice(request: AnyRequest) -> Response[Any]:
    context = app_context(request)

    def load(repository: Repository) -> tuple[PartyNoticeView, str, str]:
        notice = load_party_notice(repository, token_digest(request), context.clock())
        community, party = repository.community(notice.hazard.community), notice.hazard.responsible_party
        street = repository.street(community.street) if community else None
        return (
            _notice_view(repository, notice, context.clock()),
            street.name if street else "",
            party.name if party else "",
        )

    view, street, party = await context.database.read(load)
    url = link_url(request, request.path_params["token"])
    warning = address_warning(request, url)
    try:
        qr = draw_qr_code(url, "svg", xmldecl=False, omitsize=True).decode()
    except NoPublicAddress:
        url = qr = ""
    facts = {"street": street, "party": party, "qr": qr, "url": url, "warning": warning}
    return render_page("notice.html", notice=view, **facts, **_page_variables(request))


def _page_variables(request: AnyRequest) -> dict[str, Any]:
    return {"base": page_url(request, request.path_params["token"]), "now": app_context(request).clock()}


async def _load_notice_view(request: AnyRequest) -> PartyNoticeView:
    context = app_context(request)

    def load(repository: Repository) -> PartyNoticeView:
        return _notice_view(
            repository, load_party_notice(repository, token_digest(request), context.clock()), context.clock()
        )

    return await context.database.read(load)


async def _load_case_view(request: AnyRequest) -> PartyNoticeView | CaseProgressView:
    context = app_context(request)

    def load(repository: Repository) -> PartyNoticeView | CaseProgressView:
        found = load_party_case(repository, token_digest(request), context.clock())
        if isinstance(found, CaseProgress):
            return progress_view(found)
        return _notice_view(repository, found, context.clock())

    return await context.database.read(load)


def _notice_view(repository: Repository, notice: PartyNotice, now: datetime) -> PartyNoticeView:
    link, hazard, before, line = notice
    community: Community | None = repository.community(hazard.community)
    category = repository.category(hazard.category)
    return PartyNoticeView(
        number=hazard.number,
        community=community.name if community else "",
        place=hazard.place,
        category=category.name if category else "",
        description=hazard.description,
        quantity=hazard.quantity,
        quantity_done=hazard.quantity_done,
        unit=hazard.unit,
        measures=line.facts.get("measures") or _DEFAULT_MEASURES,
        due_at=hazard.due_at,
        overdue=is_overdue(hazard, now),
        expires_at=link.expires_at,
        version=hazard.version,
        waiting=None if "submit_fix" in possible_steps(hazard) else _WAITING_REASONS[hazard.state],
        photos=[PartyNoticePhoto(*(f"photos/{each.mention.sha256}/{size}" for size in (320, 1280))) for each in before],
    )


# submitting the fix -----------------------------------------------------------------------------------------------


@post("/{token:str}/steps", opt={"action": PUBLIC, "body": SubmitFix | Evaluate}, status_code=200)
async def take_party_step(request: AnyRequest) -> Response[FixReceipt | EvaluationReceipt]:
    """Submits the fix, once; its photos come first, by `uploads`. Or evaluates the closing, once, within thirty days.

    A repetition gets the same answer.
    """
    await app_context(request).part(LinkResolver).resolve(request, "sent")
    step: SubmitFix | Evaluate = await json_body(request, SubmitFix | Evaluate)
    done = await (send_evaluation(request, step) if isinstance(step, Evaluate) else _submit_fix(request, step))
    return Response(done, headers=HEADERS)


@post("/{token:str}", opt=_PUBLIC_OPT, request_max_body_size=FORM_BYTES, status_code=200, include_in_schema=False)
async def submit_fix_form(request: AnyRequest) -> Response[Any]:
    """Submits the page's form, with photos in it or sent before. The page shows a refusal and stays filled in."""
    context = app_context(request)
    await context.part(LinkResolver).resolve(request, "sent")
    fields: dict[str, str] = {}
    try:
        async with receive_form(request, context.photos, _TEXT_FIELDS) as form:
            fields.update(form_texts(form))
            fields["sha256"] = ",".join([*_sent_digests(fields), *await _receive_form_photos(request, form)])
        return render_page("done.html", taken=await _submit_fix(request, _parse_step(fields)))
    except (InactiveLink, TooManyRequests, NotFound):
        raise
    except Refusal as refusal:
        view = await _load_notice_view(request)
        fields = {"id": str(uuid7()), **fields, "version": str(view.version)}
        return _fix_page(request, view, fields, refusal)


async def _submit_fix(request: AnyRequest, step: SubmitFix) -> FixReceipt:
    context = app_context(request)
    origin = await request_origin(request, await signed_in_account(request))
    action = partial(submit_fix_by_link, digest=token_digest(request), step=step, now=context.clock(), origin=origin)
    done: HazardWithPhotos = await context.database.transact(action)
    return FixReceipt(done.hazard.number, done.hazard.submitted_at)


async def _receive_form_photos(request: AnyRequest, form: Form) -> list[str]:
    """Stores the form's photos and returns their digests; each photo counts as a submission.

    Nothing is stored for a link that is over: the form may be a repetition.
    """
    context = app_context(request)
    photos = [photo for photo in form.photos if photo.size]  # an empty field arrives as an empty file
    try:
        link = await context.database.read(partial(get_valid_link, digest=token_digest(request), now=context.clock()))
    except InactiveLink:
        return [photo.sha256 for photo in photos]
    for _ in photos[1:]:
        await context.part(LinkResolver).resolve(request, "sent")
    if photos:
        arrived = await inspect_photos(context, photos)
        await save_originals(context, photos)
        await context.database.transact(
            partial(receive_photos, person=link.sender, arrived=arrived, now=context.clock())
        )
        context.part(PhotoProcessor).wake()
    return [photo.sha256 for photo in photos]


def _sent_digests(fields: Mapping[str, str]) -> list[str]:
    return [digest for digest in fields.get("sha256", "").split(",") if digest]


def _parse_step(fields: Mapping[str, str]) -> SubmitFix:
    """Makes the step from the form's fields. Raises InvalidInput."""
    photos = [{"sha256": digest, "stage": Stage.AFTER} for digest in dict.fromkeys(_sent_digests(fields))]
    facts = {**{name: text for name, text in fields.items() if name != "sha256"}, "photos": photos}
    try:
        return msgspec.convert(facts, SubmitFix, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(*find_field_errors(msgspec.json.encode(facts), SubmitFix, error, strict=False)) from None


def _fix_page(
    request: AnyRequest, view: PartyNoticeView, fields: dict[str, str], refusal: Refusal | None = None
) -> Response[Any]:
    status = http_status(refusal) if refusal else 200
    return render_page(
        "fix.html",
        status,
        notice=view,
        fields=filled_fields(_TEXT_FIELDS, fields),
        refused=refusal_messages(refusal),
        **_page_variables(request),
    )


# refusals ---------------------------------------------------------------------------------------------------------


def _refusal_response(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    """Answers a refusal: a page for people, a problem for programs. Neither reveals anything about a hazard."""
    if accepts_only_json(request) or request.scope["path"].endswith("/steps"):
        return _add_headers(problem_response(refusal, request.scope))
    return refusal_page(refusal, _ADVICE)


_ADVICE = {
    "link.not_found": "没有这个链接。请检查地址是否完整，或重新扫描通知单上的二维码。",
    "link.used": "整改情况已经收到。打开链接可以查看办理进度；如需再次提交，请联系街道重新开具。",
    "link.revoked": "街道已收回本链接，请以最新的通知单为准。",
    "link.ended": "无需再提交整改情况。如有疑问，请联系所在街道。",
    "link.expired": "请联系所在街道重新开具。",
}


def _add_headers(answer: Response[Any]) -> Response[Any]:
    answer.headers.update(HEADERS)
    return answer


def _upload_refusal_response(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    return _add_headers(tus.refusal_response(request, refusal))


PAGES = [
    Router(
        "/f",
        route_handlers=[
            get_notice,
            get_notice_photo,
            get_notice_file,
            take_party_step,
            submit_fix_form,
            evaluate_by_form,
            tus.tus_router("/{token:str}/uploads", BY_LINK, _upload_refusal_response, headers=HEADERS),
        ],
        exception_handlers={Refusal: _refusal_response},
    )
]
