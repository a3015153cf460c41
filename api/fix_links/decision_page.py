"""The page of a decision link, under /d/{token}: a GET shows one request, a POST decides it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath
from uuid_utils.compat import uuid7

from api.accounts.sign_in.authentication import Authenticator
from api.fix_links.addresses import decision_page_url
from api.fix_links.forms import filled_fields, form_texts, refusal_messages, refusal_page
from api.fix_links.resolver import token_digest
from api.http.bodies import AnyRequest
from api.http.client_address import client_address
from api.http.context import app_context
from api.http.pages import HEADERS, render_page
from api.http.problems import http_status
from api.http.responses import Content, serve_content
from api.messages.field_errors import find_field_errors
from api.photos.bodies import receive_form
from api.photos.processor import PhotoProcessor
from inspections.accounts.actions.security_log import Caller
from inspections.accounts.decision_links import DecisionLink
from inspections.accounts.policy import PUBLIC
from inspections.accounts.second_factor import SubmittedCode
from inspections.accounts.security_log import Event
from inspections.errors import (
    InactiveDecisionLink,
    InvalidInput,
    MissingTotpCode,
    NotFound,
    Refusal,
    TooManyRequests,
    VersionConflict,
)
from inspections.fix_links.actions.decision_links import (
    DecisionCase,
    count_decision_request,
    decide_by_link,
    load_decision,
)
from inspections.hazards.records import Hazard
from inspections.notices.templates import SEVERITIES
from inspections.photos.records import Stage
from inspections.remediation.pending_decisions import DecisionKind
from inspections.remediation.steps import ConfirmMajor, DecideExtension
from storage.repository import Repository

_OPT = {"action": PUBLIC, "any_query": True}  # messengers add query parameters to shared links
_FIELDS = {"id", "version", "answer", "reason", "authority", "document", "totp"}
_EXTENSION = DecideExtension.__struct_config__.tag
_ANSWERS = {"approve": True, "reject": False}
_MOST_PHOTOS = 9
_ADVICE = {
    "link.not_found": "没有这个链接，或者它已被收回。请检查地址是否完整，或登录后在待审批列表中办理。",
    "link.used": "审批结果已经记录，无需重复提交。",
    "link.revoked": "您的角色或账号已有变化，不能再审批该事项。",
    "link.ended": "该事项在通知之后有了新的进展，或已由他人处理。请登录后查看最新情况。",
    "link.expired": "请登录后在待审批列表中办理。",
    "auth.password_old": "请先登录并修改密码，再办理审批。",
    "auth.totp_missing": "请先登录并启用动态验证码，再办理审批。",
}


@get("/{token:str}", opt=_OPT, include_in_schema=False)
async def get_decision(request: AnyRequest) -> Response[Any]:
    """Shows the request. It changes nothing, since chat programs open the links that they pass on."""
    await _resolve(request)
    return await _decision_page(request, {})


@get("/{token:str}/photos/{sha256:str}/{size:str}", opt=_OPT, include_in_schema=False)
async def get_decision_photo(request: AnyRequest, sha256: FromPath[str], size: FromPath[str]) -> Response[Any]:
    """Returns a photo of the hazard; other photos are not found."""
    context, digest = app_context(request), token_digest(request)
    if await context.database.read(lambda repository: repository.find_decision_link(digest)) is None:
        await _resolve(request)
    case = await _load_case(request)
    if size not in {"320", "1280"} or sha256 not in {*_digests(case, Stage.BEFORE), *_digests(case, Stage.AFTER)}:
        raise NotFound("photo")
    picture = await context.part(PhotoProcessor).get_preview(sha256, int(size))
    return await serve_content(request, Content.from_bytes(picture), f"{sha256}.{size}", "image/jpeg", HEADERS)


@post("/{token:str}", opt=_OPT, status_code=200, include_in_schema=False)
async def decide_by_form(request: AnyRequest) -> Response[Any]:
    """Decides the request by the page's form. The page shows a refusal and stays filled in."""
    link = await _resolve(request)
    fields: dict[str, str] = {}
    try:
        async with receive_form(request, app_context(request).photos, _FIELDS) as form:
            fields.update(form_texts(form))
            if any(photo.size for photo in form.photos):
                raise InvalidInput(("photos", "审批不需要照片"))
        hazard = await _decide(request, link, fields)
    except (InactiveDecisionLink, VersionConflict, TooManyRequests, NotFound):
        raise
    except Refusal as refusal:
        return await _decision_page(request, fields, refusal)
    approved, is_extension = _ANSWERS[fields["answer"]], link.step == _EXTENSION
    return render_page("decided.html", approved=approved, is_extension=is_extension, hazard=hazard)


async def _resolve(request: AnyRequest) -> DecisionLink:
    """Counts the request and returns its link, in whatever state. Raises NotFound, TooManyRequests."""
    context = app_context(request)
    action = partial(
        count_decision_request, digest=token_digest(request), address=client_address(request), now=context.clock()
    )
    link = await context.database.transact(action)
    if link is None:
        raise NotFound("link")
    return link


async def _load_case(request: AnyRequest) -> DecisionCase:
    context = app_context(request)
    profile = context.settings.security_profile
    load = partial(load_decision, digest=token_digest(request), now=context.clock(), profile=profile)
    return await context.database.read(load)


# the decision -----------------------------------------------------------------------------------------------------


async def _decide(request: AnyRequest, link: DecisionLink, fields: Mapping[str, str]) -> Hazard:
    context = app_context(request)
    step, code = _parse_step(link, fields), await _check_code(request, link, fields)
    action = partial(
        decide_by_link,
        digest=link.digest,
        step=step,
        code=code,
        now=context.clock(),
        profile=context.settings.security_profile,
    )
    caller = Caller(link.username, client_address(request))
    try:
        done = await context.log.transact(action, Event.DECIDED_BY_LINK, caller, str(link.hazard))
    except MissingTotpCode:
        raise InvalidInput(("totp", MissingTotpCode.title)) from None
    return done.hazard


def _parse_step(link: DecisionLink, fields: Mapping[str, str]) -> DecideExtension | ConfirmMajor:
    """Makes the step from the form's fields. Raises InvalidInput."""
    approves = _ANSWERS.get(fields.get("answer", ""))
    if approves is None:
        raise InvalidInput(("answer", "请选择同意或不同意"))
    facts: dict[str, Any] = {name: fields[name] for name in ("id", "version", "reason") if name in fields}
    if link.step == _EXTENSION:
        kind: type[DecideExtension | ConfirmMajor] = DecideExtension
        facts["granted"] = approves
    else:
        kind = ConfirmMajor
        facts["confirmed"] = approves
        facts |= {name: fields[name] for name in ("authority", "document") if approves and name in fields}
    try:
        return msgspec.convert(facts, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(*find_field_errors(msgspec.json.encode(facts), kind, error, strict=False)) from None


async def _check_code(request: AnyRequest, link: DecisionLink, fields: Mapping[str, str]) -> SubmittedCode | None:
    """Checks the code of the second factor, where one was typed; a wrong one counts as a failed sign-in.

    A link that was used needs none: the form was sent again, and its code is spent. Raises InvalidInput,
    TooManySignInAttempts.
    """
    if link.used_at is not None or "totp" not in fields:
        return None
    sign_in, token = app_context(request).part(Authenticator), request.path_params["token"]
    shown = await sign_in.reauthenticate(token, link.username, None, fields["totp"], client_address(request))
    return shown.code


# the page ---------------------------------------------------------------------------------------------------------


async def _decision_page(
    request: AnyRequest, fields: Mapping[str, str], refusal: Refusal | None = None
) -> Response[Any]:
    case = await _load_case(request)
    hazard = case.request.hazard

    def load_names(repository: Repository) -> dict[str, str]:
        community, category = repository.community(hazard.community), repository.category(hazard.category)
        asked = repository.person(case.request.by) if case.request.by else None
        return {
            "community": community.name if community else "",
            "category": category.name if category else "",
            "by": asked.name if asked else "系统",
        }

    names = await app_context(request).database.read(load_names)
    new = {"id": str(uuid7()), "version": str(case.link.version)}
    return render_page(
        "decision.html",
        http_status(refusal) if refusal else 200,
        asked=case.request,
        hazard=hazard,
        names=names,
        severity=SEVERITIES[hazard.severity],
        is_extension=case.request.kind is DecisionKind.EXTENSION,
        before=_digests(case, Stage.BEFORE),
        after=_digests(case, Stage.AFTER),
        needs_code=case.factor is not None,
        person=case.person,
        link=case.link,
        fields=filled_fields(_FIELDS, new | {**fields, "version": new["version"], "totp": ""}),
        refused=refusal_messages(refusal),
        base=decision_page_url(request, request.path_params["token"]),
    )


def _digests(case: DecisionCase, stage: Stage) -> list[str]:
    shown = (each.mention.sha256 for each in case.photos if each.mention.stage is stage and each.is_present)
    return list(dict.fromkeys(shown))[:_MOST_PHOTOS]


def _refusal_response(_: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    """Answers a refusal by a page, which reveals nothing about a hazard."""
    return refusal_page(InactiveDecisionLink("ended") if isinstance(refusal, VersionConflict) else refusal, _ADVICE)


PAGES = [
    Router(
        "/d",
        route_handlers=[get_decision, get_decision_photo, decide_by_form],
        exception_handlers={Refusal: _refusal_response},
    )
]
