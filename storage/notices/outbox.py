"""The queries of the outbox: notices to dispatch, deliveries to try, photo senders, and the agenda."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Executable, Integer, and_, bindparam, case, exists, func, or_, select

from inspections.accounts.policy import Scope
from inspections.calendar import midnight, shanghai_date
from inspections.hazards.deadlines import FIXING
from inspections.hazards.records import OPEN, State
from storage.hazards.deadlines import late
from storage.hazards.scopes import within
from storage.hazards.tables import hazards, mentions
from storage.notices.tables import WAITS, deliveries, notices
from storage.photos.tables import receipts

_H = hazards.c
_BEFORE = notices.alias()
UNTOLD = (
    select(notices)
    .where(
        notices.c.told_at.is_(None),
        ~exists().where(
            _BEFORE.c.hazard == notices.c.hazard, _BEFORE.c.told_at.is_(None), _BEFORE.c.seq < notices.c.seq
        ),
    )
    .order_by(notices.c.at)
    .limit(bindparam("limit"))
)
DELIVERABLE = (
    select(deliveries)
    .where(deliveries.c.channel == bindparam("channel"), deliveries.c.next_try_at <= bindparam("now"), WAITS)
    .order_by(deliveries.c.next_try_at, deliveries.c.seq)
    .limit(bindparam("limit"))
)
WAITING = (
    select(deliveries)
    .where(
        deliveries.c.hazard.in_(bindparam("hazards", expanding=True)),
        deliveries.c.channel == bindparam("channel"),
        WAITS,
    )
    .order_by(deliveries.c.seq, deliveries.c.id)
)
DELIVERIES = select(deliveries).where(deliveries.c.id.in_(bindparam("ids", expanding=True))).order_by(deliveries.c.id)
SENDERS = (
    select(receipts.c.username, mentions.c.hazard)
    .distinct()
    .select_from(
        receipts.outerjoin(mentions, and_(mentions.c.sha256 == receipts.c.sha256, mentions.c.by == receipts.c.username))
    )
    .where(receipts.c.sha256 == bindparam("sha256"))
)


def agenda(scope: Scope, now: datetime, since: datetime) -> Executable:
    """Builds the query of the counts of Agenda, in the order of its fields."""
    today = shanghai_date(now)
    begun, over = midnight(today), midnight(today + timedelta(days=1))
    due = and_(_H.state.in_(sorted(FIXING)), ~_H.advisory, _H.due_at >= now, _H.due_at <= over)
    columns: list[ColumnElement[bool]] = [
        _H.state == State.REPORTED,
        due,
        late(now),
        _H.state == State.PENDING_RECHECK,
        _H.state.in_(sorted(OPEN)),
        and_(_H.reported_at >= since, _H.reported_at < begun),
        and_(_H.state == State.CLOSED, _H.closed_at >= since, _H.closed_at < begun),
    ]
    concerned = or_(_H.state.in_(sorted(OPEN)), _H.reported_at >= since, _H.closed_at >= since)
    counts: list[Any] = [_count(clause) for clause in columns]
    return select(*counts).where(within(scope), concerned)


def _count(clause: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((clause, 1), else_=0), type_=Integer), 0)
