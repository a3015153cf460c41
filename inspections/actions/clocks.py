"""A deadline passes: what the sweep records, once per hazard, deadline number and rung."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.deadlines import escalation_id, is_overdue, next_check
from inspections.hazards import Entry, Hazard
from inspections.people import SYSTEM
from inspections.register import Change, Register

OVERDUE = "overdue"


def escalate(register: Register, hazard_ids: Iterable[UUID], now: datetime) -> Change[int]:
    """Reads each hazard again and decides anew; answers how many escalations were recorded.

    An escalation leaves `version` alone: a step that a phone prepared before it still fits.
    """
    new: list[Struct] = []
    changed: list[tuple[Struct, Struct]] = []
    for hazard in filter(None, map(register.hazard, hazard_ids)):
        if not is_overdue(hazard, now):
            calm = replace(hazard, next_check_at=next_check(hazard))
            changed += [(hazard, calm)] if calm != hazard else []
            continue
        after = replace(hazard, next_check_at=None)
        line = escalation_id(hazard, OVERDUE)
        if register.entry(line) is None:
            after = replace(after, history_length=hazard.history_length + 1, updated_at=now)
            new.append(_line(line, after, now))
        changed.append((hazard, after))
    return Change(len(new), tuple(new), tuple(changed))


def _line(line: UUID, hazard: Hazard, now: datetime) -> Entry:
    facts = {"rung": OVERDUE, "deadline_number": hazard.deadline_number, "due_at": hazard.due_at}
    return Entry(line, hazard.id, hazard.history_length, "escalate", SYSTEM, now, hazard.state, hazard.version, facts)
