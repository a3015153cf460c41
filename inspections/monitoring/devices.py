"""Monitoring devices (监测设备): location, thresholds, signing secrets, maintenance windows and outages."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.field_types import Name, ShortText
from inspections.monitoring.alerts import DEFAULT_THRESHOLDS, Metric, MonitorKind, Thresholds
from inspections.monitoring.vendors import Vendor
from inspections.places.communities import CommunityCode
from inspections.places.coordinates import Point

MonitorCode = Annotated[
    str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z", description="as the vendor prints it on the case")
]
TIMESTAMP_TOLERANCE = timedelta(minutes=5)
"""The largest accepted difference between a request's timestamp and the server's clock, in either direction."""
SILENT_AFTER_H = 24
"""The default silence limit: a device is expected to send something at least once a day."""
DEVICE_PREFIX = "device:"
"""What the names of devices as senders of pictures begin with; names of accounts have no colon."""
REPORTER = "monitoring"
"""The username under which devices report. Nobody can sign in with this account."""


class NewMonitor(Struct, frozen=True, forbid_unknown_fields=True):
    """A device to register. `thresholds` override those of its kind; `vendor` is its payload format.

    `silent_after_h`: hours without a message until the device counts as silent; null for one that sends only alarms.
    """

    id: MonitorCode
    name: Name
    kind: MonitorKind
    community: CommunityCode
    place: ShortText
    point: Point | None = None
    vendor: Vendor = Vendor.CANONICAL
    thresholds: dict[Metric, Thresholds] = {}
    silent_after_h: Annotated[int, Meta(ge=1, le=24 * 30)] | None = SILENT_AFTER_H


class MaintenanceWindow(Struct, frozen=True):
    """A maintenance window: alarms during it open no case, and silence is no outage."""

    first: datetime = field(name="from")
    last: datetime = field(name="until")
    reason: str
    by: str


class Monitor(Struct, frozen=True):
    """A monitoring device. `secret` and `previous` both verify signatures, so they are stored in plain text.

    `last_seen_at`: to the minute. `silent_at`: when it counts as silent if nothing arrives; `outage`: its open Outage.
    """

    id: str
    name: str
    kind: MonitorKind
    community: str
    place: str
    point: Point | None
    vendor: Vendor
    thresholds: dict[Metric, Thresholds]
    made_by: str
    made_at: datetime
    secret: str
    previous: str | None = None
    last_seen_at: datetime | None = None
    active: bool = True
    version: int = 1
    silent_after_h: int | None = SILENT_AFTER_H
    silent_at: datetime | None = None
    maintenance: MaintenanceWindow | None = None
    outage: UUID | None = None

    def limits(self, metric: Metric) -> Thresholds | None:
        return self.thresholds.get(metric) or DEFAULT_THRESHOLDS[self.kind].get(metric)

    def is_in_maintenance(self, now: datetime) -> bool:
        return self.maintenance is not None and self.maintenance.first <= now < self.maintenance.last

    @property
    def sender(self) -> Person:
        """The device as the sender of its pictures, which no other device can use."""
        return Person(f"{DEVICE_PREFIX}{sha256(self.id.encode()).hexdigest()[:32]}", self.name, (), "")

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret,) if self.previous is None else (self.secret, self.previous)


class Signature(Struct, frozen=True):
    """The signature of an accepted request, stored to refuse replays until its timestamp is too old anyway."""

    digest: str
    device: str
    at: datetime


def rotate_secret(monitor: Monitor, secret: str) -> Monitor:
    """Replaces the secret; the one in use stays valid as `previous`."""
    return replace(monitor, secret=secret, previous=monitor.secret, version=monitor.version + 1)


def set_silence_deadline(monitor: Monitor, heard_at: datetime) -> Monitor:
    """Sets `silent_at`, counted from `heard_at` or, if later, from the end of the maintenance window."""
    if monitor.silent_after_h is None:
        return replace(monitor, silent_at=None)
    began = heard_at if monitor.maintenance is None else max(heard_at, monitor.maintenance.last)
    return replace(monitor, silent_at=began + timedelta(hours=monitor.silent_after_h))


class Outage(Struct, frozen=True):
    """A period in which a device was silent (设备失联). This is a maintenance matter and no hazard.

    `since`: its last message. `told_by`: the sweep or its gateway. `ended_at`: its next message, or the start of
    maintenance or deactivation.
    """

    id: UUID
    device: str
    community: str
    since: datetime
    noticed_at: datetime
    told_by: str
    ended_at: datetime | None = None


SWEEP, GATEWAY = "sweep", "gateway"


def new_outage(monitor: Monitor, outage_id: UUID, told_by: str, now: datetime) -> Outage:
    return Outage(outage_id, monitor.id, monitor.community, monitor.last_seen_at or monitor.made_at, now, told_by)
