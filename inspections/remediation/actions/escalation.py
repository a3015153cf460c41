"""Records due rungs of escalation ladders, each once, and sends their notices."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import SYSTEM
from inspections.change import Change
from inspections.hazards.deadlines import ScheduledRung, next_scheduled_time, scheduled_rungs
from inspections.hazards.history import NewEntry, append_history
from inspections.hazards.records import Escalation, Hazard, HistoryEntry
from inspections.notices.recipients import build_rung_notice
from inspections.office.rules import Rung
from inspections.remediation.repository import RemediationRepository


class SweepResult(NamedTuple):
    """The number of hazards checked and of rungs recorded."""

    looked_at: int
    recorded: int


def escalate(repository: RemediationRepository, now: datetime, limit: int) -> Change[SweepResult]:
    """Claims at most `limit` hazards whose next check is due and records their due rungs.

    A rung does not change `version`, so that a step prepared on a phone before it is still accepted.
    """
    due = repository.due_hazards(now, limit)
    rung_keys = repository.recorded_rungs([hazard.id for hazard in due])
    new: list[Struct] = []
    changed: list[tuple[Struct, Struct]] = []
    for hazard in due:
        after, records = _record_reached_rungs(repository, hazard, rung_keys, now)
        new += records
        changed += [(hazard, after)] if after != hazard else []
    recorded = sum(isinstance(record, Escalation) for record in new)
    return Change(SweepResult(len(due), recorded), tuple(new), tuple(changed))


def record_due_rungs(repository: RemediationRepository, hazard: Hazard, now: datetime) -> tuple[Hazard, list[Struct]]:
    """Records the due rungs of one hazard, as a sweep would do now; returns the hazard and the new records.

    A step may end a clock that has expired since the last sweep, so its rungs are recorded before the step.
    """
    if hazard.next_check_at is None or hazard.next_check_at > now:
        return hazard, []
    return _record_reached_rungs(repository, hazard, repository.recorded_rungs([hazard.id]), now)


def _record_reached_rungs(
    repository: RemediationRepository, hazard: Hazard, rung_keys: Collection[tuple[UUID, int, str]], now: datetime
) -> tuple[Hazard, list[Struct]]:
    """Records the rungs reached by now whose key is not in `rung_keys`; returns the hazard and the new records."""
    rungs = sorted(scheduled_rungs(hazard, repository.rules, repository.calendar), key=lambda reach: reach.at)
    reached = [
        reach
        for reach in rungs
        if reach.at <= now and (hazard.id, reach.clock.number, reach.rung.name) not in rung_keys
    ]
    after, records = _append_rungs(repository, hazard, reached, now)
    return replace(after, next_check_at=next_scheduled_time(rungs, now)), records  # a rung does not affect any clock


def _append_rungs(
    repository: RemediationRepository, hazard: Hazard, reached: list[ScheduledRung], now: datetime
) -> tuple[Hazard, list[Struct]]:
    """Appends a history entry for each rung; of several rungs of one clock only the highest sends a notice."""
    after, records, lines = hazard, list[Struct](), dict[Rung, HistoryEntry]()
    for reach in reached:
        after, line = append_history(
            repository,
            after,
            replace(after, updated_at=now),
            NewEntry(repository.new_id(), "escalate", SYSTEM, now, _rung_facts(reach)),
        )
        lines[reach.rung] = line
        records += [line, Escalation(hazard.id, reach.clock.number, reach.rung.name, line.id)]
    told = _highest_rungs(reached)
    return after, records + [build_rung_notice(repository, after, lines[rung], rung.tells, now) for rung in told]


def _rung_facts(reach: ScheduledRung) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "rung": reach.rung.name,
        "deadline_number": reach.clock.number,
        "due_at": reach.clock.due_at,
    }
    return {**facts, "proposes": reach.rung.proposes} if reach.rung.proposes else facts


def _highest_rungs(reached: list[ScheduledRung]) -> list[Rung]:
    """Returns the last reached rung of each clock."""
    return list({reach.rung.clock: reach.rung for reach in reached}.values())
