"""The steps of supervisors: extend, suspend, supervise, transfer, reopen, evaluate."""

from datetime import UTC, timedelta
from typing import Any

from inspections.accounts.people import Person, Role
from inspections.errors import Conflict, Invalid
from inspections.hazards.deadlines import by_rule, due, left
from inspections.hazards.records import (
    Evaluation,
    Hazard,
    MajorBasis,
    Outcome,
    State,
    Supervision,
    Suspension,
    Transfer,
)
from inspections.office.categories import Severity, Term, TimeUnit
from inspections.remediation.actions.case import Case, unless
from inspections.remediation.steps import (
    ConfirmMajor,
    DecideExtension,
    Evaluate,
    Reopen,
    Resume,
    Supervise,
    Suspend,
    TransferReply,
    Unsupervise,
)
from inspections.remediation.steps import Transfer as TransferStep


class TooOld(Conflict):
    code = "reopen.too_late"
    title = "办结时间过久，不能重新打开"


def confirm_major(case: Case, step: ConfirmMajor) -> Hazard:
    """Confirms the hazard as major with authority and document, or declines it with a reason."""
    if not step.confirmed:
        unless({("reason", "请写明不予认定的原因"): step.reason is None})
        return case.moved(step, major_proposed=False, major=None)
    unless(
        {
            ("authority", "请写明认定单位"): step.authority is None,
            ("document", "请写明认定文号"): step.document is None,
            ("due_at", "暂缓期间整改停钟，不能另设期限"): step.due_at and case.hazard.state is State.SUSPENDED,
        }
    )
    basis = case.hazard.major.basis if case.hazard.major else (step.reason or "")
    determined = MajorBasis(basis, step.authority, step.document)
    return case.moved(step, **case.until(step.due_at), severity=Severity.MAJOR, major_proposed=False, major=determined)


def decide_extension(case: Case, step: DecideExtension) -> Hazard:
    """Decides on an extension request; the original deadline is kept. A second one and a refusal require a reason."""
    hazard, asked = case.hazard, case.hazard.extension
    unless(
        {
            ("reason", "请写明不同意延期的原因"): not step.granted and step.reason is None,
            ("reason", "再次延期须写明原因"): step.granted and hazard.times_extended and step.reason is None,
        }
    )
    if not step.granted or asked is None:
        return case.moved(step, extension=None)
    return case.moved(
        step,
        **case.until(step.due_at or asked.due_at),
        extension=None,
        original_due_at=hazard.original_due_at or hazard.due_at,
        times_extended=hazard.times_extended + 1,
    )


def suspend(case: Case, step: Suspend) -> Hazard:
    """Stops the fixing clock and stores the time that remained."""
    hazard, now, calendar = case.hazard, case.now, case.repository.calendar
    latest = due(case.repository.rules.suspension_review_at_most, now, calendar).at
    unless(
        {
            ("review_at", "复核时间须在当前时间之后"): step.review_at <= now,
            ("review_at", "复核时间超过了规定的最长暂缓时间"): step.review_at > latest,
        }
    )
    due_at = hazard.due_at or now
    remains = left(hazard.term, due_at, now, calendar)
    stands = Suspension(case.person.username, now, hazard.state, step.reason, step.measures, due_at, remains)
    return case.moved(step, suspension=stands, due_at=None, review_due_at=step.review_at.astimezone(UTC))


def resume(case: Case, step: Resume) -> Hazard:
    """Resumes the fixing clock with the time that remained; the deadline keeps its number."""
    stood = case.hazard.suspension
    if stood is None:
        raise AssertionError  # `check_transition` admits only suspended hazards
    if stood.left is None:
        return case.moved(step, suspension=None, due_at=stood.due_at)
    deadline = due(stood.left, case.now, case.repository.calendar)
    return case.moved(
        step,
        suspension=None,
        due_at=deadline.at,
        due_provisional=deadline.provisional,
        due_from=case.now,
        term=None if stood.left.unit is TimeUnit.MINUTES else Term(stood.left.amount, stood.left.unit),
    )


def supervise(case: Case, step: Supervise) -> Hazard:
    if case.hazard.severity is Severity.MAJOR and step.arrangements is None:
        raise Invalid(("arrangements", "重大隐患督办须落实责任人、措施、时限、资金和预案"))
    watched = Supervision(case.person.username, case.now, step.level, step.document, step.arrangements)
    return case.moved(step, supervision=watched)


def unsupervise(case: Case, step: Unsupervise) -> Hazard:
    return case.moved(step, supervision=None)


def transfer(case: Case, step: TransferStep) -> Hazard:
    now = case.now
    clock: dict[str, Any] = by_rule("reply_due_at", case.repository.rules.transfer_reply, now, case.repository.calendar)
    if step.reply_due_at:
        unless({("reply_due_at", "答复期限须在当前时间之后"): step.reply_due_at <= now})
        clock = {"reply_due_at": step.reply_due_at.astimezone(UTC)}
    handed = Transfer(case.person.username, now, step.to, step.reason)
    return case.moved(step, transfer=handed, **clock, lead=None, assisting=())


def answer_transfer(case: Case, step: TransferReply) -> Hazard:
    settled = step.result == "settled"
    unless({("due_at", "移交办结不需要新的期限"): settled and step.due_at is not None})
    before = case.hazard.transfer
    if before is None:
        raise AssertionError  # every transferred hazard has one
    answered = Transfer(before.by, before.at, before.to, before.reason, step.receipt)
    ended = {"outcome": Outcome.SETTLED_ELSEWHERE} if settled else case.until(step.due_at)
    return case.moved(step, transfer=answered, **ended)


def reopen(case: Case, step: Reopen) -> Hazard:
    """Reopens a hazard within the days that the rules allow, with a new deadline; quantities done are reset."""
    hazard, now = case.hazard, case.now
    days = case.repository.rules.reopen_within_days
    if hazard.closed_at is not None and now - hazard.closed_at > timedelta(days=days):
        raise TooOld(days=days, closed_at=hazard.closed_at)
    priority = step.priority or hazard.priority
    if priority is None:
        raise Invalid(("priority", "该类别须确定紧急程度"))
    return case.moved(
        step,
        **case.until(step.due_at),
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
        merged_into=None,
        original_due_at=None,
        look_back_due_at=None,
        times_reopened=hazard.times_reopened + 1,
    )


def may_evaluate(person: Person, hazard: Hazard) -> bool:
    """Tells whether this person is the hazard's reporter or its supervisor."""
    return person.username == hazard.reporter or person.holds(Role.SUPERVISOR, hazard.community)


def evaluate(case: Case, step: Evaluate) -> Hazard:
    return case.moved(step, evaluation=Evaluation(case.person.username, case.now, step.score, step.words))
