"""Takes a person's step on a hazard. Refusals follow the order of the API contract: 404, 403, replay, 409, 409, 422."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from inspections.accounts.people import Person
from inspections.accounts.policy import find_delegator, scope
from inspections.change import Change
from inspections.errors import (
    Forbidden,
    IdConflict,
    IdOwnerConflict,
    NotFound,
    VersionConflict,
)
from inspections.hazards.history import NewEntry, append_history, comparable_facts
from inspections.hazards.lifecycle import check_transition
from inspections.hazards.records import Hazard, HazardWithPhotos, HistoryEntry
from inspections.notices.recipients import build_notices
from inspections.photos.actions.intake import declare_photos
from inspections.remediation.actions import decisions, handling, rechecks
from inspections.remediation.actions.dispatch import accept_by_rule, assign_by_rule
from inspections.remediation.actions.duties import check_duties
from inspections.remediation.actions.escalation import record_due_rungs
from inspections.remediation.actions.merging import find_master, merge_into_master
from inspections.remediation.actions.reporting import create_rebound, history_facts
from inspections.remediation.actions.second_look import compare_with_fix
from inspections.remediation.actions.step_context import StepContext
from inspections.remediation.fix_origins import RequestOrigin
from inspections.remediation.phone_clocks import sent_facts, settle_phone_facts
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
from inspections.request_texts import clean_texts, differing_fields


def get_visible_hazard(
    repository: RemediationRepository, person: Person, hazard_id: UUID, action: str = "hazard.see"
) -> Hazard:
    """Returns a hazard that this person may see. Raises NotFound if it does not exist or is not visible to them."""
    return _check_visibility(repository.hazard(hazard_id), person, action)


def _check_visibility(hazard: Hazard | None, person: Person, action: str = "hazard.see") -> Hazard:
    if hazard is None or not scope(person, action).covers(hazard):
        raise NotFound("hazard")
    return hazard


def take_step(
    repository: RemediationRepository,
    person: Person,
    hazard_id: UUID,
    step: Step,
    now: datetime,
    origin: RequestOrigin | None = None,
) -> Change[HazardWithPhotos]:
    """Takes a step, or answers a repeated one. `origin`: of the request, where it is known and may matter.

    Nothing is written on an error: NotFound, Forbidden, IdConflict, IdOwnerConflict, VersionConflict, WrongState,
    MissingPhotos, InvalidInput.
    """
    found = repository.hazard(hazard_id)  # its lock comes first: of two equal requests, the second finds the entry
    earlier = repository.history_entry(step.id)
    if earlier is not None and (earlier.by, earlier.hazard) == (person.username, hazard_id):
        # Before the 404: a handler who returns a hazard no longer sees it, but their phone must be able to retry.
        return Change(answer_repeated_step(repository, person, step, earlier))
    hazard = _check_visibility(found, person)
    _check_permission(repository, person, step, hazard)
    if earlier is not None:
        raise IdConflict(["hazard"]) if earlier.by == person.username else IdOwnerConflict
    return apply_step(repository, person, hazard, step, now, origin)


def apply_step(
    repository: RemediationRepository,
    person: Person,
    hazard: Hazard,
    step: Step,
    now: datetime,
    origin: RequestOrigin | None = None,
) -> Change[HazardWithPhotos]:
    """Applies a new, permitted step. Raises VersionConflict, WrongState, MissingPhotos, InvalidInput."""
    if step.version != hazard.version:
        raise VersionConflict(step.version, hazard.version)
    check_transition(hazard, step.name)
    party = hazard.responsible_party
    step = clean_texts(step, (party.name,) if party else ())
    master = find_master(repository, person, hazard, step) if isinstance(step, Merge) else None
    born = (
        create_rebound(hazard, repository, person, now)
        if isinstance(step, LookBack) and step.result == "rebound"
        else None
    )
    declared = declare_photos(repository, person, (step.id, (born or hazard).id), step.attached_photos, now)
    shown = [*repository.declared_photos([hazard.id]), *(() if born else declared.shown)]
    reached, rungs = record_due_rungs(repository, hazard, now)
    decided = _DECISIONS[type(step)](StepContext(repository, person, reached, shown, born, now), step)
    lent_by = find_delegator(person, f"step.{step.name}", hazard)
    body, notes = settle_phone_facts(step, now)
    facts = history_facts(body) | notes
    after, line = append_history(
        repository, reached, decided, NewEntry(step.id, step.name, person.username, now, facts, lent_by)
    )
    after, more = _dispatch_by_rule(repository, after, step, now)
    compared = compare_with_fix(repository, hazard, after, step, origin, now)
    if compared.draw is not None:
        after, more = compared.draw.hazard, (compared.draw.line,)
    new = _open_rebound(repository, born, person, now) if born else ()
    with_master = merge_into_master(repository, person, after, master, shown, now) if master else Change(shown)
    told = build_notices(repository, hazard, after, more if compared.draw else (line, *more), now)
    records = (*rungs, *new, line, *more, *declared.records, *with_master.new, *told)
    seen = with_master.answer
    answer = HazardWithPhotos(after, seen, repository.referenced_hazards(person, seen))
    return Change(answer, records, ((hazard, after), *with_master.changed), compared.over)


def _check_permission(repository: RemediationRepository, person: Person, step: Step, hazard: Hazard) -> None:
    if not scope(person, f"step.{step.name}").covers(hazard):
        raise Forbidden(step=step.name)
    check_duties(repository, person, step, hazard)
    if isinstance(step, Evaluate) and not decisions.may_evaluate(person, hazard):
        raise Forbidden(step=step.name)


def answer_repeated_step(
    repository: RemediationRepository, person: Person, step: Step, earlier: HistoryEntry
) -> HazardWithPhotos:
    """Answers a repeated step with the current hazard. Raises IdConflict if its content differs."""
    hazard = repository.hazard(earlier.hazard)
    if hazard is None:
        raise NotFound("hazard")
    if earlier.step != step.name:
        raise IdConflict(["step"])
    kind = type(step)
    facts = sent_facts(comparable_facts(earlier, history_facts(step)))
    kept = {**facts, "id": earlier.id, "version": earlier.version - 1, "step": kind.__struct_config__.tag}
    if fields := differing_fields(msgspec.convert(kept, kind, strict=False), step, kind.__struct_fields__):
        raise IdConflict(fields)
    photos = repository.declared_photos([hazard.id])
    return HazardWithPhotos(hazard, photos, repository.referenced_hazards(person, photos))


def _merge(context: StepContext, step: Merge) -> Hazard:
    return context.transition(step, merged_into=step.into)


def _change_state(context: StepContext, step: Step) -> Hazard:
    """Applies a step that changes only the state and is recorded in the history."""
    return context.transition(step)


def _dispatch_by_rule(
    repository: RemediationRepository, hazard: Hazard, step: Step, now: datetime
) -> tuple[Hazard, tuple[HistoryEntry, ...]]:
    """Assigns a newly accepted hazard by dispatch rule."""
    category = repository.category(hazard.category) if isinstance(step, Accept) else None
    return assign_by_rule(repository, hazard, category, now) if category else (hazard, ())


_DECISIONS: dict[type[Step], Callable[[StepContext, Any], Hazard]] = {
    Accept: handling.accept,
    Reject: _change_state,
    Merge: _merge,
    Verify: handling.verify,
    Assign: handling.assign,
    Return: handling.return_hazard,
    Start: _change_state,
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
    Attach: handling.attach,
    Note: _change_state,
    LookBack: rechecks.look_back,
    Reopen: decisions.reopen,
    Evaluate: decisions.evaluate,
    Cancel: _change_state,
}


def _open_rebound(repository: RemediationRepository, born: Hazard, person: Person, now: datetime) -> tuple[Struct, ...]:
    facts = {"recurrence_of": str(born.recurrence_of)}
    by = person.username
    begun, line = append_history(repository, None, born, NewEntry(born.id, "rebound", by, now, facts))
    category = repository.category(born.category)
    begun, more = accept_by_rule(repository, begun, category, now) if category else (begun, ())
    return begun, line, *more, *build_notices(repository, None, begun, (line, *more), now)
