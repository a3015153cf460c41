"""复查, the re-check of a fix or of a missing one, and 回头看, the look-back at a closed hazard."""

from inspections.errors import InvalidInput, MissingPhotos
from inspections.hazards.deadlines import is_overdue, look_back_deadline
from inspections.hazards.records import Hazard, Outcome
from inspections.photos.evidence import missing_digests
from inspections.remediation.actions.step_context import StepContext, raise_for_errors
from inspections.remediation.steps import LookBack, Recheck


def recheck(context: StepContext, step: Recheck) -> Hazard:
    match step.result:
        case "pass":
            return _pass_fix(context, step)
        case "fail":
            return _fail_fix(context, step)
        case "partial":
            return _record_partial_fix(context, step)
        case "refused":
            return _record_refusal(context, step)
        case _:
            return _record_expiry(context, step)


def _pass_fix(context: StepContext, step: Recheck) -> Hazard:
    if absent := missing_digests(context.photos):
        raise MissingPhotos(absent)
    if not (step.photos or step.note):
        raise InvalidInput(("note", "请附复查照片或说明"))
    if context.hazard.quantity_claimed < context.hazard.quantity:
        raise InvalidInput(("result", "尚未全部整改，请按分批整改（partial）记录"))
    again = look_back_deadline(context.category(context.hazard.category), context.now)
    return context.transition(
        step, outcome=Outcome.FIXED, quantity_done=context.hazard.quantity, look_back_due_at=again
    )


def _fail_fix(context: StepContext, step: Recheck) -> Hazard:
    raise_for_errors(
        {
            ("reason", "请写明复查不通过的原因"): step.reason is None,
            ("due_at", "请给出新的整改期限"): step.due_at is None,
        }
    )
    return context.transition(
        step, **context.deadline_fields(step.due_at), times_reworked=context.hazard.times_reworked + 1
    )


def _record_partial_fix(context: StepContext, step: Recheck) -> Hazard:
    done = step.quantity_done
    hazard = context.hazard
    if done is None or not hazard.quantity_done <= done <= min(hazard.quantity_claimed, hazard.quantity - 1):
        raise InvalidInput(("quantity_done", "请给出已整改数量：不少于已确认的、不多于填报的，且少于隐患数量"))
    return context.transition(step, quantity_done=done)


def _record_refusal(context: StepContext, step: Recheck) -> Hazard:
    raise_for_errors(
        {
            ("reason", "请写明拒不整改的情况"): step.reason is None,
            ("note", "请写明已落实的管控措施"): step.note is None,
            ("result", "整改期限未到，不能按拒改处理"): context.hazard.due_at is None
            or context.now <= context.hazard.due_at,
        }
    )
    return context.transition(step, outcome=Outcome.REFUSED_CONTROLLED)


def _record_expiry(context: StepContext, step: Recheck) -> Hazard:
    raise_for_errors(
        {
            ("note", "请附照片或说明"): not (step.photos or step.note),
            ("result", "整改期限未到，不必作逾期复查"): not is_overdue(context.hazard, context.now),
        }
    )
    return context.transition(step)


def look_back(context: StepContext, step: LookBack) -> Hazard:
    if step.result == "rebound" and not step.photos:
        raise InvalidInput(("photos", "反弹须附照片"))
    rebounded = context.rebound.id if context.rebound else context.hazard.rebounded_as
    return context.transition(step, rebounded_as=rebounded, look_back_due_at=None)
