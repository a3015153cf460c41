"""What hazards count for (inspections/counting.py): the same as clauses in SQL, and written with every step.

A step only appends what it changes; storage/counters.py sums that up.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, insert, select, true

from inspections.categories import Category
from inspections.counting import DECIDED_BY_DEADLINE, MEASURES, STANDING, differences
from inspections.hazards import Hazard, Outcome, State
from storage.counter_tables import counter_deltas
from storage.office_tables import categories
from storage.tables import hazards

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


def count(
    connection: Connection,
    inserts: Mapping[type[Struct], Sequence[Any]],
    updates: Iterable[tuple[Struct, Struct]],
    categories: Mapping[str, Category],
) -> None:
    """What was inserted and (before, after) of what was updated, as far as it changes a count."""
    moves: list[tuple[Hazard | None, Hazard]] = [(None, hazard) for hazard in inserts.get(Hazard, ())]
    moves += [(before, after) for before, after in updates if isinstance(before, Hazard) and isinstance(after, Hazard)]
    if not moves:
        return
    changed = differences(moves)
    rows = [
        {**_NOTHING, **cell._asdict(), **counts}
        for cell, counts in changed.items()
        if not categories[cell.category].from_device
    ]
    if rows:
        connection.execute(_APPEND, rows)


_NOTHING = dict.fromkeys(MEASURES, 0)
_APPEND = insert(counter_deltas)
