"""The tables of dispatch rules and of the origins of fixes by link."""

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, Uuid

from storage.engine.columns import Instant, Json
from storage.engine.schema import LOCKED, REFERENCE
from storage.engine.tables import CODE, NAME, metadata

dispatch_rules = Table(
    "dispatch_rules",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("community", CODE, nullable=False),
    Column("category", String(16), ForeignKey("categories.code")),
    Column("group", NAME),
    Column("lead", String(64), ForeignKey("people.username"), nullable=False),
    Column("assisting", Json(tuple[str, ...]), nullable=False),
    Column("accepts", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    info={LOCKED: True, REFERENCE: True},
)
fix_origins = Table(
    "fix_origins",
    metadata,
    Column("hazard", Uuid, ForeignKey("hazards.id"), primary_key=True),
    Column("at", Instant, nullable=False, index=True),
    Column("network", String(64)),
    Column("account", String(64)),
    info={LOCKED: True},
)
