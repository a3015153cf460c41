"""The steps of officers and handlers: accept, verify, assign, return, fix, reclassify, request an extension."""

from datetime import UTC

from inspections.errors import Conflict, Invalid
from inspections.hazards.records import Extension, Hazard, MajorBasis, Outcome
from inspections.photos.evidence import has
from inspections.photos.records import Stage
from inspections.remediation.actions.case import Case, accepted, unless
from inspections.remediation.steps import (
    Accept,
    Assign,
    ProposeMajor,
    Reclassify,
    RequestExtension,
    Return,
    SetCause,
    SubmitFix,
    Verify,
)


class TooLate(Conflict):
    code = "deadline.passed"
    title = "整改期限已过，不能再申请延期"


def accept(case: Case, step: Accept) -> Hazard:
    category = case.category(case.hazard.category)
    priority = step.priority or case.hazard.priority
    if priority is None:
        raise Invalid(("priority", "该类别须在受理时确定紧急程度"))
    return accepted(case.repository, case.hazard, category, case.now, priority, major=step.severity == "major")


def verify(case: Case, step: Verify) -> Hazard:
    if not (step.photos or step.note):
        raise Invalid(("note", "请附照片或说明"))
    if case.hazard.quantity_done and step.outcome != "self_resolved":
        raise Invalid(("outcome", "已确认部分整改的隐患不能核实为不属实或误报"))
    return case.moved(step, outcome=Outcome(step.outcome))


def assign(case: Case, step: Assign) -> Hazard:
    """Assigns the hazard to a handler, or to the responsible party, for which a person with an account reports."""
    party = step.responsible_party or case.hazard.responsible_party
    unless(
        {
            ("lead", "请指定整改人，或填写整改责任主体"): step.lead is None and party is None,
            ("assisting", "协助人员须在指定整改人之后"): step.lead is None and step.assisting,
        }
    )
    for field, username in (("lead", step.lead), *(("assisting", name) for name in step.assisting)):
        if username is not None and not _is_handler(case, username):
            raise Invalid((field, "该社区没有这位整改人"))
    return case.moved(step, lead=step.lead, assisting=step.assisting, responsible_party=party, extension=None)


def _is_handler(case: Case, username: str) -> bool:
    person = case.repository.person(username)
    return person is not None and person.at(case.now).fixes_in(case.hazard.community)


def give_back(case: Case, step: Return) -> Hazard:
    """退单: returns the hazard to the officer, unassigned."""
    return case.moved(step, lead=None, assisting=(), times_returned=case.hazard.times_returned + 1)


def submit_fix(case: Case, step: SubmitFix) -> Hazard:
    on_behalf = case.person.username not in case.hazard.handlers
    unless(
        {
            ("photos", "请附整改后照片"): not has(step.photos, Stage.AFTER),
            ("quantity_done", "整改数量不能超过隐患数量"): step.quantity_done > case.hazard.quantity,
            ("quantity_done", "整改数量不能少于已确认的数量"): step.quantity_done < case.hazard.quantity_done,
            ("on_behalf_of", "代为填报须写明整改人"): on_behalf and step.on_behalf_of is None,
            ("on_behalf_of", "不能写未被派单人员的账号"): _names_an_outsider(case, step.on_behalf_of),
        }
    )
    return case.moved(
        step,
        quantity_claimed=step.quantity_done,
        fix_method=step.method,
        fix_outcome=step.outcome,
        fixed_by=step.on_behalf_of or case.person.username,
        submitted_at=case.now,
    )


def _names_an_outsider(case: Case, named: str | None) -> bool:
    """Tells whether `named` is the account of an uninvolved person, who could then not do the re-check."""
    party = case.hazard.responsible_party
    involved = (*case.hazard.handlers, party.name if party else None, None)
    return named not in involved and case.repository.person(str(named)) is not None


def set_category(case: Case, step: SetCause | Reclassify) -> Hazard:
    """Changes the category. The deadline stays unless a new one is given."""
    category = case.category(step.category)
    hazard = case.hazard
    unless(
        {
            ("category", "该类别由监测设备发起，不能人工选定"): category.from_device,
            ("category", "类别没有变化"): category.code == hazard.category,
            ("due_at", "受理之后才有整改期限"): step.due_at is not None and hazard.accepted_at is None,
        }
    )
    return case.moved(
        step,
        **case.until(step.due_at),
        category=category.code,
        found_category=hazard.found_category or hazard.category,
        unit=category.unit,
        advisory=category.advisory,
        priority=hazard.priority or category.priority,
        major_proposed=hazard.major_proposed or category.proposes_major,
    )


def propose_major(case: Case, step: ProposeMajor) -> Hazard:
    return case.moved(step, major_proposed=True, major=MajorBasis(step.basis))


def request_extension(case: Case, step: RequestExtension) -> Hazard:
    """Requests an extension before the deadline. Raises LateExtensionRequest after it."""
    due_at = case.hazard.due_at
    if due_at is not None and due_at <= case.now:
        raise TooLate(due_at=due_at)
    if due_at is None or step.due_at <= due_at:
        raise Invalid(("due_at", "申请的期限须晚于现有期限"))
    asked = Extension(case.person.username, case.now, step.due_at.astimezone(UTC), step.reason)
    return case.moved(step, extension=asked)
