"""Statistics measures of a hazard, each counted on one Shanghai day. All statistics are sums of measures.

A step subtracts what the hazard counted for before and adds what it counts for now. `MEASURES` defines the day of
each measure; storage/hazards/measures.py defines the same in SQL, and a test compares the two.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from inspections.calendar import shanghai_date
from inspections.hazards.records import Hazard, Outcome, State

_EPOCH = date(1970, 1, 1).toordinal()

MEASURES: dict[str, str] = {
    **dict.fromkeys(("received", "accepted", "rejected", "duplicate", "cancelled", "closed", "fixed"), "reported_at"),
    **dict.fromkeys(("false_alarm", "rebounded", "waiting", "fixing", "suspended"), "reported_at"),
    **dict.fromkeys(("pending_recheck", "transferred", "old_standard", "new_standard"), "reported_at"),
    **dict.fromkeys(("cohort_accepted", "cohort_closed", "fixed_on_spot"), "accepted_at"),
    **dict.fromkeys(("quantity_found", "quantity_done", "returned", "reworked", "extended"), "accepted_at"),
    **dict.fromkeys(("closed_then", "fixed_then", "evaluated", "satisfied", "score_total"), "closed_at"),
    **dict.fromkeys(("due_ended", "due_met"), "due_at"),
    **dict.fromkeys(("first_due_ended", "first_due_met"), "first_due_at"),
}
"""For each measure the field whose day it counts on. `first_due_at`: the deadline before any extension.

An evaluation counts on the day its hazard was closed: that day has both the hazards that could be evaluated and those
that were.
"""

STATE_MEASURES: dict[State, str] = {
    State.REPORTED: "waiting",
    State.ACCEPTED: "fixing",
    State.ASSIGNED: "fixing",
    State.RECTIFYING: "fixing",
    State.PENDING_RECHECK: "pending_recheck",
    State.SUSPENDED: "suspended",
    State.TRANSFERRED: "transferred",
    State.CLOSED: "closed",
    State.REJECTED: "rejected",
    State.DUPLICATE: "duplicate",
    State.CANCELLED: "cancelled",
}
"""The measure of each state; together these measures add up to `received`."""

DEADLINE_OUTCOMES = frozenset({Outcome.FIXED, Outcome.REFUSED_CONTROLLED})
"""Outcomes for which meeting the deadline matters; with the others nothing had to be fixed here."""

SATISFIED_SCORE = 4
"""The least score of an evaluation that counts as satisfied (满意), on the scale from 1 to 5."""

_MEASURED_FIELDS = (
    *("state", "outcome", "community", "category", "severity", "source", "advisory", "quantity", "quantity_done"),
    *("fixed_on_spot", "reported_at", "accepted_at", "submitted_at", "closed_at", "due_at", "original_due_at"),
    *(
        "times_returned",
        "times_reworked",
        "times_extended",
        "rebounded_as",
        "found_category",
        "vehicle_standard",
        "evaluation",
    ),
)
"""The hazard fields that determine its measures."""


class MeasureKey(NamedTuple):
    """The dimensions under which a measure is counted. `day`: days since 1970, in Shanghai."""

    community: str
    category: str
    severity: str
    source: str
    day: int


def day_number(day: date) -> int:
    return day.toordinal() - _EPOCH


def date_from_day_number(number: int) -> date:
    return date.fromordinal(number + _EPOCH)


def hazard_measures(hazard: Hazard) -> dict[str, int]:
    """Returns the non-zero measures of a hazard with their values: none of an alert check."""
    if hazard.is_alert_check:
        return {}
    closed = hazard.state is State.CLOSED
    cohort = hazard.accepted_at is not None and hazard.state is not State.DUPLICATE
    ended = closed and hazard.outcome in DEADLINE_OUTCOMES and not hazard.advisory and hazard.due_at is not None
    fixed = closed and hazard.outcome is Outcome.FIXED
    score = hazard.evaluation.score if closed and hazard.closed_at and hazard.evaluation else 0
    values = {
        "received": 1,
        STATE_MEASURES[hazard.state]: 1,
        "accepted": cohort,
        "fixed": fixed,
        "false_alarm": closed and hazard.outcome is Outcome.FALSE_ALARM,
        "rebounded": hazard.rebounded_as is not None,
        "old_standard": hazard.vehicle_standard == "old",
        "new_standard": hazard.vehicle_standard == "new",
        "closed_then": closed and hazard.closed_at is not None,
        "fixed_then": fixed and hazard.closed_at is not None,
        "evaluated": score > 0,
        "satisfied": score >= SATISFIED_SCORE,
        "score_total": score,
        "due_ended": ended,
        "due_met": ended and fixed and _is_in_time(hazard.submitted_at, hazard.due_at),
        "first_due_ended": ended,
        "first_due_met": ended and fixed and _is_in_time(hazard.submitted_at, _first_deadline(hazard)),
    }
    if cohort:
        values |= {
            "cohort_accepted": 1,
            "cohort_closed": closed,
            "fixed_on_spot": hazard.fixed_on_spot,
            "quantity_found": hazard.quantity,
            "quantity_done": hazard.quantity_done,
            "returned": hazard.times_returned > 0,
            "reworked": hazard.times_reworked > 0,
            "extended": hazard.times_extended > 0,
        }
    return {name: int(value) for name, value in values.items() if value}


def _is_in_time(moment: datetime | None, deadline: datetime | None) -> bool:
    return moment is not None and deadline is not None and moment <= deadline


def _first_deadline(hazard: Hazard) -> datetime | None:
    return hazard.original_due_at or hazard.due_at


def measure_differences(moves: Iterable[tuple[Hazard | None, Hazard]]) -> dict[MeasureKey, Mapping[str, int]]:
    """Sums up how (before, after) pairs of hazards change the measures. `before` None: a new hazard."""
    changed: defaultdict[MeasureKey, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for before, after in moves:
        if before is None:
            _add_measures(changed, after, 1)
        elif any(getattr(before, name) != getattr(after, name) for name in _MEASURED_FIELDS):
            _add_measures(changed, before, -1)
            _add_measures(changed, after, 1)
    cells = {cell: {name: by for name, by in counts.items() if by} for cell, counts in changed.items()}
    return {cell: counts for cell, counts in cells.items() if counts}


def _add_measures(changed: defaultdict[MeasureKey, defaultdict[str, int]], hazard: Hazard, sign: int) -> None:
    days: dict[str, int] = {}
    where = (hazard.community, hazard.category, hazard.severity.value, hazard.source)
    for name, value in hazard_measures(hazard).items():
        on = MEASURES[name]
        if on not in days:
            days[on] = _measure_day(hazard, on)
        changed[MeasureKey(*where, days[on])][name] += sign * value


def _measure_day(hazard: Hazard, on: str) -> int:
    if on == "first_due_at":
        on = "original_due_at" if hazard.original_due_at else "due_at"
    return day_number(shanghai_date(getattr(hazard, on)))
