"""The tables of categories, calendar days and rules."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Integer,
    String,
    Table,
)

from inspections.office.categories import Priority, Term
from inspections.office.rules import Rules
from storage.engine.columns import EnumValue, Instant, Json
from storage.engine.schema import LOCKED, REFERENCE
from storage.engine.tables import NAME, metadata

categories = Table(
    "categories",
    metadata,
    Column("code", String(16), primary_key=True),
    Column("name", NAME, nullable=False),
    Column("group", NAME, nullable=False),
    Column("priority", EnumValue(Priority)),
    Column("term", Json(Term), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("advisory", Boolean, nullable=False),
    Column("from_device", Boolean, nullable=False),
    Column("proposes_major", Boolean, nullable=False),
    Column("major_term", Json(Term)),
    Column("look_back_days", Integer),
    info={LOCKED: True, REFERENCE: True},
)

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("working", Boolean, nullable=False),
    Column("name", NAME, nullable=False),
    Column("source", NAME, nullable=False),
    info={REFERENCE: True},
)

rules = Table(
    "rules",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("rules", Json(Rules), nullable=False),
    Column("edited_by", String(64)),
    Column("edited_at", Instant),
    info={LOCKED: True, REFERENCE: True},
)
