"""What hazards count for (inspections/hazards/measures.py): the same as clauses in SQL, and written with every step.

A step only appends what it changes; storage/statistics/rollup.py sums that up.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, true

from inspections.hazards.measures import DECIDED_BY_DEADLINE, MEASURES, STANDING
from inspections.hazards.records import OPEN, Outcome, State
from inspections.office.categories import Category
from storage.hazards.tables import MAY_BE_LATE, hazards
from storage.office.tables import categories

_H = hazards.c

FIRST_DUE_AT: ColumnElement[datetime | None] = func.coalesce(_H.original_due_at, _H.due_at, type_=_H.due_at.type)
INSTANTS: dict[str, ColumnElement[datetime | None]] = {
    "reported_at": _H.reported_at,
    "accepted_at": _H.accepted_at,
    "closed_at": _H.closed_at,
    "due_at": _H.due_at,
    "first_due_at": FIRST_DUE_AT,
}


def _clauses() -> dict[str, ColumnElement[bool]]:
    """By measure: which hazards it counts, among those that have the instant it falls on."""
    closed, cohort = _H.state == State.CLOSED, _H.accepted_at.is_not(None) & (_H.state != State.DUPLICATE)
    fixed = closed & (_H.outcome == Outcome.FIXED)
    ended = closed & _H.outcome.in_(sorted(DECIDED_BY_DEADLINE)) & ~_H.advisory & _H.due_at.is_not(None)
    standing = {
        name: _H.state.in_(sorted(state for state, stands in STANDING.items() if stands == name))
        for name in STANDING.values()
    }
    return standing | {
        "received": true(),
        "accepted": cohort,
        "fixed": fixed,
        "false_alarm": closed & (_H.outcome == Outcome.FALSE_ALARM),
        "rebounded": _H.rebounded_as.is_not(None),
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
        "due_ended": ended,
        "due_met": ended & fixed & (_H.submitted_at <= _H.due_at),
        "first_due_ended": ended,
        "first_due_met": ended & fixed & (_H.submitted_at <= FIRST_DUE_AT),
    }


CLAUSES = _clauses()
VALUES: dict[str, ColumnElement[int]] = {"quantity_found": _H.quantity, "quantity_done": _H.quantity_done}
"""What is added up of them, where that is not their number."""


def counted(catalogue: Iterable[Category]) -> ColumnElement[bool]:
    """Hazards that are counted at all: alert checks (预警核查单) count as alarms, not as hazards found."""
    return _H.category.not_in([category.code for category in catalogue if category.from_device])


COUNTED = _H.category.not_in(select(categories.c.code).where(categories.c.from_device))
"""`counted`, of whatever the catalogue is when it is asked."""


# writing ----------------------------------------------------------------------------------------------------


def behind(name: str, now: datetime) -> tuple[ColumnElement[bool], ColumnElement[datetime | None]]:
    """The hazards that one of statistics.COUNTED counts, and the instant that has to lie in the period."""
    late, first_late = MAY_BE_LATE & (_H.due_at < now), MAY_BE_LATE & (now > FIRST_DUE_AT)
    derived: dict[str, tuple[ColumnElement[bool], str]] = {
        "open": (_H.state.in_(sorted(OPEN)), "reported_at"),
        "on_time": (CLAUSES["fixing"] & ~(late & _H.due_at.is_not(None)), "reported_at"),
        "overdue": (late, "reported_at"),
        "due_decided": (CLAUSES["due_ended"] | late, "due_at"),
        "first_due_decided": (CLAUSES["first_due_ended"] | first_late, "first_due_at"),
    }
    clause, on = derived[name] if name in derived else (CLAUSES[name], MEASURES[name])
    return clause, INSTANTS[on]
