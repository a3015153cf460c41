"""The tables of notices, inboxes, deliveries, and edited templates."""

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, Uuid

from inspections.accounts.people import Role
from storage.engine.columns import EnumValue, Instant, Json
from storage.engine.schema import LOCKED
from storage.engine.tables import CODE, NAME, metadata

notices = Table(
    "notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("at", Instant, nullable=False),
    Column("hazard", Uuid, ForeignKey("hazards.id")),
    Column("seq", Integer, nullable=False, server_default="0"),
    Column("line", Uuid, ForeignKey("entries.id")),
    Column("tells", EnumValue(Role)),
    Column("to", Json(tuple[str, ...]), nullable=False, server_default="[]"),
    Column("by", String(64)),
    Column("facts", Json(dict[str, Any]), nullable=False, server_default="{}"),
    Column("held_until", Instant),
    Column("told_at", Instant),
    Column("community", CODE),
)
_UNTOLD = notices.c.told_at.is_(None)
Index("ix_notices_untold", notices.c.at, sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)
Index(
    "ix_notices_untold_of_hazard",
    notices.c.hazard,
    notices.c.seq,
    sqlite_where=_UNTOLD,
    postgresql_where=_UNTOLD,
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", String(64), ForeignKey("people.username"), nullable=False),
    Column("notice", Uuid, ForeignKey("notices.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("read_at", Instant),
    Index("ix_inbox_newest", "username", "at", "id"),
    info={LOCKED: True},
)
_UNREAD = inbox.c.read_at.is_(None)
Index("ix_inbox_unread", inbox.c.username, inbox.c.at, inbox.c.id, sqlite_where=_UNREAD, postgresql_where=_UNREAD)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("notice", Uuid, ForeignKey("notices.id"), nullable=False, index=True),
    Column("channel", String(32), nullable=False),
    Column("username", String(64), nullable=False),
    Column("recipients", Json(tuple[str, ...]), nullable=False),
    Column("hazard", Uuid, ForeignKey("hazards.id")),
    Column("seq", Integer, nullable=False),
    Column("next_try_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("delivered_at", Instant),
    Column("dead_at", Instant),
    Column("error", NAME),
)


IS_PENDING = deliveries.c.delivered_at.is_(None) & deliveries.c.dead_at.is_(None)
"""Selects pending deliveries: neither delivered nor given up."""
Index(
    "ix_deliveries_waiting",
    deliveries.c.channel,
    deliveries.c.next_try_at,
    deliveries.c.seq,
    sqlite_where=IS_PENDING,
    postgresql_where=IS_PENDING,
)
Index(
    "ix_deliveries_of_hazard",
    deliveries.c.hazard,
    deliveries.c.channel,
    deliveries.c.username,
    deliveries.c.seq,
    sqlite_where=IS_PENDING,
    postgresql_where=IS_PENDING,
)
_DEAD = deliveries.c.dead_at.is_not(None)
Index("ix_deliveries_dead", deliveries.c.dead_at, sqlite_where=_DEAD, postgresql_where=_DEAD)

templates = Table(
    "templates",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("title", NAME, nullable=False),
    Column("text", Text, nullable=False),
    Column("edited_by", String(64)),
    Column("edited_at", Instant),
    info={LOCKED: True},
)
