"""The measures of hazards (inspections/hazards/measures.py) as SQL clauses.

A step only appends its changes; storage/statistics/rollup.py sums them up.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, cast, func, select, true

from inspections.hazards.measures import DEADLINE_OUTCOMES, MEASURES, SATISFIED_SCORE, STATE_MEASURES
from inspections.hazards.records import OPEN_STATES, Outcome, State
from inspections.office.categories import Category
from storage.engine.columns import JsonMember
from storage.hazards.tables import CAN_BE_OVERDUE, hazards
from storage.office.tables import categories

_H = hazards.c

FIRST_DUE_AT: ColumnElement[datetime | None] = func.coalesce(_H.original_due_at, _H.due_at, type_=_H.due_at.type)
_SCORE: ColumnElement[int] = cast(JsonMember(_H.evaluation, "score"), Integer)
INSTANTS: dict[str, ColumnElement[datetime | None]] = {
    "reported_at": _H.reported_at,
    "accepted_at": _H.accepted_at,
    "closed_at": _H.closed_at,
    "due_at": _H.due_at,
    "first_due_at": FIRST_DUE_AT,
}


def _clauses() -> dict[str, ColumnElement[bool]]:
    """Returns, by measure, the hazards that it counts among those with the measure's date."""
    closed, cohort = _H.state == State.CLOSED, _H.accepted_at.is_not(None) & (_H.state != State.DUPLICATE)
    fixed = closed & (_H.outcome == Outcome.FIXED)
    evaluated = closed & _H.evaluation.is_not(None)
    ended = closed & _H.outcome.in_(sorted(DEADLINE_OUTCOMES)) & ~_H.advisory & _H.due_at.is_not(None)
    standing = {
        name: _H.state.in_(sorted(state for state, stands in STATE_MEASURES.items() if stands == name))
        for name in STATE_MEASURES.values()
    }
    return standing | {
        "received": true(),
        "accepted": cohort,
        "fixed": fixed,
        "false_alarm": closed & (_H.outcome == Outcome.FALSE_ALARM),
        "rebounded": _H.rebounded_as.is_not(None),
        "old_standard": _H.vehicle_standard == "old",
        "new_standard": _H.vehicle_standard == "new",
        "cohort_accepted": cohort,
        "cohort_closed": cohort & closed,
        "fixed_on_spot": cohort & _H.fixed_on_spot,
        "quantity_found": cohort,
        "quantity_done": cohort,
        "returned": cohort & (_H.times_returned > 0),
        "reworked": cohort & (_H.times_reworked > 0),
        "extended": cohort & (_H.times_extended > 0),
        "closed_then": closed,
        "fixed_then": fixed,
        "evaluated": evaluated,
        "satisfied": evaluated & (_SCORE >= SATISFIED_SCORE),
        "score_total": evaluated,
        "due_ended": ended,
        "due_met": ended & fixed & (_H.submitted_at <= _H.due_at),
        "first_due_ended": ended,
        "first_due_met": ended & fixed & (_H.submitted_at <= FIRST_DUE_AT),
    }


CLAUSES = _clauses()
VALUES: dict[str, ColumnElement[int]] = {
    "quantity_found": _H.quantity,
    "quantity_done": _H.quantity_done,
    "score_total": _SCORE,
}
"""The columns to sum for measures that are not a number of hazards."""


IS_NO_ALERT_CHECK = (_H.source != "device") | _H.found_category.is_not(None)
"""Hazard.is_alert_check, negated."""


def counted_hazards_clause(catalogue: Iterable[Category]) -> ColumnElement[bool]:
    """Excludes alert checks (预警核查单), which count as alarms and not as hazards."""
    return IS_NO_ALERT_CHECK & _H.category.not_in([category.code for category in catalogue if category.from_device])


COUNTED_HAZARDS = IS_NO_ALERT_CHECK & _H.category.not_in(select(categories.c.code).where(categories.c.from_device))
"""`counted_hazards_clause` for the catalogue at the time of the query."""


# metrics ----------------------------------------------------------------------------------------------------


def metric_clause(name: str, now: datetime) -> tuple[ColumnElement[bool], ColumnElement[datetime | None]]:
    """Returns the clause of hazards that a metric (metrics.COUNTED) counts, and the column to match with a period."""
    late, first_late = CAN_BE_OVERDUE & (_H.due_at < now), CAN_BE_OVERDUE & (now > FIRST_DUE_AT)
    derived: dict[str, tuple[ColumnElement[bool], str]] = {
        "open": (_H.state.in_(sorted(OPEN_STATES)), "reported_at"),
        "on_time": (CLAUSES["fixing"] & ~(late & _H.due_at.is_not(None)), "reported_at"),
        "overdue": (late, "reported_at"),
        "due_decided": (CLAUSES["due_ended"] | late, "due_at"),
        "first_due_decided": (CLAUSES["first_due_ended"] | first_late, "first_due_at"),
    }
    clause, on = derived[name] if name in derived else (CLAUSES[name], MEASURES[name])
    return clause, INSTANTS[on]
