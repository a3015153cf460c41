"""A person takes a step on a hazard. The order of refusal is the contract's: 404, 403, replay, 409, 409, 422."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from inspections.actions.dispatch import accepted, assigned_by_rule
from inspections.actions.photos import declare
from inspections.actions.reports import Dossier, facts_of, rebound
from inspections.deadlines import due, next_check
from inspections.errors import (
    Forbidden,
    IdConflict,
    IdTaken,
    Invalid,
    Missing,
    OwnFix,
    PhotosMissing,
    Stale,
    differing,
)
from inspections.evidence import Shown, has, missing
from inspections.hazards import OPEN, Entry, Hazard, Outcome, Stage, State
from inspections.history import written
from inspections.lifecycle import check, moved
from inspections.people import Person
from inspections.policy import scope
from inspections.register import Change, Register
from inspections.steps import (
    Accept,
    Assign,
    Attach,
    LookBack,
    Merge,
    Note,
    Recheck,
    Reject,
    Return,
    Start,
    Step,
    SubmitFix,
    Verify,
)


class _Case(NamedTuple):
    """What a step is decided on. `shown`: the photos declared so far and with this step; `born`: from a rebound."""

    register: Register
    person: Person
    hazard: Hazard
    shown: list[Shown]
    born: Hazard | None
    now: datetime

    def moved(self, step: Step, **facts: object) -> Hazard:
        """The hazard after this step, with the sweep's next look set by the clock that then runs."""
        after = moved(self.hazard, step.move, self.now, **facts)
        if (after.state, after.due_at) != (self.hazard.state, self.hazard.due_at):
            return replace(after, next_check_at=next_check(after))
        return after


def visible(register: Register, person: Person, hazard_id: UUID, action: str = "hazard.see") -> Hazard:
    """The hazard, for those who may see it. Raises Missing where it is not there and where it is not theirs."""
    hazard = register.hazard(hazard_id)
    if hazard is None or not scope(person, action).covers(hazard):
        raise Missing("hazard")
    return hazard


def take_step(register: Register, person: Person, hazard_id: UUID, step: Step, now: datetime) -> Change[Dossier]:
    """Raises Missing, Forbidden, IdConflict, IdTaken, Stale, WrongState, PhotosMissing, Invalid: nothing is written."""
    earlier = register.entry(step.id)
    if earlier is not None and (earlier.by, earlier.hazard) == (person.username, hazard_id):
        # Before the 404: who returns a hazard no longer sees it, and its phone must be able to ask again.
        return Change(_again(register, step, earlier))
    hazard = visible(register, person, hazard_id)
    _permit(person, step, hazard)
    if earlier is not None:
        raise IdConflict(["hazard"]) if earlier.by == person.username else IdTaken
    if step.version != hazard.version:
        raise Stale(step.version, hazard.version)
    check(hazard, step.move)
    born = rebound(hazard, register, person, now) if isinstance(step, LookBack) and step.result == "rebound" else None
    declared = declare(register, person, (step.id, (born or hazard).id), step.declared, now)
    shown = [*register.shown([hazard.id]), *(() if born else declared.shown)]
    decided = _decide(_Case(register, person, hazard, shown, born, now), step)
    after, line = written(decided, line=step.id, step=step.move, by=person.username, now=now, facts=facts_of(step))
    after, more = _dispatched(register, after, step, now)
    new = _begun(born, person, now) if born else ()
    return Change(Dossier(after, shown), (*new, line, *more, *declared.records), ((hazard, after),))


def _permit(person: Person, step: Step, hazard: Hazard) -> None:
    if not scope(person, f"step.{step.move}").covers(hazard):
        raise Forbidden(step=step.move)
    if isinstance(step, Recheck) and step.result != "refused" and hazard.fixed_by == person.username:
        raise OwnFix


def _again(register: Register, step: Step, earlier: Entry) -> Dossier:
    hazard = register.hazard(earlier.hazard)
    if hazard is None:
        raise Missing("hazard")
    if earlier.step != step.move:
        raise IdConflict(["step"])
    kind = type(step)
    kept = {**earlier.facts, "id": earlier.id, "version": earlier.version - 1, "step": kind.__struct_config__.tag}
    if fields := differing(msgspec.convert(kept, kind, strict=False), step, kind.__struct_fields__):
        raise IdConflict(fields)
    return Dossier(hazard, register.shown([hazard.id]))


def _decide(case: _Case, step: Step) -> Hazard:  # noqa: PLR0911  # one line a step: a table in words
    match step:
        case Accept():
            return _accept(case, step)
        case Reject():
            return case.moved(step)
        case Merge():
            return _merge(case, step)
        case Verify():
            return _verify(case, step)
        case Assign():
            return _assign(case, step)
        case Return():
            returned = case.hazard.times_returned + 1
            return case.moved(step, lead=None, assisting=(), times_returned=returned)
        case Start() | Note() | Attach():
            return case.moved(step)
        case SubmitFix():
            return _submit_fix(case, step)
        case Recheck():
            return _recheck(case, step)
        case _:
            return _look_back(case, step)


def _accept(case: _Case, step: Accept) -> Hazard:
    category = case.register.category(case.hazard.category)
    if category is None:
        raise Missing("category")
    priority = step.priority or case.hazard.priority
    if priority is None:
        raise Invalid(("priority", "该类别须在受理时确定紧急程度"))
    major = step.severity == "major"
    return accepted(case.register, case.hazard, category, case.now, priority, major=major)


def _dispatched(register: Register, hazard: Hazard, step: Step, now: datetime) -> tuple[Hazard, tuple[Entry, ...]]:
    """What has just been accepted goes where a dispatch rule says."""
    category = register.category(hazard.category) if isinstance(step, Accept) else None
    return assigned_by_rule(register, hazard, category, now) if category else (hazard, ())


def _merge(case: _Case, step: Merge) -> Hazard:
    master = case.register.hazard(step.into)
    if master is None or not scope(case.person, "hazard.see").covers(master):
        raise Missing("hazard", "into")
    if master.id == case.hazard.id:
        raise Invalid(("into", "不能并入自身"))
    if master.state not in OPEN | {State.CLOSED}:
        raise Invalid(("into", "所并入的隐患已作废、不予受理或本身已并案"))
    return case.moved(step, merged_into=master.id)


def _verify(case: _Case, step: Verify) -> Hazard:
    if not (step.photos or step.note):
        raise Invalid(("note", "请附照片或说明"))
    if case.hazard.quantity_done and step.outcome != "self_resolved":
        raise Invalid(("outcome", "已确认部分整改的隐患不能核实为不属实或误报"))
    return case.moved(step, outcome=Outcome(step.outcome))


def _assign(case: _Case, step: Assign) -> Hazard:
    for field, username in (("lead", step.lead), *(("assisting", name) for name in step.assisting)):
        person = case.register.person(username)
        if person is None or not person.fixes_in(case.hazard.community):
            raise Invalid((field, "该社区没有这位整改人"))
    return case.moved(step, lead=step.lead, assisting=step.assisting)


def _submit_fix(case: _Case, step: SubmitFix) -> Hazard:
    on_behalf = case.person.username not in case.hazard.handlers
    unmet = {
        ("photos", "请附整改后照片"): not has(step.photos, Stage.AFTER),
        ("quantity_done", "整改数量不能超过隐患数量"): step.quantity_done > case.hazard.quantity,
        ("quantity_done", "整改数量不能少于已确认的数量"): step.quantity_done < case.hazard.quantity_done,
        ("on_behalf_of", "代为填报须写明整改人"): on_behalf and step.on_behalf_of is None,
        ("on_behalf_of", "不能写未被派单人员的账号"): _names_an_outsider(case, step.on_behalf_of),
    }
    if errors := [error for error, holds in unmet.items() if holds]:
        raise Invalid(*errors)
    return case.moved(
        step,
        fix_method=step.method,
        fix_outcome=step.outcome,
        fixed_by=step.on_behalf_of or case.person.username,
        quantity_claimed=step.quantity_done,
        submitted_at=case.now,
        recheck_due_at=due(case.register.rules.recheck, case.now, case.register.calendar).at,
    )


def _names_an_outsider(case: _Case, named: str | None) -> bool:
    """Whether `named` is the account of somebody who has no part in this fix: it would bar them from the re-check."""
    return named is not None and named not in case.hazard.handlers and case.register.person(named) is not None


def _recheck(case: _Case, step: Recheck) -> Hazard:
    match step.result:
        case "pass":
            return _pass(case, step)
        case "fail":
            return _fail(case, step)
        case "partial":
            return _partial(case, step)
        case _:
            return _refused(case, step)


def _pass(case: _Case, step: Recheck) -> Hazard:
    if absent := missing(case.shown):
        raise PhotosMissing(absent)
    if not (step.photos or step.note):
        raise Invalid(("note", "请附复查照片或说明"))
    if case.hazard.quantity_claimed < case.hazard.quantity:
        raise Invalid(("result", "尚未全部整改，请按分批整改（partial）记录"))
    return case.moved(step, outcome=Outcome.FIXED, quantity_done=case.hazard.quantity, recheck_due_at=None)


def _fail(case: _Case, step: Recheck) -> Hazard:
    unmet = {
        ("reason", "请写明复查不通过的原因"): step.reason is None,
        ("due_at", "请给出新的整改期限"): step.due_at is None,
        ("due_at", "新的整改期限须在当前时间之后"): step.due_at is not None and step.due_at <= case.now,
    }
    if errors := [error for error, holds in unmet.items() if holds]:
        raise Invalid(*errors)
    return case.moved(
        step,
        due_at=step.due_at.astimezone(UTC) if step.due_at else None,
        due_provisional=False,
        deadline_number=case.hazard.deadline_number + 1,
        recheck_due_at=None,
        times_reworked=case.hazard.times_reworked + 1,
    )


def _partial(case: _Case, step: Recheck) -> Hazard:
    done = step.quantity_done
    hazard = case.hazard
    if done is None or not hazard.quantity_done <= done <= min(hazard.quantity_claimed, hazard.quantity - 1):
        raise Invalid(("quantity_done", "请给出已整改数量：不少于已确认的、不多于填报的，且少于隐患数量"))
    return case.moved(step, quantity_done=done, recheck_due_at=None)


def _refused(case: _Case, step: Recheck) -> Hazard:
    unmet = {
        ("reason", "请写明拒不整改的情况"): step.reason is None,
        ("note", "请写明已落实的管控措施"): step.note is None,
        ("result", "整改期限未到，不能按拒改处理"): case.hazard.due_at is None or case.now <= case.hazard.due_at,
    }
    if errors := [error for error, holds in unmet.items() if holds]:
        raise Invalid(*errors)
    return case.moved(step, outcome=Outcome.REFUSED_CONTROLLED, recheck_due_at=None)


def _look_back(case: _Case, step: LookBack) -> Hazard:
    if step.result == "rebound" and not step.photos:
        raise Invalid(("photos", "反弹须附照片"))
    return case.moved(step, rebounded_as=case.born.id if case.born else case.hazard.rebounded_as)


def _begun(born: Hazard, person: Person, now: datetime) -> tuple[Hazard, Entry]:
    facts = {"recurrence_of": str(born.recurrence_of)}
    return written(born, line=born.id, step="rebound", by=person.username, now=now, facts=facts)
