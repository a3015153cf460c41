"""The page of a link after its fix: the state of the case and, once it is closed, the evaluation (评价)."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from litestar import Response, post
from msgspec import Struct
from uuid_utils.compat import uuid7

from api.fix_links.addresses import page_url
from api.fix_links.forms import accepts_only_json, filled_fields, form_texts, refusal_messages
from api.fix_links.resolver import LinkResolver, token_digest
from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.http.pages import HEADERS, render_page
from api.http.problems import http_status
from api.messages.field_errors import find_field_errors
from api.photos.bodies import FORM_BYTES, receive_form
from inspections.accounts.policy import PUBLIC
from inspections.errors import InactiveLink, InvalidInput, NotFound, Refusal, TooManyRequests
from inspections.fix_links.actions.party_links import CaseProgress, evaluate_by_link, load_party_case
from inspections.hazards.records import Outcome, State
from inspections.remediation.steps import Evaluate
from storage.repository import Repository

_FIELDS = {"id", "version", "score", "words"}
_STATES = {
    State.REPORTED: "待受理",
    State.ACCEPTED: "已受理，待派单",
    State.ASSIGNED: "已派单，待整改",
    State.RECTIFYING: "整改中",
    State.PENDING_RECHECK: "整改情况已收到，待街道复查",
    State.CLOSED: "已办结",
    State.REJECTED: "不予受理",
    State.DUPLICATE: "已与同一事项合并办理",
    State.SUSPENDED: "暂缓整改",
    State.TRANSFERRED: "已移交其他部门",
    State.CANCELLED: "已作废",
}
_OUTCOMES = {
    Outcome.FIXED: "已整改",
    Outcome.UNFOUNDED: "不属实",
    Outcome.FALSE_ALARM: "误报",
    Outcome.SELF_RESOLVED: "自行消除",
    Outcome.REFUSED_CONTROLLED: "已落实管控措施",
    Outcome.SETTLED_ELSEWHERE: "移交办结",
}
_NEEDS_NEW_LINK = {State.ACCEPTED, State.ASSIGNED, State.RECTIFYING, State.SUSPENDED}
SCORES = ((5, "非常满意"), (4, "满意"), (3, "一般"), (2, "不满意"), (1, "非常不满意"))


class CaseProgressView(Struct, frozen=True):
    """The view of the party after its fix. `progress`: the state in Chinese words; `hint`: what it means for the party.

    `may_evaluate`: POST …/steps takes the step `evaluate` with this `version`; `evaluated`: this link has evaluated.
    """

    number: str
    state: State
    progress: str
    hint: str
    submitted_at: datetime | None
    closed_at: datetime | None
    expires_at: datetime
    version: int
    may_evaluate: bool
    evaluated: bool


class EvaluationReceipt(Struct, frozen=True):
    """The receipt of an evaluation."""

    number: str
    score: int
    thanks: str = "感谢您的评价。"


def progress_view(found: CaseProgress) -> CaseProgressView:
    link, hazard, may_evaluate, evaluated = found
    outcome = f"（{_OUTCOMES[hazard.outcome]}）" if hazard.outcome else ""
    return CaseProgressView(
        number=hazard.number,
        state=hazard.state,
        progress=f"{_STATES[hazard.state]}{outcome}",
        hint=_hint(found),
        submitted_at=hazard.submitted_at,
        closed_at=hazard.closed_at,
        expires_at=link.expires_at,
        version=hazard.version,
        may_evaluate=may_evaluate,
        evaluated=evaluated,
    )


def _hint(found: CaseProgress) -> str:
    if found.evaluated:
        return "感谢您的评价。"
    if found.may_evaluate:
        return "请对本次办理情况作出评价，每件只能评价一次。"
    if found.hazard.state is State.CLOSED:
        return "本事项已办结，不再接受评价。"
    if found.hazard.state in _NEEDS_NEW_LINK:
        return "本链接已提交过整改情况。如需再次提交，请联系街道重新开具。"
    return "办结后可通过本链接评价一次。"


def progress_response(request: AnyRequest, view: CaseProgressView) -> Response[Any]:
    """Answers with the progress of a case: a page, or JSON for clients that accept only it."""
    if accepts_only_json(request):
        return Response(view, headers=HEADERS)
    return _progress_page(request, view, {"id": str(uuid7()), "version": str(view.version)})


def _progress_page(
    request: AnyRequest, view: CaseProgressView, fields: Mapping[str, str], refusal: Refusal | None = None
) -> Response[Any]:
    return render_page(
        "progress.html",
        http_status(refusal) if refusal else 200,
        case=view,
        fields=filled_fields(_FIELDS, fields),
        refused=refusal_messages(refusal),
        scores=SCORES,
        base=page_url(request, request.path_params["token"]),
    )


@post(
    "/{token:str}/evaluation",
    opt={"action": PUBLIC, "any_query": True},
    request_max_body_size=FORM_BYTES,
    status_code=200,
    include_in_schema=False,
)
async def evaluate_by_form(request: AnyRequest) -> Response[Any]:
    """Takes the evaluation of the page's form. The page shows a refusal and stays filled in."""
    context = app_context(request)
    await context.part(LinkResolver).resolve(request, "sent")
    fields: dict[str, str] = {}
    try:
        async with receive_form(request, context.photos, _FIELDS) as form:
            fields.update(form_texts(form))
            if any(photo.size for photo in form.photos):
                raise InvalidInput(("photos", "评价不需要照片"))
        receipt = await send_evaluation(request, _parse_evaluation(fields))
        return render_page("message.html", title="评价已收到", message=f"编号 {receipt.number}。{receipt.thanks}")
    except (InactiveLink, TooManyRequests, NotFound):
        raise
    except Refusal as refusal:
        view = await _load_progress(request)
        if view is None:
            raise
        again = {"id": str(uuid7()), **fields, "version": str(view.version)}
        return _progress_page(request, view, again, refusal)


async def send_evaluation(request: AnyRequest, step: Evaluate) -> EvaluationReceipt:
    """Takes the party's evaluation. Raises as `evaluate_by_link`."""
    context = app_context(request)
    action = partial(evaluate_by_link, digest=token_digest(request), step=step, now=context.clock())
    done = await context.database.transact(action)
    return EvaluationReceipt(done.hazard.number, step.score)


async def _load_progress(request: AnyRequest) -> CaseProgressView | None:
    """Loads the progress of the case; None for a link that still shows its notice. Raises InactiveLink, NotFound."""
    context = app_context(request)

    def load(repository: Repository) -> CaseProgressView | None:
        found = load_party_case(repository, token_digest(request), context.clock())
        return progress_view(found) if isinstance(found, CaseProgress) else None

    return await context.database.read(load)


def _parse_evaluation(fields: Mapping[str, str]) -> Evaluate:
    """Makes the step from the form's fields. Raises InvalidInput."""
    if "score" not in fields:
        raise InvalidInput(("score", "请选择"))
    try:
        return msgspec.convert(dict(fields), Evaluate, strict=False)
    except msgspec.ValidationError as error:
        found = find_field_errors(msgspec.json.encode(dict(fields)), Evaluate, error, strict=False)
        raise InvalidInput(*found) from None
