"""Pages of an inbox, and deliveries that were given up or wait for a retry."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, Uuid, func, literal, or_, select, tuple_

from inspections.accounts.policy import Scope
from inspections.field_types import AwareDatetime
from inspections.hazards.records import Hazard
from inspections.notices.outbox import Delivery, InboxEntry, Notice
from storage.accounts.scopes import covers_communities
from storage.engine.columns import Instant
from storage.hazards.scopes import unindexed_scope_clause
from storage.hazards.tables import hazards
from storage.notices.repository import NoticeRepository
from storage.notices.tables import IS_PENDING, deliveries, inbox, notices

_ENTRY, _NOTICE = len(inbox.c), len(notices.c)


class InboxCursor(Struct, frozen=True):
    """The cursor of an inbox: the last entry of the previous page."""

    at: AwareDatetime
    id: UUID


class InboxItem(NamedTuple):
    """An inbox entry with its notice and hazard; the latter is None if absent or no longer visible to the person."""

    entry: InboxEntry
    notice: Notice
    hazard: Hazard | None


def inbox_page(
    repository: NoticeRepository,
    username: str,
    see: Scope,
    after: InboxCursor | None,
    *,
    unread: bool | None,
    limit: int,
) -> list[InboxItem]:
    """Returns at most `limit` of this person's entries, newest first."""
    query: Select[Any] = (
        select(inbox, *notices.c, *hazards.c)
        .select_from(
            inbox.join(notices, notices.c.id == inbox.c.notice).outerjoin(
                hazards, (hazards.c.id == notices.c.hazard) & unindexed_scope_clause(see)
            )
        )
        .where(inbox.c.username == username)
        .order_by(inbox.c.at.desc(), inbox.c.id.desc())
        .limit(limit)
    )
    if unread is not None:
        query = query.where(inbox.c.read_at.is_(None) if unread else inbox.c.read_at.is_not(None))
    if after:
        last = tuple_(literal(after.at, Instant()), literal(after.id, Uuid()))
        query = query.where(tuple_(inbox.c.at, inbox.c.id) < last)
    return [_item_from_row(row) for row in repository.rows(query)]


def inbox_item(repository: NoticeRepository, entry: InboxEntry, see: Scope) -> InboxItem:
    """Returns an entry with its notice and, if visible, its hazard."""
    notice = get_notice(repository, entry)
    found = repository.hazards([notice.hazard]) if notice.hazard else []
    return InboxItem(entry, notice, next((each for each in found if see.covers(each)), None))


def get_notice(repository: NoticeRepository, delivery: InboxEntry | Delivery) -> Notice:
    """Returns the notice of an inbox entry or delivery."""
    notice = repository.get(Notice, delivery.notice)
    if notice is None:
        raise LookupError(delivery.notice)
    return notice


def _item_from_row(row: Any) -> InboxItem:
    entry, notice, hazard = row[:_ENTRY], row[_ENTRY : _ENTRY + _NOTICE], row[_ENTRY + _NOTICE :]
    return InboxItem(InboxEntry(*entry), Notice(*notice), Hazard(*hazard) if hazard[0] else None)


def count_unread(repository: NoticeRepository, username: str) -> int:
    query = select(func.count()).where(inbox.c.username == username, inbox.c.read_at.is_(None))
    return repository.rows(query)[0][0]


class FailedDelivery(NamedTuple):
    """A delivery that has not arrived, with the kind and time of its notice."""

    delivery: Delivery
    kind: str
    at: datetime


def failed_deliveries(
    repository: NoticeRepository, reach: Scope | None, *, dead: bool, limit: int, after: UUID | None = None
) -> list[FailedDelivery]:
    """Returns deliveries that were given up (`dead`), or that failed and wait for a retry, by id.

    `reach` None: all of them. Those without a hazard need a scope over all communities.
    """
    query: Select[Any] = (
        select(deliveries, notices.c.kind, notices.c.at)
        .select_from(
            deliveries.join(notices, notices.c.id == deliveries.c.notice).outerjoin(
                hazards, hazards.c.id == deliveries.c.hazard
            )
        )
        .where(deliveries.c.dead_at.is_not(None) if dead else IS_PENDING & deliveries.c.error.is_not(None))
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(deliveries.c.id > after)
    if reach is not None:
        of_none = deliveries.c.hazard.is_(None) & covers_communities(reach.communities, literal(""))
        query = query.where(or_(of_none, deliveries.c.hazard.is_not(None) & unindexed_scope_clause(reach)))
    return [FailedDelivery(Delivery(*row[:-2]), row[-2], row[-1]) for row in repository.rows(query)]
