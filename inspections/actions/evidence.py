"""Photos are examined after they were developed: compared with each other, with the clock and with the place."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.deadlines import RECHECK, due
from inspections.evidence import flags
from inspections.hazards import Entry, Hazard, Mention, Photo, State
from inspections.lifecycle import moved
from inspections.people import SYSTEM
from inspections.register import Change, Register


class Finding(NamedTuple):
    """A declared photo before and after it was examined."""

    before: Mention
    after: Mention


def examine(register: Register, limit: int) -> list[Finding]:
    """Looks at photos that nobody has examined. Writes nothing: what it finds today it would find again.

    Two photos that are alike are noticed whichever was declared or developed first: who is examined last sees both.
    """
    return [_examined(register, *each) for each in register.unexamined(limit)]


def _examined(register: Register, mention: Mention, photo: Photo, hazard: Hazard) -> Finding:
    found = flags(mention, photo, hazard, register.sightings(mention, photo.hash))
    return Finding(mention, replace(mention, examined=True, flags=found))


def record_findings(register: Register, findings: Sequence[Finding], now: datetime) -> Change[None]:
    """A fix on the spot that closed by itself is drawn for a re-check where something speaks against its photos."""
    flagged = list(dict.fromkeys(found.after.hazard for found in findings if found.after.flags))
    new: list[Struct] = []
    changed: list[tuple[Struct, Struct]] = [(found.before, found.after) for found in findings]
    for hazard_id in flagged:
        hazard = register.hazard(hazard_id)
        if hazard is None or not _closed_itself(hazard):
            continue
        after = moved(
            hazard,
            "draw",
            now,
            outcome=None,
            closed_at=None,
            quantity_done=0,
            recheck_due_at=due(RECHECK, now, register.calendar).at,
        )
        new.append(_line(register.new_id(), after, findings, now))
        changed.append((hazard, after))
    return Change(None, tuple(new), tuple(changed))


def _closed_itself(hazard: Hazard) -> bool:
    """Nobody has looked at it since it was reported."""
    return hazard.fixed_on_spot and hazard.state is State.CLOSED and hazard.version == 1


def _line(line: UUID, hazard: Hazard, findings: Sequence[Finding], now: datetime) -> Entry:
    kinds = sorted({flag.kind for found in findings if found.after.hazard == hazard.id for flag in found.after.flags})
    return Entry(
        line, hazard.id, hazard.history_length, "draw", SYSTEM, now, hazard.state, hazard.version, {"flags": kinds}
    )
