"""Recomputes provisional deadlines once the calendar of the year is published."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.people import SYSTEM
from inspections.change import Change
from inspections.hazards.deadlines import CLOCKS, next_check_time, recompute_deadlines
from inspections.hazards.history import NewEntry, append_history
from inspections.hazards.records import Hazard, HistoryEntry
from inspections.remediation.repository import RemediationRepository


class RecalculationResult(NamedTuple):
    """The number of hazards checked and of hazards with moved deadlines. `last`: the id to continue after."""

    looked_at: int
    moved: int
    last: UUID


def recompute_provisional_deadlines(
    repository: RemediationRepository, now: datetime, limit: int, after: UUID
) -> Change[RecalculationResult]:
    """Recomputes provisional deadlines of open hazards whose id follows `after`; they never move earlier.

    `version` does not change, so that a step prepared on a phone before is still accepted.
    """
    found = repository.provisional_hazards(after, limit)
    new: list[HistoryEntry] = []
    changed: list[tuple[Hazard, Hazard]] = []
    for hazard in found:
        again, lines = _recompute_hazard(repository, hazard, now)
        new += lines
        changed += [(hazard, again)] if again != hazard else []
    return Change(
        RecalculationResult(len(found), len(new), found[-1].id if found else after), tuple(new), tuple(changed)
    )


def _recompute_hazard(
    repository: RemediationRepository, hazard: Hazard, now: datetime
) -> tuple[Hazard, tuple[HistoryEntry, ...]]:
    after = recompute_deadlines(hazard, repository.calendar)
    if after == hazard:
        return hazard, ()
    after = replace(after, updated_at=now)
    fields = [field for _, field in CLOCKS.values() if getattr(after, field) != getattr(hazard, field)]
    if not fields:
        return after, ()
    after = replace(after, next_check_at=next_check_time(after, repository.rules, repository.calendar))
    facts: dict[str, Any] = {field: getattr(after, field) for field in fields}
    facts |= {f"{field}_before": getattr(hazard, field) for field in fields}
    after, line = append_history(
        repository, hazard, after, NewEntry(repository.new_id(), "recompute", SYSTEM, now, facts)
    )
    return after, (line,)
