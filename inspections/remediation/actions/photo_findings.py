"""Examines processed photos: compares them with each other, and with the time and place of the hazard."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import SYSTEM
from inspections.change import Change
from inspections.hazards.history import NewEntry, append_history
from inspections.hazards.lifecycle import transition
from inspections.hazards.records import Hazard, State
from inspections.notices.recipients import build_notices
from inspections.photos.evidence import find_flags
from inspections.photos.records import PhotoReference
from inspections.remediation.actions.step_context import update_clocks
from inspections.remediation.repository import RemediationRepository


def examine_photos(repository: RemediationRepository, now: datetime, limit: int) -> Change[int]:
    """Claims at most `limit` unexamined photos and records the flags of each.

    Of two similar photos, the one examined last finds the other, in whichever order they were declared or processed.
    A fix on the spot that was closed automatically is selected for a re-check if one of its photos gets a flag.
    """
    new: list[Struct] = []
    changed: list[tuple[Struct, Struct]] = []
    claimed = repository.unexamined_photos(limit)
    for hazard_id, mentions in _group_by_hazard(claimed).items():
        hazard = repository.hazard(hazard_id)
        if hazard is None or hazard.state is State.DUPLICATE:  # merged meanwhile: its photos are examined on the master
            continue
        examined = [_examine_photo(repository, mention, hazard) for mention in mentions]
        changed += zip(mentions, examined, strict=True)
        if any(each.flags for each in examined) and _is_closed_by_itself(hazard):
            kinds = sorted({flag.kind for mention in examined for flag in mention.flags})
            drawn, line = append_history(
                repository,
                hazard,
                update_clocks(hazard, _select_for_recheck(hazard, now), repository, now),
                NewEntry(repository.new_id(), "draw", SYSTEM, now, {"flags": kinds}),
            )
            changed.append((hazard, drawn))
            new += [line, *build_notices(repository, hazard, drawn, (line,), now)]
    return Change(len(claimed), tuple(new), tuple(changed))


def _group_by_hazard(mentions: Sequence[PhotoReference]) -> dict[UUID, list[PhotoReference]]:
    found: dict[UUID, list[PhotoReference]] = {}
    for mention in mentions:
        found.setdefault(mention.hazard, []).append(mention)
    return found


def _examine_photo(repository: RemediationRepository, mention: PhotoReference, hazard: Hazard) -> PhotoReference:
    photo = repository.photo(mention.sha256)
    found = find_flags(mention, photo, hazard, repository.photo_matches(mention, photo.hash)) if photo else ()
    return replace(mention, examined=True, flags=found)


def _is_closed_by_itself(hazard: Hazard) -> bool:
    """Tells whether the hazard was closed automatically and no person has taken a step since its report."""
    return hazard.fixed_on_spot and hazard.state is State.CLOSED and hazard.version == 1


def _select_for_recheck(hazard: Hazard, now: datetime) -> Hazard:
    return transition(hazard, "draw", now, outcome=None, closed_at=None, quantity_done=0, look_back_due_at=None)
