"""The rules of inspections/hazards/deadlines.py as WHERE clauses."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_

from inspections.hazards.deadlines import CLOCKS
from storage.hazards.tables import MAY_BE_LATE, STANDS_OPEN, hazards

_H = hazards.c


def late(now: datetime) -> ColumnElement[bool]:
    """Selects overdue hazards, as deadlines.is_overdue does in Python (a test compares the two)."""
    return and_(MAY_BE_LATE, _H.due_at.is_not(None), _H.due_at < now)


def stage_late(now: datetime) -> ColumnElement[bool]:
    """Selects hazards on which any clock of deadlines.CLOCKS has expired."""
    clocks = (running(name) for name in CLOCKS)
    return or_(*(and_(clause, due_at < now) for clause, due_at in clocks))


def running(clock: str) -> tuple[ColumnElement[bool], ColumnElement[datetime | None]]:
    """Returns the clause of hazards on which a clock runs, and its due column. Advisory ones have no fixing clock."""
    states, field = CLOCKS[clock]
    due_at = _H[field]
    where = MAY_BE_LATE if clock == "fix" else STANDS_OPEN & _H.state.in_(sorted(states))
    return where & due_at.is_not(None), due_at
