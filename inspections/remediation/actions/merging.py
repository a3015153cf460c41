"""重复并案: merges a duplicate into its master, which gets its photos, its reporters and a history entry."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.errors import InvalidInput, NotFound
from inspections.hazards.history import NewEntry, append_history
from inspections.hazards.records import OPEN_STATES, Hazard, HazardReference, HistoryEntry, State
from inspections.photos.evidence import DeclaredPhoto
from inspections.photos.records import PhotoReference
from inspections.remediation.repository import RemediationRepository
from inspections.remediation.steps import Merge


def find_master(repository: RemediationRepository, person: Person, hazard: Hazard, step: Merge) -> Hazard:
    """Finds the hazard that this one is merged into. Raises NotFound, InvalidInput.

    When two people merge two hazards into each other at once, the locks of a database may deadlock; it then repeats
    one transaction, which finds the other hazard merged already and fails as InvalidInput.
    """
    master = repository.hazard(step.into)
    if master is None or not scope(person, "hazard.see").covers(master):
        raise NotFound("hazard", "into")
    if master.id == hazard.id:
        raise InvalidInput(("into", "不能并入自身"))
    if master.state not in OPEN_STATES | {State.CLOSED}:
        raise InvalidInput(("into", "所并入的隐患已作废、不予受理或本身已并案"))
    return master


def merge_into_master(
    repository: RemediationRepository,
    person: Person,
    hazard: Hazard,
    master: Hazard,
    shown: Sequence[DeclaredPhoto],
    now: datetime,
) -> Change[list[DeclaredPhoto]]:
    """Copies the duplicate's photos (`shown`) and reporters to the master; returns the duplicate's updated photos.

    The master keeps its version, so that a step prepared on a phone before is still accepted. Hazards merged into the
    duplicate earlier stay merged into it and are named in the master's new entry (`along`).
    """
    along, before = _all_duplicates(repository, hazard), _all_duplicates(repository, master)
    after, line = _append_merge_entry(repository, _add_reporters(master, hazard), hazard, along, person, now)
    own = repository.declared_photos([master.id])
    one_case = {hazard.id, master.id, *(each.id for each in (*along, *before))}
    cleared = [each._replace(mention=_drop_flags(each.mention, one_case)) for each in shown]
    there = [each._replace(mention=_drop_flags(each.mention, one_case)) for each in own]
    pairs = zip((*shown, *own), (*cleared, *there), strict=True)
    changed = ((one.mention, other.mention) for one, other in pairs if one != other)
    return Change(cleared, (line, *_copy_photos(cleared, there, line)), ((master, after), *changed))


def _all_duplicates(repository: RemediationRepository, hazard: Hazard) -> list[HazardReference]:
    """Returns the hazards merged into this one, directly or through other duplicates."""
    found: list[HazardReference] = []
    ring = repository.duplicates([hazard.id])
    while ring:
        found += ring
        ring = repository.duplicates([each.id for each in ring])
    return found


def _add_reporters(master: Hazard, hazard: Hazard) -> Hazard:
    people = dict.fromkeys((*master.reporters, hazard.reporter, *hazard.reporters))
    return replace(master, reporters=tuple(name for name in people if name != master.reporter))


def _append_merge_entry(
    repository: RemediationRepository,
    master: Hazard,
    hazard: Hazard,
    along: Sequence[HazardReference],
    person: Person,
    now: datetime,
) -> tuple[Hazard, HistoryEntry]:
    """Appends the master's history entry. `along`: the hazards merged into the duplicate before."""
    facts = {
        "from": str(hazard.id),
        "number": hazard.number,
        "reporter": hazard.reporter,
        "along": [each.number for each in along],
    }
    master = replace(master, updated_at=now)
    line = repository.new_id()
    return append_history(repository, master, master, NewEntry(line, "merged", person.username, now, facts))


def _copy_photos(
    shown: Iterable[DeclaredPhoto], own: Iterable[DeclaredPhoto], line: HistoryEntry
) -> list[PhotoReference]:
    """Copies each of the duplicate's photos once to the master's entry, unless the master has it already.

    `by` and `at` stay, so that a photo still being uploaded is recognised. Of several declarations of one photo, one
    whose bytes are present is preferred.
    """
    known = {(each.mention.sha256, each.mention.stage) for each in own if each.is_present}
    best = {(each.mention.sha256, each.mention.stage): each for each in sorted(shown, key=lambda each: each.is_present)}
    return [
        replace(
            each.mention,
            entry=line.id,
            hazard=line.hazard,
            copied_from=each.mention.copied_from or each.mention.hazard,
        )
        for photo, each in best.items()
        if photo not in known
    ]


def _drop_flags(mention: PhotoReference, one_case: set[UUID]) -> PhotoReference:
    """Drops the flags of a photo that refer to hazards of the same case."""
    return replace(mention, flags=tuple(flag for flag in mention.flags if flag.hazard not in one_case))
