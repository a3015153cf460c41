"""The table of exports."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Uuid

from inspections.ledger.exports import ExportForm, ExportState
from inspections.ledger.selection import Selection
from storage.engine.columns import EnumValue, Instant, Json
from storage.engine.schema import LOCKED
from storage.engine.tables import metadata

exports = Table(
    "exports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("by", String(64), nullable=False),
    Column("form", EnumValue(ExportForm), nullable=False),
    Column("pictures", Boolean, nullable=False),
    Column("selection", Json(Selection), nullable=False),
    Column("asked_at", Instant, nullable=False, index=True),
    Column("state", EnumValue(ExportState), nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer),
    Column("size", BigInteger),
    Column("error", String(200)),
    Column("claimed_until", Instant),
    Column("tries", Integer, nullable=False),
    info={LOCKED: True},
)
