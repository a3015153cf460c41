"""The tables of checklists."""

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from inspections.rounds.checklists import ChecklistState, Section
from storage.engine.columns import EnumValue, Instant, Json
from storage.engine.schema import LOCKED
from storage.engine.tables import NAME, metadata

checklists = Table(
    "checklists",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("state", EnumValue(ChecklistState), nullable=False),
    Column("sections", Json(tuple[Section, ...]), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("edited_by", String(64), ForeignKey("people.username")),
    Column("edited_at", Instant, nullable=False),
    info={LOCKED: True},
)
