"""The queries of the outbox: notices to dispatch, deliveries to try, photo senders, and the agenda."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Executable, Integer, and_, bindparam, case, func, or_, select

from inspections.accounts.policy import Scope
from inspections.calendar import midnight, shanghai_date
from inspections.hazards.deadlines import FIXING_STATES
from inspections.hazards.records import OPEN_STATES, State
from storage.engine.columns import in_list
from storage.hazards.deadlines import overdue_clause
from storage.hazards.scopes import scope_clause
from storage.hazards.tables import hazards, mentions
from storage.notices.tables import IS_PENDING, deliveries, notices
from storage.photos.tables import receipts

_H = hazards.c
_EARLIER = notices.alias()
# A scalar query, because without statistics PostgreSQL may join all pending notices with each other for a NOT EXISTS.
_FIRST_PENDING = (
    select(func.min(_EARLIER.c.seq))
    .where(_EARLIER.c.hazard == notices.c.hazard, _EARLIER.c.told_at.is_(None))
    .scalar_subquery()
)
PENDING_NOTICES = (
    select(notices)
    .where(notices.c.told_at.is_(None), or_(notices.c.hazard.is_(None), notices.c.seq == _FIRST_PENDING))
    .order_by(notices.c.at)
    .limit(bindparam("limit"))
)
DUE_DELIVERIES = (
    select(deliveries)
    .where(deliveries.c.channel == bindparam("channel"), deliveries.c.next_try_at <= bindparam("now"), IS_PENDING)
    .order_by(deliveries.c.next_try_at, deliveries.c.seq)
    .limit(bindparam("limit"))
)
PENDING_DELIVERIES = (
    select(deliveries)
    .where(
        in_list(deliveries.c.hazard, "hazards"),
        deliveries.c.channel == bindparam("channel"),
        IS_PENDING,
    )
    .order_by(deliveries.c.seq, deliveries.c.id)
)
DELIVERIES = select(deliveries).where(in_list(deliveries.c.id, "ids")).order_by(deliveries.c.id)
PHOTO_SENDERS = (
    select(receipts.c.username, mentions.c.hazard)
    .distinct()
    .select_from(
        receipts.outerjoin(mentions, and_(mentions.c.sha256 == receipts.c.sha256, mentions.c.by == receipts.c.username))
    )
    .where(receipts.c.sha256 == bindparam("sha256"))
)


def agenda_query(scope: Scope, now: datetime, since: datetime) -> Executable:
    """Builds the query of the counts of Agenda, in the order of its fields."""
    today = shanghai_date(now)
    begun, over = midnight(today), midnight(today + timedelta(days=1))
    due = and_(_H.state.in_(sorted(FIXING_STATES)), ~_H.advisory, _H.due_at >= now, _H.due_at <= over)
    columns: list[ColumnElement[bool]] = [
        _H.state == State.REPORTED,
        due,
        overdue_clause(now),
        _H.state == State.PENDING_RECHECK,
        _H.state.in_(sorted(OPEN_STATES)),
        and_(_H.reported_at >= since, _H.reported_at < begun),
        and_(_H.state == State.CLOSED, _H.closed_at >= since, _H.closed_at < begun),
    ]
    concerned = or_(_H.state.in_(sorted(OPEN_STATES)), _H.reported_at >= since, _H.closed_at >= since)
    counts: list[Any] = [_count(clause) for clause in columns]
    return select(*counts).where(scope_clause(scope), concerned)


def _count(clause: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((clause, 1), else_=0), type_=Integer), 0)
