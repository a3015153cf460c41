"""Reads the security log in pages."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, or_, select

from inspections.accounts.security_log import Event, SecurityEvent
from storage.accounts.tables import security_events
from storage.engine.columns import any_value_clause
from storage.engine.unit_of_work import UnitOfWork


class EventFilter(NamedTuple):
    """Filters for the log: kinds, acting or affected accounts, period, and lines before `before`."""

    event: tuple[Event, ...] = ()
    person: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    before: UUID | None = None


def fetch_security_events(
    repository: UnitOfWork, wanted: EventFilter, people: Collection[str] | None, limit: int
) -> list[SecurityEvent]:
    """Fetches at most `limit` events, newest first. `people`: only events by or about these accounts; None: all."""
    log = security_events.c
    query: Select[Any] = select(security_events).order_by(log.id.desc()).limit(limit)
    if people is not None:
        query = query.where(or_(log.by.in_(people), log.about.in_(people)))
    if wanted.event:
        query = query.where(any_value_clause(log.event, wanted.event))
    if wanted.person:
        query = query.where(or_(any_value_clause(log.by, wanted.person), any_value_clause(log.about, wanted.person)))
    if wanted.since is not None:
        query = query.where(log.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(log.at < wanted.until)
    if wanted.before is not None:
        query = query.where(log.id < wanted.before)
    return [SecurityEvent(*row) for row in repository.rows(query)]
