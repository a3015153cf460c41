"""Takes a person's step on a hazard. Refusals follow the order of the API contract: 404, 403, replay, 409, 409, 422."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from inspections.accounts.people import Person
from inspections.accounts.policy import acting_for, scope
from inspections.change import Change
from inspections.errors import Forbidden, IdConflict, IdTaken, Missing, OwnFix, Stale, differing
from inspections.hazards.history import NewLine, append_history, comparable
from inspections.hazards.lifecycle import check
from inspections.hazards.records import Dossier, Entry, Hazard
from inspections.notices.recipients import notices
from inspections.photos.actions.intake import declare
from inspections.remediation.actions import decisions, handling, rechecks
from inspections.remediation.actions.case import Case
from inspections.remediation.actions.dispatch import accepted_by_rule, assigned_by_rule
from inspections.remediation.actions.escalation import caught_up
from inspections.remediation.actions.merging import joined, master_of
from inspections.remediation.actions.reporting import facts_of, rebound
from inspections.remediation.repository import RemediationRepository
from inspections.remediation.steps import (
    Accept,
    Assign,
    Attach,
    Cancel,
    ConfirmMajor,
    DecideExtension,
    Evaluate,
    LookBack,
    Merge,
    Note,
    ProposeMajor,
    Recheck,
    Reclassify,
    Reject,
    Reopen,
    RequestExtension,
    Resume,
    Return,
    SetCause,
    Start,
    Step,
    SubmitFix,
    Supervise,
    Suspend,
    Transfer,
    TransferReply,
    Unsupervise,
    Verify,
)


def visible(repository: RemediationRepository, person: Person, hazard_id: UUID, action: str = "hazard.see") -> Hazard:
    """Returns a hazard that this person may see. Raises NotFound if it does not exist or is not visible to them."""
    hazard = repository.hazard(hazard_id)
    if hazard is None or not scope(person, action).covers(hazard):
        raise Missing("hazard")
    return hazard


def take_step(
    repository: RemediationRepository, person: Person, hazard_id: UUID, step: Step, now: datetime
) -> Change[Dossier]:
    """Takes a step, or answers a repeated one.

    Nothing is written on an error: NotFound, Forbidden, IdConflict, IdOwnerConflict, VersionConflict, WrongState,
    MissingPhotos, InvalidInput.
    """
    earlier = repository.entry(step.id)
    if earlier is not None and (earlier.by, earlier.hazard) == (person.username, hazard_id):
        # Before the 404: a handler who returns a hazard no longer sees it, but their phone must be able to retry.
        return Change(again(repository, step, earlier))
    hazard = visible(repository, person, hazard_id)
    _permit(person, step, hazard)
    if earlier is not None:
        raise IdConflict(["hazard"]) if earlier.by == person.username else IdTaken
    return taken(repository, person, hazard, step, now)


def taken(
    repository: RemediationRepository, person: Person, hazard: Hazard, step: Step, now: datetime
) -> Change[Dossier]:
    """Applies a new, permitted step. Raises VersionConflict, WrongState, MissingPhotos, InvalidInput."""
    if step.version != hazard.version:
        raise Stale(step.version, hazard.version)
    check(hazard, step.move)
    master = master_of(repository, person, hazard, step) if isinstance(step, Merge) else None
    born = rebound(hazard, repository, person, now) if isinstance(step, LookBack) and step.result == "rebound" else None
    declared = declare(repository, person, (step.id, (born or hazard).id), step.declared, now)
    shown = [*repository.shown([hazard.id]), *(() if born else declared.shown)]
    reached, rungs = caught_up(repository, hazard, now)
    decided = _DECIDE[type(step)](Case(repository, person, reached, shown, born, now), step)
    lent_by = acting_for(person, f"step.{step.move}", hazard)
    said = facts_of(step)
    after, line = append_history(
        repository, reached, decided, NewLine(step.id, step.move, person.username, now, said, lent_by)
    )
    after, more = _dispatched(repository, after, step, now)
    new = _begun(repository, born, person, now) if born else ()
    with_master = joined(repository, person, after, master, shown, now) if master else Change(shown)
    told = notices(repository, hazard, after, (line, *more), now)
    records = (*rungs, *new, line, *more, *declared.records, *with_master.new, *told)
    return Change(Dossier(after, with_master.answer), records, ((hazard, after), *with_master.changed))


def _permit(person: Person, step: Step, hazard: Hazard) -> None:
    if not scope(person, f"step.{step.move}").covers(hazard):
        raise Forbidden(step=step.move)
    if isinstance(step, Recheck) and step.result != "refused" and hazard.fixed_by == person.username:
        raise OwnFix
    if isinstance(step, Evaluate) and not decisions.may_evaluate(person, hazard):
        raise Forbidden(step=step.move)


def again(repository: RemediationRepository, step: Step, earlier: Entry) -> Dossier:
    """Answers a repeated step with the current hazard. Raises IdConflict if its content differs."""
    hazard = repository.hazard(earlier.hazard)
    if hazard is None:
        raise Missing("hazard")
    if earlier.step != step.move:
        raise IdConflict(["step"])
    kind = type(step)
    facts = comparable(earlier, facts_of(step))
    kept = {**facts, "id": earlier.id, "version": earlier.version - 1, "step": kind.__struct_config__.tag}
    if fields := differing(msgspec.convert(kept, kind, strict=False), step, kind.__struct_fields__):
        raise IdConflict(fields)
    return Dossier(hazard, repository.shown([hazard.id]))


def _merge(case: Case, step: Merge) -> Hazard:
    return case.moved(step, merged_into=step.into)


def _plainly(case: Case, step: Step) -> Hazard:
    """Applies a step that changes only the state and is recorded in the history."""
    return case.moved(step)


def _dispatched(
    repository: RemediationRepository, hazard: Hazard, step: Step, now: datetime
) -> tuple[Hazard, tuple[Entry, ...]]:
    """Assigns a newly accepted hazard by dispatch rule."""
    category = repository.category(hazard.category) if isinstance(step, Accept) else None
    return assigned_by_rule(repository, hazard, category, now) if category else (hazard, ())


_DECIDE: dict[type[Step], Callable[[Case, Any], Hazard]] = {
    Accept: handling.accept,
    Reject: _plainly,
    Merge: _merge,
    Verify: handling.verify,
    Assign: handling.assign,
    Return: handling.give_back,
    Start: _plainly,
    SubmitFix: handling.submit_fix,
    Recheck: rechecks.recheck,
    SetCause: handling.set_category,
    Reclassify: handling.set_category,
    ProposeMajor: handling.propose_major,
    ConfirmMajor: decisions.confirm_major,
    RequestExtension: handling.request_extension,
    DecideExtension: decisions.decide_extension,
    Suspend: decisions.suspend,
    Resume: decisions.resume,
    Supervise: decisions.supervise,
    Unsupervise: decisions.unsupervise,
    Transfer: decisions.transfer,
    TransferReply: decisions.answer_transfer,
    Attach: _plainly,
    Note: _plainly,
    LookBack: rechecks.look_back,
    Reopen: decisions.reopen,
    Evaluate: decisions.evaluate,
    Cancel: _plainly,
}


def _begun(repository: RemediationRepository, born: Hazard, person: Person, now: datetime) -> tuple[Struct, ...]:
    facts = {"recurrence_of": str(born.recurrence_of)}
    by = person.username
    begun, line = append_history(repository, None, born, NewLine(born.id, "rebound", by, now, facts))
    category = repository.category(born.category)
    begun, more = accepted_by_rule(repository, begun, category, now) if category else (begun, ())
    return begun, line, *more, *notices(repository, None, begun, (line, *more), now)
