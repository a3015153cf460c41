"""The tables of exports and of the ledger's layout."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Uuid

from inspections.ledger.exports import ExportForm, ExportState
from inspections.ledger.layout import LedgerColumn
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
    Column("digest", String(100)),
    info={LOCKED: True},
)

layouts = Table(
    "ledger_layouts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("columns", Json(tuple[LedgerColumn, ...]), nullable=False),
    Column("edited_by", String(64)),
    Column("edited_at", Instant),
    info={LOCKED: True},
)
