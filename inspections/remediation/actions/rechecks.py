"""复查, the re-check of a fix or of a missing one, and 回头看, the look-back at a closed hazard."""

from inspections.errors import Invalid, PhotosMissing
from inspections.hazards.deadlines import is_overdue, look_back_due
from inspections.hazards.records import Hazard, Outcome
from inspections.photos.evidence import missing
from inspections.remediation.actions.case import Case, unless
from inspections.remediation.steps import LookBack, Recheck


def recheck(case: Case, step: Recheck) -> Hazard:
    match step.result:
        case "pass":
            return _pass(case, step)
        case "fail":
            return _fail(case, step)
        case "partial":
            return _partial(case, step)
        case "refused":
            return _refused(case, step)
        case _:
            return _expired(case, step)


def _pass(case: Case, step: Recheck) -> Hazard:
    if absent := missing(case.shown):
        raise PhotosMissing(absent)
    if not (step.photos or step.note):
        raise Invalid(("note", "请附复查照片或说明"))
    if case.hazard.quantity_claimed < case.hazard.quantity:
        raise Invalid(("result", "尚未全部整改，请按分批整改（partial）记录"))
    again = look_back_due(case.category(case.hazard.category), case.now)
    return case.moved(step, outcome=Outcome.FIXED, quantity_done=case.hazard.quantity, look_back_due_at=again)


def _fail(case: Case, step: Recheck) -> Hazard:
    unless(
        {
            ("reason", "请写明复查不通过的原因"): step.reason is None,
            ("due_at", "请给出新的整改期限"): step.due_at is None,
        }
    )
    return case.moved(step, **case.until(step.due_at), times_reworked=case.hazard.times_reworked + 1)


def _partial(case: Case, step: Recheck) -> Hazard:
    done = step.quantity_done
    hazard = case.hazard
    if done is None or not hazard.quantity_done <= done <= min(hazard.quantity_claimed, hazard.quantity - 1):
        raise Invalid(("quantity_done", "请给出已整改数量：不少于已确认的、不多于填报的，且少于隐患数量"))
    return case.moved(step, quantity_done=done)


def _refused(case: Case, step: Recheck) -> Hazard:
    unless(
        {
            ("reason", "请写明拒不整改的情况"): step.reason is None,
            ("note", "请写明已落实的管控措施"): step.note is None,
            ("result", "整改期限未到，不能按拒改处理"): case.hazard.due_at is None or case.now <= case.hazard.due_at,
        }
    )
    return case.moved(step, outcome=Outcome.REFUSED_CONTROLLED)


def _expired(case: Case, step: Recheck) -> Hazard:
    unless(
        {
            ("note", "请附照片或说明"): not (step.photos or step.note),
            ("result", "整改期限未到，不必作逾期复查"): not is_overdue(case.hazard, case.now),
        }
    )
    return case.moved(step)


def look_back(case: Case, step: LookBack) -> Hazard:
    if step.result == "rebound" and not step.photos:
        raise Invalid(("photos", "反弹须附照片"))
    rebounded = case.born.id if case.born else case.hazard.rebounded_as
    return case.moved(step, rebounded_as=rebounded, look_back_due_at=None)
