"""Photos are examined after they were developed: compared with each other, with the clock and with the place."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import SYSTEM
from inspections.change import Change
from inspections.hazards.history import NewLine, append_history
from inspections.hazards.lifecycle import moved
from inspections.hazards.records import Hazard, State
from inspections.notices.recipients import notices
from inspections.photos.evidence import flags
from inspections.photos.records import Mention
from inspections.remediation.actions.case import timed
from inspections.remediation.repository import RemediationRepository


def examine(repository: RemediationRepository, now: datetime, limit: int) -> Change[int]:
    """Claims at most `limit` declared photos that nobody has examined, and writes down what speaks against each.

    Two photos that are alike are noticed whichever was declared or developed first: who is examined last sees both.
    A fix on the spot that closed by itself is drawn for a re-check where something speaks against its photos.
    """
    new: list[Struct] = []
    changed: list[tuple[Struct, Struct]] = []
    claimed = repository.unexamined(limit)
    for hazard_id, mentions in _by_hazard(claimed).items():
        hazard = repository.hazard(hazard_id)
        if hazard is None or hazard.state is State.DUPLICATE:  # merged meanwhile: they are examined on its master
            continue
        examined = [_examined(repository, mention, hazard) for mention in mentions]
        changed += zip(mentions, examined, strict=True)
        if any(each.flags for each in examined) and _closed_itself(hazard):
            kinds = sorted({flag.kind for mention in examined for flag in mention.flags})
            drawn, line = append_history(
                repository,
                hazard,
                timed(hazard, _drawn(hazard, now), repository, now),
                NewLine(repository.new_id(), "draw", SYSTEM, now, {"flags": kinds}),
            )
            changed.append((hazard, drawn))
            new += [line, *notices(repository, hazard, drawn, (line,), now)]
    return Change(len(claimed), tuple(new), tuple(changed))


def _by_hazard(mentions: Sequence[Mention]) -> dict[UUID, list[Mention]]:
    found: dict[UUID, list[Mention]] = {}
    for mention in mentions:
        found.setdefault(mention.hazard, []).append(mention)
    return found


def _examined(repository: RemediationRepository, mention: Mention, hazard: Hazard) -> Mention:
    photo = repository.photo(mention.sha256)
    found = flags(mention, photo, hazard, repository.sightings(mention, photo.hash)) if photo else ()
    return replace(mention, examined=True, flags=found)


def _closed_itself(hazard: Hazard) -> bool:
    """Nobody has looked at it since it was reported."""
    return hazard.fixed_on_spot and hazard.state is State.CLOSED and hazard.version == 1


def _drawn(hazard: Hazard, now: datetime) -> Hazard:
    return moved(hazard, "draw", now, outcome=None, closed_at=None, quantity_done=0, look_back_due_at=None)
