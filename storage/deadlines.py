"""Verdicts of inspections/deadlines.py as WHERE clauses."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_

from inspections.deadlines import CLOCKS, FIXING
from storage.tables import hazards

_H = hazards.c


def late(now: datetime) -> ColumnElement[bool]:
    """The SQL twin of deadlines.is_overdue (a test holds them together)."""
    return and_(_H.state.in_(sorted(FIXING)), ~_H.advisory, _H.due_at.is_not(None), _H.due_at < now)


def stage_late(now: datetime) -> ColumnElement[bool]:
    """A clock of deadlines.CLOCKS has run out."""
    others = [clock for name, clock in CLOCKS.items() if name != "fix"]
    return or_(
        late(now),
        *(and_(_H.state.in_(sorted(states)), _H[field].is_not(None), _H[field] < now) for states, field in others),
    )
