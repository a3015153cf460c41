"""The tables of devices, alerts, outages, rejections and leases."""

from sqlalchemy import Boolean, Column, Date, Float, ForeignKey, Index, Integer, String, Table, Text, Uuid

from inspections.monitoring.alerts import Grade, Measurement, Metric, MonitorKind, Thresholds
from inspections.monitoring.devices import MaintenanceWindow
from inspections.monitoring.faults import FaultKind
from inspections.monitoring.vendors import Vendor
from inspections.places.coordinates import Point
from storage.engine.columns import EnumValue, Instant, Json
from storage.engine.schema import LOCKED
from storage.engine.tables import CODE, NAME, metadata

_DEVICE = String(64)

monitors = Table(
    "monitors",
    metadata,
    Column("id", _DEVICE, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("kind", EnumValue(MonitorKind), nullable=False),
    Column("community", CODE, ForeignKey("communities.code"), nullable=False, index=True),
    Column("place", NAME, nullable=False),
    Column("point", Json(Point)),
    Column("vendor", EnumValue(Vendor), nullable=False),
    Column("thresholds", Json(dict[Metric, Thresholds]), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("secret", String(64), nullable=False),
    Column("previous", String(64)),
    Column("last_seen_at", Instant),
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("silent_after_h", Integer),
    Column("silent_at", Instant),
    Column("maintenance", Json(MaintenanceWindow)),
    Column("outage", Uuid),
    info={LOCKED: True},
)
MAY_BE_SILENT = monitors.c.active & monitors.c.outage.is_(None)
"""Selects devices that can become silent: active ones without an open outage."""
Index(
    "ix_monitors_silent",
    monitors.c.silent_at,
    sqlite_where=MAY_BE_SILENT,
    postgresql_where=MAY_BE_SILENT,
)

outages = Table(
    "outages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("device", _DEVICE, ForeignKey("monitors.id"), nullable=False, index=True),
    Column("community", CODE, nullable=False),
    Column("since", Instant, nullable=False),
    Column("noticed_at", Instant, nullable=False),
    Column("told_by", String(16), nullable=False),
    Column("ended_at", Instant),
    info={LOCKED: True},
)

refused = Table(
    "refused",
    metadata,
    Column("day", Date, primary_key=True),
    Column("way", String(8), primary_key=True),
    Column("reason", String(32), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("device", _DEVICE, nullable=False),
    Column("sample", Text, nullable=False),
    info={LOCKED: True},
)

device_faults = Table(
    "device_faults",
    metadata,
    Column("day", Date, primary_key=True),
    Column("device", _DEVICE, ForeignKey("monitors.id"), primary_key=True),
    Column("kind", EnumValue(FaultKind), primary_key=True),
    Column("metric", String(32), primary_key=True),
    Column("community", CODE, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("sample", Text, nullable=False),
    info={LOCKED: True},
)

slots = Table(
    "slots",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("holder", String(128), nullable=False),
    Column("until", Instant, nullable=False),
    Column("leaving", Boolean, nullable=False),
    info={LOCKED: True},
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("device", _DEVICE, ForeignKey("monitors.id"), nullable=False),
    Column("metric", EnumValue(Metric), nullable=False),
    Column("community", CODE, nullable=False),
    Column("grade", EnumValue(Grade), nullable=False),
    Column("count", Integer, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("value", Float, nullable=False),
    Column("worst", Float, nullable=False),
    Column("worst_raw", Text, nullable=False),
    Column("level", String(64)),
    Column("opened_at", Instant, nullable=False),
    Column("points", Json(tuple[Measurement, ...]), nullable=False),
    Column("recent", Json(tuple[str, ...]), nullable=False),
    Column("cleared_at", Instant),
    Column("flaps", Integer, nullable=False),
    Column("clock_off", Integer),
    Column("hazard", Uuid, ForeignKey("hazards.id")),
    Column("again_of", Uuid, ForeignKey("alerts.id")),
    Column("last_payload", String(64)),
    info={LOCKED: True},
)
Index("ix_alerts_device", alerts.c.device, alerts.c.id)

rings = Table(
    "rings",
    metadata,
    Column("device", _DEVICE, ForeignKey("monitors.id"), primary_key=True),
    Column("metric", EnumValue(Metric), primary_key=True),
    Column("points", Json(tuple[Measurement, ...]), nullable=False),
    info={LOCKED: True},
)

chains = Table(
    "chains",
    metadata,
    Column("device", _DEVICE, ForeignKey("monitors.id"), primary_key=True),
    Column("metric", EnumValue(Metric), primary_key=True),
    Column("alert", Uuid, ForeignKey("alerts.id"), nullable=False),
    info={LOCKED: True},
)

signatures = Table(
    "signatures",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("device", _DEVICE, nullable=False),
    Column("at", Instant, nullable=False, index=True),
)
