"""The tables of photos, upload receipts, hash bands, uploads and secrets."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, Uuid, text

from inspections.photos.records import PhotoState
from inspections.places.coordinates import Point
from storage.engine.columns import Bits64, EnumValue, Instant, Json
from storage.engine.schema import CACHED, LOCKED
from storage.engine.tables import NAME, metadata

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", String(128), nullable=False),
)

photos = Table(
    "photos",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("format", String(8), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("state", EnumValue(PhotoState), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("taken_at", Instant),
    Column("point", Json(Point)),
    Column("camera", NAME),
    Column("claimed_until", Instant),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("utc_offset", Integer),
    Column("orientation", Integer),
    Column("oddities", Json(tuple[str, ...]), nullable=False, server_default="[]"),
    Column("hash", Bits64),
    info={CACHED: True},
)
_UNPROCESSED = photos.c.state == text("'received'")
Index("ix_photos_undeveloped", photos.c.received_at, sqlite_where=_UNPROCESSED, postgresql_where=_UNPROCESSED)

receipts = Table(
    "receipts",
    metadata,
    Column("sha256", String(64), ForeignKey("photos.sha256"), primary_key=True),
    Column("username", String(64), primary_key=True),  # an account's, or the name of a fix link
    Column("at", Instant, nullable=False),
    info={CACHED: True},
)

bands = Table(
    "bands",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("sha256", String(64), ForeignKey("photos.sha256"), primary_key=True),
    Column("hash", Bits64, nullable=False),
    sqlite_with_rowid=False,
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", String(64), nullable=False, index=True),
    Column("length", Integer, nullable=False),
    Column("offset", Integer, nullable=False),
    Column("pieces", Json(tuple[str, ...]), nullable=False),
    Column("promised", String(64)),
    Column("metadata", Text, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("photo", String(64), ForeignKey("photos.sha256")),
    info={LOCKED: True},
)
