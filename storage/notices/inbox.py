"""Pages of an inbox, and deliveries that were given up or wait for a retry."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, Uuid, func, literal, or_, select, tuple_

from inspections.accounts.policy import Scope
from inspections.field_types import Moment
from inspections.hazards.records import Hazard
from inspections.notices.outbox import Delivery, InboxEntry, Notice
from storage.accounts.scopes import covers_communities
from storage.engine.columns import Instant
from storage.hazards.scopes import narrowed
from storage.hazards.tables import hazards
from storage.notices.repository import NoticeRepository
from storage.notices.tables import WAITS, deliveries, inbox, notices

_ENTRY, _NOTICE = len(inbox.c), len(notices.c)


class AfterEntry(Struct, frozen=True):
    """The cursor of an inbox: the last entry of the previous page."""

    at: Moment
    id: UUID


class Received(NamedTuple):
    """An inbox entry with its notice and hazard; the latter is None if absent or no longer visible to the person."""

    entry: InboxEntry
    notice: Notice
    hazard: Hazard | None


def inbox_page(
    repository: NoticeRepository,
    username: str,
    see: Scope,
    after: AfterEntry | None,
    *,
    unread: bool | None,
    limit: int,
) -> list[Received]:
    """Returns at most `limit` of this person's entries, newest first."""
    query: Select[Any] = (
        select(inbox, *notices.c, *hazards.c)
        .select_from(
            inbox.join(notices, notices.c.id == inbox.c.notice).outerjoin(
                hazards, (hazards.c.id == notices.c.hazard) & narrowed(see)
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
    return [_received(row) for row in repository.rows(query)]


def received(repository: NoticeRepository, entry: InboxEntry, see: Scope) -> Received:
    """Returns an entry with its notice and, if visible, its hazard."""
    notice = notice_of(repository, entry)
    found = repository.hazards([notice.hazard]) if notice.hazard else []
    return Received(entry, notice, next((each for each in found if see.covers(each)), None))


def notice_of(repository: NoticeRepository, delivery: InboxEntry | Delivery) -> Notice:
    """Returns the notice of an inbox entry or delivery."""
    notice = repository.kept(Notice, delivery.notice)
    if notice is None:
        raise LookupError(delivery.notice)
    return notice


def _received(row: Any) -> Received:
    entry, notice, hazard = row[:_ENTRY], row[_ENTRY : _ENTRY + _NOTICE], row[_ENTRY + _NOTICE :]
    return Received(InboxEntry(*entry), Notice(*notice), Hazard(*hazard) if hazard[0] else None)


def unread(repository: NoticeRepository, username: str) -> int:
    query = select(func.count()).where(inbox.c.username == username, inbox.c.read_at.is_(None))
    return repository.rows(query)[0][0]


class Stuck(NamedTuple):
    """A delivery that has not arrived, with the kind and time of its notice."""

    delivery: Delivery
    kind: str
    at: datetime


def stuck(
    repository: NoticeRepository, reach: Scope | None, *, dead: bool, limit: int, after: UUID | None = None
) -> list[Stuck]:
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
        .where(deliveries.c.dead_at.is_not(None) if dead else WAITS & deliveries.c.error.is_not(None))
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(deliveries.c.id > after)
    if reach is not None:
        of_none = deliveries.c.hazard.is_(None) & covers_communities(reach.communities, literal(""))
        query = query.where(or_(of_none, deliveries.c.hazard.is_not(None) & narrowed(reach)))
    return [Stuck(Delivery(*row[:-2]), row[-2], row[-1]) for row in repository.rows(query)]
