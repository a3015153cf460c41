"""Requests that wait for a supervisor: for a longer deadline, of a major hazard, of a suspension to review."""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from inspections.calendar import WorkingCalendar
from inspections.hazards.deadlines import resumed_deadline
from inspections.hazards.records import Hazard, HistoryEntry
from inspections.notices.recipients import PROPOSING_STEPS


class DecisionKind(StrEnum):
    EXTENSION = "extension"
    MAJOR = "major"
    SUSPENSION = "suspension"


DECIDING_STEPS = {
    DecisionKind.EXTENSION: "decide_extension",
    DecisionKind.MAJOR: "confirm_major",
    DecisionKind.SUSPENSION: "resume",
}
"""The step by which a supervisor decides each kind of request."""


class PendingDecision(NamedTuple):
    """A request that waits for a supervisor.

    `by`: who made it; `since`: when it began to wait; None: the history does not tell. `new_due_at`: the deadline if
    it is granted now, or None if the deadline stays.
    """

    kind: DecisionKind
    hazard: Hazard
    by: str | None
    since: datetime
    reason: str | None
    due_at: datetime | None
    new_due_at: datetime | None


def pending_extension(hazard: Hazard) -> PendingDecision:
    asked = hazard.extension
    if asked is None:
        raise AssertionError  # the caller has selected hazards with a request
    return PendingDecision(
        DecisionKind.EXTENSION, hazard, asked.by, asked.at, asked.reason, hazard.due_at, asked.due_at
    )


def pending_suspension(hazard: Hazard, now: datetime, calendar: WorkingCalendar) -> PendingDecision:
    """A suspension whose review is due: it waits since then, and its deadline would run on from `now`."""
    stood, due = hazard.suspension, hazard.review_due_at
    if stood is None or due is None:
        raise AssertionError  # every suspended hazard has both
    after = resumed_deadline(stood, now, calendar).at
    return PendingDecision(DecisionKind.SUSPENSION, hazard, stood.by, due, stood.reason, stood.due_at, after)


def pending_major(hazard: Hazard, lines: Iterable[HistoryEntry], proposing: Collection[str]) -> PendingDecision:
    """A hazard proposed as major. `lines`: of its history; `proposing`: the categories that propose by themselves."""
    line = _find_proposal(hazard, lines, proposing)
    basis = hazard.major.basis if hazard.major else None
    reason = basis or (line.facts.get("reason") if line else None)
    by, since = (line.by, line.at) if line else (None, hazard.accepted_at or hazard.reported_at)
    return PendingDecision(DecisionKind.MAJOR, hazard, by, since, reason, hazard.due_at, None)


def _find_proposal(hazard: Hazard, lines: Iterable[HistoryEntry], proposing: Collection[str]) -> HistoryEntry | None:
    """Finds the line that proposed the hazard as major: the first such line after the last decision."""
    found: HistoryEntry | None = None
    for line in lines:
        if line.step == "confirm_major":
            found = None
        elif found is None and _proposes(hazard, line, proposing):
            found = line
    return found


def _proposes(hazard: Hazard, line: HistoryEntry, proposing: Collection[str]) -> bool:
    if line.step == "propose_major":
        return True
    if line.step == "accept":
        return line.facts.get("severity") == "major" or (hazard.found_category or hazard.category) in proposing
    return line.step in PROPOSING_STEPS and line.facts.get("category") in proposing
