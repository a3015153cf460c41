"""Monitoring devices (监测设备): where they hang, what they may measure, the secrets they sign with."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from inspections.field_types import Line
from inspections.monitoring.alerts import DEFAULTS, Metric, MonitorKind, Thresholds
from inspections.monitoring.vendors import Vendor
from inspections.places.communities import CommunityCode
from inspections.places.coordinates import Point

MonitorCode = Annotated[
    str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z", description="as the vendor prints it on the case")
]
SIGNED_WITHIN = timedelta(minutes=5)
"""A timestamp may be so far off, in either direction."""
SILENT_AFTER_H = 24
"""A device of which nothing is known otherwise speaks at least once a day."""
REPORTER = "monitoring"
"""The account in whose name devices report: nobody signs in with it."""


class NewMonitor(Struct, frozen=True, forbid_unknown_fields=True):
    """`thresholds`: instead of those of its kind (alerts.DEFAULTS). `vendor`: in which shape it speaks.

    `silent_after_h`: it is silent who has said nothing for so many hours; null for one that speaks only of alarms.
    """

    id: MonitorCode
    name: Line
    kind: MonitorKind
    community: CommunityCode
    place: Line
    point: Point | None = None
    vendor: Vendor = Vendor.CANONICAL
    thresholds: dict[Metric, Thresholds] = {}
    silent_after_h: Annotated[int, Meta(ge=1, le=24 * 30)] | None = SILENT_AFTER_H


class Window(Struct, frozen=True):
    """Planned work at a device: what it says meanwhile opens no case, and that it is silent is no outage."""

    first: datetime = field(name="from")
    last: datetime = field(name="until")
    reason: str
    by: str


class Monitor(Struct, frozen=True):
    """`secret` and `previous`: what it signs with, and what it did before, good beside it; kept as they are, since a
    signature is made with them. `last_seen_at`: to the minute. `silent_at`: from then on it is silent, unless it is
    heard of; `outage`: since when it is, Outage.
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
    maintenance: Window | None = None
    outage: UUID | None = None

    def limits(self, metric: Metric) -> Thresholds | None:
        return self.thresholds.get(metric) or DEFAULTS[self.kind].get(metric)

    def worked_on(self, now: datetime) -> bool:
        return self.maintenance is not None and self.maintenance.first <= now < self.maintenance.last

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret,) if self.previous is None else (self.secret, self.previous)


class Signature(Struct, frozen=True):
    """That a signed request was taken: the same one again is refused. Forgotten once its timestamp is too old."""

    digest: str
    device: str
    at: datetime


def rotated(monitor: Monitor, secret: str) -> Monitor:
    """With a new secret; the one in use stays good beside it."""
    return replace(monitor, secret=secret, previous=monitor.secret, version=monitor.version + 1)


def listening(monitor: Monitor, heard_at: datetime) -> Monitor:
    """From `heard_at` on it may be silent for as long as it usually is; not counting planned work."""
    if monitor.silent_after_h is None:
        return replace(monitor, silent_at=None)
    began = heard_at if monitor.maintenance is None else max(heard_at, monitor.maintenance.last)
    return replace(monitor, silent_at=began + timedelta(hours=monitor.silent_after_h))


class Outage(Struct, frozen=True):
    """A device was silent (设备失联): a matter of maintenance, no hazard. `since`: when it was last heard of.

    `told_by`: the sweep, or the gateway that speaks for it. `ended_at`: when it was heard of again, or given up.
    """

    id: UUID
    device: str
    community: str
    since: datetime
    noticed_at: datetime
    told_by: str
    ended_at: datetime | None = None


SWEEP, GATEWAY = "sweep", "gateway"


def outage(monitor: Monitor, outage_id: UUID, told_by: str, now: datetime) -> Outage:
    return Outage(outage_id, monitor.id, monitor.community, monitor.last_seen_at or monitor.made_at, now, told_by)
