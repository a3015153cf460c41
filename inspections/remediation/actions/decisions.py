"""The steps of supervisors: extend, suspend, supervise, transfer, reopen, evaluate."""

from datetime import UTC, timedelta
from typing import Any

from inspections.accounts.people import Person, Role
from inspections.errors import Conflict, InvalidInput
from inspections.hazards.deadlines import (
    EVALUATION_PERIOD,
    can_still_be_evaluated,
    compute_deadline,
    remaining_time,
    resumed_deadline,
    stage_due_fields,
)
from inspections.hazards.records import (
    Evaluation,
    Hazard,
    MajorBasis,
    Outcome,
    State,
    Supervision,
    Suspension,
    TransferRecord,
)
from inspections.office.categories import Severity, TimeUnit
from inspections.remediation.actions.step_context import StepContext, raise_for_errors
from inspections.remediation.steps import (
    ConfirmMajor,
    DecideExtension,
    Evaluate,
    Reopen,
    Resume,
    Supervise,
    Suspend,
    Transfer,
    TransferReply,
    Unsupervise,
)


class LateReopenRequest(Conflict):
    code = "reopen.too_late"
    title = "办结时间过久，不能重新打开"


class LateEvaluation(Conflict):
    code = "evaluate.too_late"
    title = "办结已超过三十天，不能再评价"


def confirm_major(context: StepContext, step: ConfirmMajor) -> Hazard:
    """Confirms the hazard as major with authority and document, or declines it with a reason."""
    if not step.confirmed:
        raise_for_errors({("reason", "请写明不予认定的原因"): step.reason is None})
        return context.transition(step, major_proposed=False, major=None)
    raise_for_errors(
        {
            ("authority", "请写明认定单位"): step.authority is None,
            ("document", "请写明认定文号"): step.document is None,
            ("due_at", "暂缓期间整改停钟，不能另设期限"): step.due_at and context.hazard.state is State.SUSPENDED,
        }
    )
    basis = context.hazard.major.basis if context.hazard.major else (step.reason or "")
    determined = MajorBasis(basis, step.authority, step.document)
    return context.transition(
        step, **context.deadline_fields(step.due_at), severity=Severity.MAJOR, major_proposed=False, major=determined
    )


def decide_extension(context: StepContext, step: DecideExtension) -> Hazard:
    """Decides on an extension request; the original deadline is kept. A second one and a refusal require a reason."""
    hazard, asked = context.hazard, context.hazard.extension
    raise_for_errors(
        {
            ("reason", "请写明不同意延期的原因"): not step.granted and step.reason is None,
            ("reason", "再次延期须写明原因"): step.granted and hazard.times_extended and step.reason is None,
        }
    )
    if not step.granted or asked is None:
        return context.transition(step, extension=None)
    return context.transition(
        step,
        **context.deadline_fields(step.due_at or asked.due_at),
        extension=None,
        original_due_at=hazard.original_due_at or hazard.due_at,
        times_extended=hazard.times_extended + 1,
    )


def suspend(context: StepContext, step: Suspend) -> Hazard:
    """Stops the fixing clock and stores the time that remained."""
    hazard, now, calendar = context.hazard, context.now, context.repository.calendar
    latest = compute_deadline(context.repository.rules.suspension_review_at_most, now, calendar).at
    raise_for_errors(
        {
            ("review_at", "复核时间须在当前时间之后"): step.review_at <= now,
            ("review_at", "复核时间超过了规定的最长暂缓时间"): step.review_at > latest,
        }
    )
    due_at = hazard.due_at or now
    remains = remaining_time(hazard.term, due_at, now, calendar)
    stands = Suspension(context.person.username, now, hazard.state, step.reason, step.measures, due_at, remains)
    return context.transition(step, suspension=stands, due_at=None, review_due_at=step.review_at.astimezone(UTC))


def resume(context: StepContext, step: Resume) -> Hazard:
    """Resumes the fixing clock with the time that remained; the deadline keeps its number."""
    stood = context.hazard.suspension
    if stood is None:
        raise AssertionError  # `check_transition` admits only suspended hazards
    if stood.left is None:
        return context.transition(step, suspension=None, due_at=stood.due_at)
    deadline = resumed_deadline(stood, context.now, context.repository.calendar)
    return context.transition(
        step,
        suspension=None,
        due_at=deadline.at,
        due_provisional=deadline.provisional,
        due_from=context.now,
        term=None if stood.left.unit is TimeUnit.MINUTES else stood.left,
    )


def supervise(context: StepContext, step: Supervise) -> Hazard:
    if context.hazard.severity is Severity.MAJOR and step.arrangements is None:
        raise InvalidInput(("arrangements", "重大隐患督办须落实责任人、措施、时限、资金和预案"))
    watched = Supervision(context.person.username, context.now, step.level, step.document, step.arrangements)
    return context.transition(step, supervision=watched)


def unsupervise(context: StepContext, step: Unsupervise) -> Hazard:
    return context.transition(step, supervision=None)


def transfer(context: StepContext, step: Transfer) -> Hazard:
    now = context.now
    clock: dict[str, Any] = stage_due_fields(
        "reply_due_at", context.repository.rules.transfer_reply, now, context.repository.calendar
    )
    if step.reply_due_at:
        raise_for_errors({("reply_due_at", "答复期限须在当前时间之后"): step.reply_due_at <= now})
        clock = {"reply_due_at": step.reply_due_at.astimezone(UTC)}
    handed = TransferRecord(context.person.username, now, step.to, step.reason)
    return context.transition(step, transfer=handed, **clock, lead=None, assisting=())


def answer_transfer(context: StepContext, step: TransferReply) -> Hazard:
    settled = step.result == "settled"
    raise_for_errors({("due_at", "移交办结不需要新的期限"): settled and step.due_at is not None})
    before = context.hazard.transfer
    if before is None:
        raise AssertionError  # every transferred hazard has one
    answered = TransferRecord(before.by, before.at, before.to, before.reason, step.receipt)
    ended = {"outcome": Outcome.SETTLED_ELSEWHERE} if settled else context.deadline_fields(step.due_at)
    return context.transition(step, transfer=answered, **ended)


def reopen(context: StepContext, step: Reopen) -> Hazard:
    """Reopens a hazard within the days that the rules allow, with a new deadline.

    Quantities done are reset, and so is the evaluation: the closing that it judged no longer stands.
    """
    hazard, now = context.hazard, context.now
    days = context.repository.rules.reopen_within_days
    if hazard.closed_at is not None and now - hazard.closed_at > timedelta(days=days):
        raise LateReopenRequest(days=days, closed_at=hazard.closed_at)
    priority = step.priority or hazard.priority
    if priority is None:
        raise InvalidInput(("priority", "该类别须确定紧急程度"))
    return context.transition(
        step,
        **context.deadline_fields(step.due_at),
        priority=priority,
        outcome=None,
        closed_at=None,
        accepted_at=hazard.accepted_at or now,
        submitted_at=None,
        quantity_claimed=0,
        quantity_done=0,
        lead=None,
        assisting=(),
        fixed_on_spot=False,
        fixed_by=None,
        recheck_flag=None,
        merged_into=None,
        original_due_at=None,
        look_back_due_at=None,
        evaluation=None,
        times_reopened=hazard.times_reopened + 1,
    )


def may_evaluate(person: Person, hazard: Hazard) -> bool:
    """Tells whether this person is the hazard's reporter or its supervisor; the party evaluates by its link."""
    return person.username == hazard.reporter or person.has_role(Role.SUPERVISOR, hazard.community)


def evaluate(context: StepContext, step: Evaluate) -> Hazard:
    """Evaluates a closing, once and within thirty days of it. Raises LateEvaluation."""
    if not can_still_be_evaluated(context.hazard, context.now):
        raise LateEvaluation(days=EVALUATION_PERIOD.days, closed_at=context.hazard.closed_at)
    return context.transition(step, evaluation=Evaluation(context.person.username, context.now, step.score, step.words))
