"""The steps of officers and handlers: accept, verify, assign, return, fix, reclassify, attach, request an extension."""

from datetime import UTC

from inspections.errors import Conflict, InvalidInput
from inspections.hazards.records import Extension, Hazard, MajorBasis, Outcome
from inspections.photos.evidence import has_stage
from inspections.photos.records import Stage
from inspections.remediation.actions.duties import is_uninvolved_account
from inspections.remediation.actions.step_context import StepContext, accept_hazard, raise_for_errors
from inspections.remediation.steps import (
    MAX_HAZARD_PHOTOS,
    Accept,
    Assign,
    Attach,
    ProposeMajor,
    Reclassify,
    RequestExtension,
    Return,
    SetCause,
    SubmitFix,
    Verify,
)


class LateExtensionRequest(Conflict):
    code = "deadline.passed"
    title = "整改期限已过，不能再申请延期"


def accept(context: StepContext, step: Accept) -> Hazard:
    category = context.category(context.hazard.category)
    priority = step.priority or context.hazard.priority
    if priority is None:
        raise InvalidInput(("priority", "该类别须在受理时确定紧急程度"))
    return accept_hazard(
        context.repository, context.hazard, category, context.now, priority, major=step.severity == "major"
    )


def verify(context: StepContext, step: Verify) -> Hazard:
    if not (step.photos or step.note):
        raise InvalidInput(("note", "请附照片或说明"))
    if context.hazard.quantity_done and step.outcome != "self_resolved":
        raise InvalidInput(("outcome", "已确认部分整改的隐患不能核实为不属实或误报"))
    return context.transition(step, outcome=Outcome(step.outcome))


def assign(context: StepContext, step: Assign) -> Hazard:
    """Assigns the hazard to a handler, or to the responsible party, for which a person with an account reports."""
    party = step.responsible_party or context.hazard.responsible_party
    raise_for_errors(
        {
            ("lead", "请指定整改人，或填写整改责任主体"): step.lead is None and party is None,
            ("assisting", "协助人员须在指定整改人之后"): step.lead is None and step.assisting,
        }
    )
    for field, username in (("lead", step.lead), *(("assisting", name) for name in step.assisting)):
        if username is not None and not _is_handler(context, username):
            raise InvalidInput((field, "该社区没有这位整改人"))
    return context.transition(step, lead=step.lead, assisting=step.assisting, responsible_party=party, extension=None)


def _is_handler(context: StepContext, username: str) -> bool:
    person = context.repository.person(username)
    return person is not None and person.with_current_grants(context.now).can_be_assigned_in(context.hazard.community)


def return_hazard(context: StepContext, step: Return) -> Hazard:
    """退单: returns the hazard to the officer, unassigned."""
    return context.transition(step, lead=None, assisting=(), times_returned=context.hazard.times_returned + 1)


def submit_fix(context: StepContext, step: SubmitFix) -> Hazard:
    """Submits a fix. A hazard of an old ledger whose quantity is counted with another one has the quantity 0."""
    on_behalf = context.person.username not in context.hazard.handlers
    raise_for_errors(
        {
            ("photos", "请附整改后照片"): not has_stage(step.photos, Stage.AFTER),
            ("quantity_done", "整改数量不能超过隐患数量"): step.quantity_done > max(context.hazard.quantity, 1),
            ("quantity_done", "整改数量不能少于已确认的数量"): step.quantity_done < context.hazard.quantity_done,
            ("on_behalf_of", "代为填报须写明整改人"): on_behalf and step.on_behalf_of is None,
            ("on_behalf_of", "不能写未被派单人员的账号或姓名"): step.on_behalf_of is not None
            and is_uninvolved_account(context.repository, context.hazard, step.on_behalf_of),
        }
    )
    return context.transition(
        step,
        quantity_claimed=min(step.quantity_done, context.hazard.quantity),
        fix_method=step.method,
        fix_outcome=step.outcome,
        fixed_by=step.on_behalf_of or context.person.username,
        submitted_at=context.now,
        found_category=_confirmed_category(context),
        vehicle_standard=step.vehicle_standard or context.hazard.vehicle_standard,
        recheck_flag=None,
    )


def set_category(context: StepContext, step: SetCause | Reclassify) -> Hazard:
    """Changes the category. The deadline stays unless a new one is given."""
    category = context.category(step.category)
    hazard = context.hazard
    raise_for_errors(
        {
            ("category", "该类别由监测设备发起，不能人工选定"): category.from_device,
            ("category", "类别没有变化"): category.code == hazard.category and not hazard.is_alert_check,
            ("due_at", "受理之后才有整改期限"): step.due_at is not None and hazard.accepted_at is None,
        }
    )
    return context.transition(
        step,
        **context.deadline_fields(step.due_at),
        category=category.code,
        found_category=hazard.found_category or hazard.category,
        unit=category.unit,
        advisory=category.advisory,
        priority=hazard.priority or category.priority,
        major_proposed=hazard.major_proposed or category.proposes_major,
        vehicle_standard=step.vehicle_standard or hazard.vehicle_standard,
    )


def _confirmed_category(context: StepContext) -> str | None:
    """The `found_category` after a fix, which shows that there was something to fix behind a device's alarm."""
    hazard = context.hazard
    if not hazard.is_alert_check or context.category(hazard.category).from_device:
        return hazard.found_category
    return hazard.category


def propose_major(context: StepContext, step: ProposeMajor) -> Hazard:
    return context.transition(step, major_proposed=True, major=MajorBasis(step.basis))


def request_extension(context: StepContext, step: RequestExtension) -> Hazard:
    """Requests an extension before the deadline. Raises LateExtensionRequest after it."""
    due_at = context.hazard.due_at
    if due_at is not None and due_at <= context.now:
        raise LateExtensionRequest(due_at=due_at)
    if due_at is None or step.due_at <= due_at:
        raise InvalidInput(("due_at", "申请的期限须晚于现有期限"))
    asked = Extension(context.person.username, context.now, step.due_at.astimezone(UTC), step.reason)
    return context.transition(step, extension=asked)


def attach(context: StepContext, step: Attach) -> Hazard:
    """Attaches photos. Only this step has a limit: it decides nothing, and can be repeated without end."""
    too_many = len(context.photos) > MAX_HAZARD_PHOTOS
    raise_for_errors({("photos", f"该隐患的照片已达 {MAX_HAZARD_PHOTOS} 张，不能再补充"): too_many})
    return context.transition(step)
