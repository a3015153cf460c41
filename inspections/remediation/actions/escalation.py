"""Records due rungs of escalation ladders, each once, and sends their notices."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import SYSTEM
from inspections.change import Change
from inspections.hazards.deadlines import Reach, ladder, next_reached
from inspections.hazards.history import NewLine, append_history
from inspections.hazards.records import Entry, Escalation, Hazard
from inspections.notices.recipients import rung_notice
from inspections.office.rules import Rung
from inspections.remediation.repository import RemediationRepository


class Swept(NamedTuple):
    """The number of hazards checked and of rungs recorded."""

    looked_at: int
    recorded: int


def escalate(repository: RemediationRepository, now: datetime, limit: int) -> Change[Swept]:
    """Claims at most `limit` hazards whose next check is due and records their due rungs.

    A rung does not change `version`, so that a step prepared on a phone before it is still accepted.
    """
    due = repository.due(now, limit)
    known = repository.escalated([hazard.id for hazard in due])
    new: list[Struct] = []
    changed: list[tuple[Struct, Struct]] = []
    for hazard in due:
        after, records = _climbed(repository, hazard, known, now)
        new += records
        changed += [(hazard, after)] if after != hazard else []
    recorded = sum(isinstance(record, Escalation) for record in new)
    return Change(Swept(len(due), recorded), tuple(new), tuple(changed))


def caught_up(repository: RemediationRepository, hazard: Hazard, now: datetime) -> tuple[Hazard, list[Struct]]:
    """Records the due rungs of one hazard, as a sweep would do now; returns the hazard and the new records.

    A step may end a clock that has expired since the last sweep, so its rungs are recorded before the step.
    """
    if hazard.next_check_at is None or hazard.next_check_at > now:
        return hazard, []
    return _climbed(repository, hazard, repository.escalated([hazard.id]), now)


def _climbed(
    repository: RemediationRepository, hazard: Hazard, known: Collection[tuple[UUID, int, str]], now: datetime
) -> tuple[Hazard, list[Struct]]:
    """Records the rungs reached by now, except those in `known`; returns the hazard and the new records."""
    rungs = sorted(ladder(hazard, repository.rules, repository.calendar), key=lambda reach: reach.at)
    reached = [
        reach for reach in rungs if reach.at <= now and (hazard.id, reach.clock.number, reach.rung.name) not in known
    ]
    after, records = _recorded(repository, hazard, reached, now)
    return replace(after, next_check_at=next_reached(rungs, now)), records  # a rung does not affect any clock


def _recorded(
    repository: RemediationRepository, hazard: Hazard, reached: list[Reach], now: datetime
) -> tuple[Hazard, list[Struct]]:
    """Appends a history entry for each rung; of several rungs of one clock only the highest sends a notice."""
    after, records, lines = hazard, list[Struct](), dict[Rung, Entry]()
    for reach in reached:
        after, line = append_history(
            repository,
            after,
            replace(after, updated_at=now),
            NewLine(repository.new_id(), "escalate", SYSTEM, now, _facts(reach)),
        )
        lines[reach.rung] = line
        records += [line, Escalation(hazard.id, reach.clock.number, reach.rung.name, line.id)]
    told = _highest(reached)
    return after, records + [rung_notice(repository, after, lines[rung], rung.tells, now) for rung in told]


def _facts(reach: Reach) -> dict[str, Any]:
    said: dict[str, Any] = {
        "rung": reach.rung.name,
        "deadline_number": reach.clock.number,
        "due_at": reach.clock.due_at,
    }
    return {**said, "proposes": reach.rung.proposes} if reach.rung.proposes else said


def _highest(reached: list[Reach]) -> list[Rung]:
    """Returns the last reached rung of each clock."""
    return list({reach.rung.clock: reach.rung for reach in reached}.values())
