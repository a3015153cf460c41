"""What a monitoring device says, our own grade for it, and how repeats become one alert."""

from datetime import datetime, timedelta
from enum import StrEnum
from math import isfinite
from types import MappingProxyType
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import replace

POINTS = 240
RECENT = 64
"""Kept of an alert: the last points, the last message ids."""
POINT_EVERY = timedelta(seconds=15)
"""The hour around an alarm, however often a device repeats itself."""
REMEMBERED = 60
REMEMBER_EVERY = timedelta(minutes=1)
"""Of what a device measured before there was anything to tell: the hour before an alarm."""
HOLD_OFF = timedelta(minutes=10)
"""An alert that comes back so soon after it was cleared had not gone: the device flaps."""
CLOCK_OFF = timedelta(minutes=5)
"""A device's clock that differs more is wrong; then the server's governs."""
LATE = timedelta(hours=24)
"""What a device could not send for so long is still told with its own time."""
_HYSTERESIS = 0.9
_RISE_WITHIN = timedelta(minutes=5)
_SECONDS = 60.0


class Metric(StrEnum):
    RESIDUAL_CURRENT = "residual_current_ma"
    TEMPERATURE = "temperature_c"
    ARC = "arc_count"
    VOLTAGE = "voltage_v"
    CURRENT = "current_a"
    OFFLINE = "offline"


class MonitorKind(StrEnum):
    """Where it hangs: at the mains of a house, in a dwelling, in a shop."""

    MAINS = "mains"
    HOUSEHOLD = "household"
    SHOP = "shop"


class Grade(StrEnum):
    """Our own, from the least to the worst. From `alarm` on somebody has to go and look."""

    NORMAL = "normal"
    WARN = "warn"
    ALARM = "alarm"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANK[self]


_GRADES = tuple(Grade)
_RANK = {grade: rank for rank, grade in enumerate(_GRADES)}


def worse(one: Grade, other: Grade) -> Grade:
    return max(one, other, key=_RANK.__getitem__)


MOST = 1_000_000
"""No device measures more of anything."""
Limit = Annotated[float, Meta(gt=0, le=MOST)]


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """From which value on it is what. `rise`: so much more in a minute is one grade worse, and an alarm at least."""

    warn: Limit
    alarm: Limit
    critical: Limit
    rise: Limit | None = None

    def __post_init__(self) -> None:
        if not self.warn <= self.alarm <= self.critical:
            raise ValueError("warn：须不大于 alarm，alarm 须不大于 critical")


_EVERYWHERE = {
    Metric.TEMPERATURE: Thresholds(60, 70, 90, rise=10),
    Metric.ARC: Thresholds(5, 14, 28),
    Metric.VOLTAGE: Thresholds(250, 264, 275),
}
DEFAULTS = MappingProxyType(
    {
        MonitorKind.MAINS: {Metric.RESIDUAL_CURRENT: Thresholds(300, 400, 500), **_EVERYWHERE},
        MonitorKind.HOUSEHOLD: {Metric.RESIDUAL_CURRENT: Thresholds(24, 30, 60), **_EVERYWHERE},
        MonitorKind.SHOP: {Metric.RESIDUAL_CURRENT: Thresholds(100, 200, 300), **_EVERYWHERE},
    }
)
"""Proposals of ours, to be set per device: 300 to 500 mA are usual at mains, 30 mA in dwellings. A current has none:
what is much depends on the line."""

CATEGORY = MappingProxyType(
    {
        Metric.RESIDUAL_CURRENT: "EL-05",
        Metric.TEMPERATURE: "EL-06",
        Metric.CURRENT: "EL-06",
        Metric.ARC: "EL-07",
    }
)
"""The check that an alarm opens. A voltage is the supplier's, a device that is offline a matter of maintenance."""

NAMES = MappingProxyType(
    {
        Metric.RESIDUAL_CURRENT: ("剩余电流", "mA"),
        Metric.TEMPERATURE: ("线缆温度", "℃"),
        Metric.ARC: ("故障电弧", "次"),
        Metric.VOLTAGE: ("电压", "V"),
        Metric.CURRENT: ("电流", "A"),
        Metric.OFFLINE: ("离线", ""),
    }
)


class Message(Struct, frozen=True):
    """The canonical alert, whatever vendor it comes from. `value` in the metric's unit; None: only `cleared` is said.

    `occurred_at`: by the device's clock, None where it has none. `level`: the vendor's own, evidence only. `raw`: what
    it sent.
    """

    device: str
    metric: Metric
    value: float | None
    cleared: bool = False
    occurred_at: datetime | None = None
    message_id: str | None = None
    level: str | None = None
    raw: str = ""


class Measurement(Struct, frozen=True, array_like=True):
    """What was measured when."""

    at: datetime
    value: float


class Ring(Struct, frozen=True):
    """The last hour of a device and a metric, as long as there is no alert, which has points of its own."""

    device: str
    metric: Metric
    points: tuple[Measurement, ...] = ()


class Chain(Struct, frozen=True):
    """Of a device and a metric, the newest alert. The two are its key: messages of the same moment on two processes

    make one alert, because the database itself has one row for them.
    """

    device: str
    metric: Metric
    alert: UUID


class Alert(Struct, frozen=True):
    """What one device says of one metric, folded, until its case is closed or, without one, it has gone.

    `first_at`, `last_at`: of what exceeded, by the clock that governs. `value`: the newest; `worst`: the worst, with
    the message that said so. `clock_off`: by how many seconds the device's clock differed when it last did. `again_of`:
    the alert before, whose case was closed.
    """

    id: UUID
    device: str
    metric: Metric
    community: str
    grade: Grade
    count: int
    first_at: datetime
    last_at: datetime
    value: float
    worst: float
    worst_raw: str
    level: str | None
    opened_at: datetime
    points: tuple[Measurement, ...] = ()
    recent: tuple[str, ...] = ()
    cleared_at: datetime | None = None
    flaps: int = 0
    clock_off: int | None = None
    hazard: UUID | None = None
    again_of: UUID | None = None


def governed(message: Message, now: datetime) -> tuple[datetime, int | None]:
    """When it was, and by how many seconds the device's clock is off: then it is when it came."""
    if message.occurred_at is None:
        return now, None
    off = now - message.occurred_at
    if -CLOCK_OFF <= off <= LATE:
        return min(message.occurred_at, now), None
    return now, round(off.total_seconds())


def graded(value: float, limits: Thresholds | None, before: Measurement | None, at: datetime) -> Grade:
    """By thresholds and by how fast it rises. `before`: the last measurement, if there is one."""
    if limits is None:
        return Grade.NORMAL
    rank = sum(value >= step for step in (limits.warn, limits.alarm, limits.critical))
    if limits.rise is not None and before is not None and _rises(value, limits.rise, before, at):
        rank = max(Grade.ALARM.rank, min(Grade.CRITICAL.rank, rank + 1))
    return _GRADES[rank]


def _rises(value: float, rise: float, before: Measurement, at: datetime) -> bool:
    within = at - before.at
    return timedelta() < within <= _RISE_WITHIN and (value - before.value) / (within.total_seconds() / _SECONDS) >= rise


def has_gone(message: Message, limits: Thresholds | None) -> bool:
    """Well below the first threshold, so that a value that trembles about it does not come and go."""
    if message.value is None:
        return message.cleared
    return limits is None or message.value < limits.warn * _HYSTERESIS


def plausible(value: float | None) -> bool:
    return value is None or (isfinite(value) and abs(value) <= MOST)


def folded(alert: Alert, message: Message, grade: Grade, at: datetime, clock_off: int | None) -> Alert:
    """The alert with one more message. One that is older than what is known overwrites nothing newer."""
    recent = alert.recent if message.message_id is None else (*alert.recent, message.message_id)[-RECENT:]
    after = replace(alert, count=alert.count + 1, recent=recent, clock_off=clock_off or alert.clock_off)
    value = message.value
    if value is None:
        return after
    if value > alert.worst:
        after = replace(after, worst=value, worst_raw=message.raw)
    after = replace(after, grade=worse(alert.grade, grade), first_at=min(alert.first_at, at))
    if at < alert.last_at:
        return after
    flaps = alert.flaps + (alert.cleared_at is not None)
    return replace(
        after, value=value, last_at=at, level=message.level or alert.level, points=with_point(alert.points, at, value),
        cleared_at=None, flaps=flaps,
    )  # fmt: skip


def cleared(alert: Alert, message: Message, at: datetime) -> Alert:
    """The signal has recovered. That closes no case: whoever goes there does."""
    if at < alert.last_at or alert.cleared_at is not None:
        return alert
    value = alert.value if message.value is None else message.value
    return replace(alert, cleared_at=at, value=value, points=with_point(alert.points, at, value))


def with_point(points: tuple[Measurement, ...], at: datetime, value: float) -> tuple[Measurement, ...]:
    """Not oftener than POINT_EVERY, but a peak always counts: it takes the place of a lower one."""
    if points and at - points[-1].at < POINT_EVERY:
        last = points[-1]
        return (*points[:-1], Measurement(last.at, max(last.value, value)))
    return (*points, Measurement(at, value))[-POINTS:]


def remembered(ring: Ring, at: datetime, value: float) -> Ring:
    """With what was measured at `at`, if it is not too soon after the last."""
    if ring.points and at - ring.points[-1].at < REMEMBER_EVERY:
        return ring
    return replace(ring, points=(*ring.points, Measurement(at, value))[-REMEMBERED:])


def before(ring: Ring, at: datetime) -> tuple[Measurement, ...]:
    """The hour before `at`."""
    return tuple(point for point in ring.points if timedelta() < at - point.at <= REMEMBERED * REMEMBER_EVERY)


def said(metric: Metric, value: float, grade: Grade, limits: Thresholds | None) -> str:
    """剩余电流 452 mA，达到报警值 400 mA, as the description of a case."""
    name, unit = NAMES[metric]
    if limits is None or grade is Grade.NORMAL:
        return f"{name} {value:g} {unit}".strip()
    word, limit = {
        Grade.WARN: ("预警值", limits.warn),
        Grade.ALARM: ("报警值", limits.alarm),
        Grade.CRITICAL: ("危险值", limits.critical),
    }[grade]
    if value < limit:
        return f"{name} {value:g} {unit}，上升过快"
    return f"{name} {value:g} {unit}，达到{word} {limit:g} {unit}"


class Verdict(Struct, frozen=True):
    """What became of one message: `opened`, `folded`, `cleared`, `normal`, `repeated`, `silent` (so says its gateway),

    or `refused` with a reason.
    """

    result: str
    alert: UUID | None = None
    hazard: UUID | None = None
    reason: str | None = None
