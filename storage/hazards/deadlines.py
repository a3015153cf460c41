"""The rules of inspections/hazards/deadlines.py as WHERE clauses."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_

from inspections.hazards.deadlines import CLOCKS
from storage.hazards.tables import CAN_BE_OVERDUE, IS_OPEN, hazards

_H = hazards.c


def overdue_clause(now: datetime) -> ColumnElement[bool]:
    """Selects overdue hazards, as deadlines.is_overdue does in Python (a test compares the two)."""
    return and_(CAN_BE_OVERDUE, _H.due_at.is_not(None), _H.due_at < now)


def stage_overdue_clause(now: datetime, names: Iterable[str] = tuple(CLOCKS)) -> ColumnElement[bool]:
    """Selects hazards on which any of these clocks of deadlines.CLOCKS has expired."""
    clocks = (clock_clause(name) for name in names)
    return or_(*(and_(clause, due_at < now) for clause, due_at in clocks))


def clock_clause(clock: str) -> tuple[ColumnElement[bool], ColumnElement[datetime | None]]:
    """Returns the clause of hazards on which a clock runs, and its due column. Advisory ones have no fixing clock."""
    states, field = CLOCKS[clock]
    due_at = _H[field]
    where = CAN_BE_OVERDUE if clock == "fix" else IS_OPEN & _H.state.in_(sorted(states))
    return where & due_at.is_not(None), due_at
