"""What happens by itself: a deadline passes, recorded once per hazard, deadline number and rung; recurring jobs."""

from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.deadlines import is_overdue, next_check
from inspections.hazards import Entry, Escalation, Hazard, Job
from inspections.history import written
from inspections.people import SYSTEM
from inspections.register import Change, Register

OVERDUE = "overdue"


class Swept(NamedTuple):
    """How many hazards were looked at, and for how many of them an escalation was recorded."""

    looked_at: int
    recorded: int


def escalate(register: Register, now: datetime, limit: int) -> Change[Swept]:
    """Claims at most `limit` hazards whose next check has come, and decides each anew.

    An escalation leaves `version` alone: a step that a phone prepared before it still fits.
    """
    recorded = 0
    due = register.due(now, limit)
    new: list[Struct] = []
    changed: list[tuple[Struct, Struct]] = []
    for hazard in due:
        if not is_overdue(hazard, now):
            calm = replace(hazard, next_check_at=next_check(hazard))
            changed += [(hazard, calm)] if calm != hazard else []
            continue
        after = replace(hazard, next_check_at=None)
        if register.escalation(hazard.id, hazard.deadline_number, OVERDUE) is None:
            after, *records = _recorded(register, replace(after, updated_at=now), now)
            recorded += 1
            new += records
        changed.append((hazard, after))
    return Change(Swept(len(due), recorded), tuple(new), tuple(changed))


def claim_job(register: Register, name: str, now: datetime, every: timedelta) -> Change[bool]:
    """Whether it is the caller who does this job now; then it is nobody's for `every`, also after a restart."""
    job = register.job(name)
    after = Job(name, now + every)
    if job is None:
        return Change(answer=True, new=(after,))
    if now < job.next_at:
        return Change(answer=False)
    return Change(answer=True, changed=((job, after),))


def _recorded(register: Register, hazard: Hazard, now: datetime) -> tuple[Hazard, Entry, Escalation]:
    facts = {"rung": OVERDUE, "deadline_number": hazard.deadline_number, "due_at": hazard.due_at}
    line = register.new_id()
    after, entry = written(register, hazard, line=line, step="escalate", by=SYSTEM, now=now, facts=facts)
    return after, entry, Escalation(hazard.id, hazard.deadline_number, OVERDUE, line)
