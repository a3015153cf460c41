"""The table of links of responsible parties."""

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Uuid

from storage.engine.columns import Instant
from storage.engine.schema import LOCKED
from storage.engine.tables import metadata

fix_links = Table(
    "fix_links",
    metadata,
    Column("id", Uuid, ForeignKey("entries.id"), primary_key=True),
    Column("hazard", Uuid, ForeignKey("hazards.id"), nullable=False, index=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("by", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("opened", Integer, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
    info={LOCKED: True},
)
