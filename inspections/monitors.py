"""Monitoring devices (监测设备): where they hang, what they may measure, the secrets they sign with."""

from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from inspections.alerts import DEFAULTS, Metric, MonitorKind, Thresholds
from inspections.fields import Line
from inspections.places import CommunityCode, Point
from inspections.vendors import Vendor

MonitorCode = Annotated[
    str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z", description="as the vendor prints it on the case")
]
SIGNED_WITHIN = timedelta(minutes=5)
"""A timestamp may be so far off, in either direction."""
REPORTER = "monitoring"
"""The account in whose name devices report: nobody signs in with it."""


class NewMonitor(Struct, frozen=True, forbid_unknown_fields=True):
    """`thresholds`: instead of those of its kind (alerts.DEFAULTS). `vendor`: in which shape it speaks."""

    id: MonitorCode
    name: Line
    kind: MonitorKind
    community: CommunityCode
    place: Line
    point: Point | None = None
    vendor: Vendor = Vendor.CANONICAL
    thresholds: dict[Metric, Thresholds] = {}


class Monitor(Struct, frozen=True):
    """`secret` and `previous`: what it signs with, and what it did before, good beside it; kept as they are, since a
    signature is made with them. `last_seen_at`: to the minute.
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

    def limits(self, metric: Metric) -> Thresholds | None:
        return self.thresholds.get(metric) or DEFAULTS[self.kind].get(metric)

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
