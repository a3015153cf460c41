"""What happens by itself: rungs of ladders are reached, each recorded once; recurring jobs."""

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
    """How many hazards were looked at, and how many rungs were recorded."""

    looked_at: int
    recorded: int


def escalate(repository: RemediationRepository, now: datetime, limit: int) -> Change[Swept]:
    """Claims at most `limit` hazards whose next check has come, and decides each anew.

    A rung leaves `version` alone: a step that a phone prepared before it still fits.
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
    """The hazard as a sweep at this very instant would leave it, and what it would record.

    A step may end a clock that has run out since the last sweep: what was missed is recorded before it.
    """
    if hazard.next_check_at is None or hazard.next_check_at > now:
        return hazard, []
    return _climbed(repository, hazard, repository.escalated([hazard.id]), now)


def _climbed(
    repository: RemediationRepository, hazard: Hazard, known: Collection[tuple[UUID, int, str]], now: datetime
) -> tuple[Hazard, list[Struct]]:
    """`known`: the rungs that were recorded before."""
    rungs = sorted(ladder(hazard, repository.rules, repository.calendar), key=lambda reach: reach.at)
    reached = [
        reach for reach in rungs if reach.at <= now and (hazard.id, reach.clock.number, reach.rung.name) not in known
    ]
    after, records = _recorded(repository, hazard, reached, now)
    return replace(after, next_check_at=next_reached(rungs, now)), records  # a rung changes nothing a clock goes by


def _recorded(
    repository: RemediationRepository, hazard: Hazard, reached: list[Reach], now: datetime
) -> tuple[Hazard, list[Struct]]:
    """Every rung has its line of history; where several were reached at once, only the highest is told."""
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
    """The last one of each clock."""
    return list({reach.rung.clock: reach.rung for reach in reached}.values())
