"""Canonical device messages, their grade, and how repeated messages are folded into one alert."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import replace

MAX_POINTS = 240
MAX_RECENT_IDS = 64
"""Limits of one alert: this many latest points and message ids are stored."""
POINT_INTERVAL = timedelta(seconds=15)
"""The shortest interval between stored points; 240 points then cover an hour."""
MAX_BUFFERED_READINGS = 60
BUFFER_INTERVAL = timedelta(minutes=1)
"""Limits of the reading buffer: one reading a minute for the hour before an alarm."""
HOLD_OFF = timedelta(minutes=10)
"""The hold-off time: an alert that returns this soon after it cleared is the same alert, and flaps."""
MAX_CLOCK_LEAD = timedelta(minutes=5)
"""How far a device's clock may run ahead. Beyond it the clock is wrong and the server's time is used."""
ID_MEMORY = timedelta(days=7)
"""How long the ids of messages are known after their alert is over."""
MAX_DELAY = timedelta(hours=24)
"""How late a message may arrive and still keep the device's own time."""
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
    EBIKE = "ebike_detected"


class MonitorKind(StrEnum):
    """The place of a meter (the mains of a building, a dwelling, a shop), or a camera or lift that sees e-bikes."""

    MAINS = "mains"
    HOUSEHOLD = "household"
    SHOP = "shop"
    CAMERA = "camera"
    LIFT = "lift"


class Grade(StrEnum):
    """Our own grade, in ascending order. From `alarm` on, somebody has to inspect the site."""

    NORMAL = "normal"
    WARN = "warn"
    ALARM = "alarm"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANK[self]


_GRADES = tuple(Grade)
_RANK = {grade: rank for rank, grade in enumerate(_GRADES)}


def worse_grade(one: Grade, other: Grade) -> Grade:
    return max(one, other, key=_RANK.__getitem__)


MAX_VALUE = 1_000_000
"""The largest plausible value of any metric."""
Limit = Annotated[float, Meta(gt=0, le=MAX_VALUE)]


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """The lowest value of each grade. `rise`: the units per minute that add one grade, to `alarm` at least."""

    warn: Limit
    alarm: Limit
    critical: Limit
    rise: Limit | None = None

    def __post_init__(self) -> None:
        if not self.warn <= self.alarm <= self.critical:
            raise ValueError("warn：须不大于 alarm，alarm 须不大于 critical")


_COMMON_THRESHOLDS = {
    Metric.TEMPERATURE: Thresholds(60, 70, 90, rise=10),
    Metric.ARC: Thresholds(5, 14, 28),
    Metric.VOLTAGE: Thresholds(250, 264, 275),
    Metric.EBIKE: Thresholds(1, 1, MAX_VALUE),
}
DEFAULT_THRESHOLDS = MappingProxyType(
    {
        MonitorKind.MAINS: {Metric.RESIDUAL_CURRENT: Thresholds(300, 400, 500), **_COMMON_THRESHOLDS},
        MonitorKind.HOUSEHOLD: {Metric.RESIDUAL_CURRENT: Thresholds(24, 30, 60), **_COMMON_THRESHOLDS},
        MonitorKind.SHOP: {Metric.RESIDUAL_CURRENT: Thresholds(100, 200, 300), **_COMMON_THRESHOLDS},
        MonitorKind.CAMERA: _COMMON_THRESHOLDS,
        MonitorKind.LIFT: _COMMON_THRESHOLDS,
    }
)
"""Default thresholds, which each device may override: 300 to 500 mA are usual at mains, 30 mA in dwellings. Current
has no default, because its limit depends on the line. One e-bike is an alarm, and none is worse than another."""

CATEGORY_OF_METRIC = MappingProxyType(
    {
        Metric.RESIDUAL_CURRENT: "EL-05",
        Metric.TEMPERATURE: "EL-06",
        Metric.CURRENT: "EL-06",
        Metric.ARC: "EL-07",
        Metric.EBIKE: "EB-02",
    }
)
"""The category of the case that an alarm opens. Voltage is the supplier's matter, an offline device maintenance's."""

METRIC_NAMES = MappingProxyType(
    {
        Metric.RESIDUAL_CURRENT: ("剩余电流", "mA"),
        Metric.TEMPERATURE: ("线缆温度", "℃"),
        Metric.ARC: ("故障电弧", "次"),
        Metric.VOLTAGE: ("电压", "V"),
        Metric.CURRENT: ("电流", "A"),
        Metric.OFFLINE: ("离线", ""),
        Metric.EBIKE: ("识别到电动自行车", "辆"),
    }
)


class CanonicalMessage(Struct, frozen=True):
    """One device message in canonical form. `value`: in the metric's unit; None if it only reports `cleared`.

    `occurred_at`: by the device's clock, if it has one. `level`: the vendor's own, as evidence. `raw`: the payload.
    `retained`: the broker has kept it, so it may be any old, and may have been received before. `photo`: the digest of
    its picture. `notes`: the fields that could not be read, with their texts; they do not decide.
    """

    device: str
    metric: Metric
    value: float | None
    cleared: bool = False
    occurred_at: datetime | None = None
    message_id: str | None = None
    level: str | None = None
    raw: str = ""
    retained: bool = False
    photo: str | None = None
    notes: Mapping[str, str] = {}


class Measurement(Struct, frozen=True, array_like=True):
    """One measured value and its time."""

    at: datetime
    value: float


class ReadingBuffer(Struct, frozen=True):
    """The last hour of readings of a device and metric while it has no alert. An alert stores its own points."""

    device: str
    metric: Metric
    points: tuple[Measurement, ...] = ()


class AlertSeries(Struct, frozen=True):
    """The newest alert of a device and metric, which are its primary key.

    So simultaneous messages on two processes make one alert: the database has a single row for them.
    """

    device: str
    metric: Metric
    alert: UUID


class Alert(Struct, frozen=True):
    """All messages of one device and metric, folded, until the case is closed or, without a case, the signal recovers.

    `first_at`, `last_at`: when a threshold was exceeded, by the trusted clock. `worst_raw`: the payload with the worst
    value. `clock_off`: the last clock error in seconds. `again_of`: the previous alert, whose case was closed.
    `recent`: ids of the last messages, at first those of the previous alert. `last_payload`: digest of the last one.
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
    last_payload: str | None = None


def resolve_event_time(message: CanonicalMessage, now: datetime) -> tuple[datetime, int | None]:
    """Returns the time of the event and the device's clock error in seconds; with an error, the time of receipt."""
    if message.occurred_at is None:
        return now, None
    off = now - message.occurred_at
    if off >= -MAX_CLOCK_LEAD and (off <= MAX_DELAY or message.retained):
        return min(message.occurred_at, now), None
    return now, round(off.total_seconds())


def has_been_told(message: CanonicalMessage, alert: Alert) -> bool:
    """Tells whether the alert has this message already: by its id or, for a kept one without id and time, as a whole.

    Devices and brokers deliver at least once, also after the alert is over.
    """
    if message.message_id is not None:
        return message.message_id in alert.recent
    kept = message.retained and message.occurred_at is None
    return kept and payload_digest(message) == alert.last_payload


def belongs_to_past(message: CanonicalMessage, past: Alert, ended_at: datetime, now: datetime) -> bool:
    """Tells whether a message is about an alert that is over: it was told before, or happened before `ended_at`.

    The device's clock decides only if it can be believed. `retained` alone decides nothing, because what the broker
    keeps may be the only copy.
    """
    if now - ended_at <= ID_MEMORY and has_been_told(message, past):
        return True
    at, clock_off = resolve_event_time(message, now)
    return message.occurred_at is not None and clock_off is None and at <= ended_at


def payload_digest(message: CanonicalMessage) -> str:
    return sha256(message.raw.encode()).hexdigest()


def known_ids(past: Alert | None, message: CanonicalMessage) -> tuple[str, ...]:
    """Returns the ids that a new alert begins with: the newest of the alert before it, and its first message's."""
    before = past.recent[1 - MAX_RECENT_IDS :] if past else ()
    return before if message.message_id is None else (*before, message.message_id)


def grade_value(value: float, limits: Thresholds | None, before: Measurement | None, at: datetime) -> Grade:
    """Grades a value by its thresholds and by how fast it rises. `before`: the previous measurement, if any."""
    if limits is None:
        return Grade.NORMAL
    rank = sum(value >= step for step in (limits.warn, limits.alarm, limits.critical))
    if limits.rise is not None and before is not None and _rises_too_fast(value, limits.rise, before, at):
        rank = max(Grade.ALARM.rank, min(Grade.CRITICAL.rank, rank + 1))
    return _GRADES[rank]


def _rises_too_fast(value: float, rise: float, before: Measurement, at: datetime) -> bool:
    within = at - before.at
    return timedelta() < within <= _RISE_WITHIN and (value - before.value) / (within.total_seconds() / _SECONDS) >= rise


def has_recovered(message: CanonicalMessage, limits: Thresholds | None) -> bool:
    """Tells whether the signal is well below the first threshold; the hysteresis keeps a noisy value from flapping."""
    if message.value is None:
        return message.cleared
    return limits is None or message.value < limits.warn * _HYSTERESIS


def fold_message(alert: Alert, message: CanonicalMessage, grade: Grade, at: datetime, clock_off: int | None) -> Alert:
    """Adds one message to the alert. An out-of-order message overwrites nothing newer."""
    recent = alert.recent if message.message_id is None else (*alert.recent, message.message_id)[-MAX_RECENT_IDS:]
    after = replace(
        alert,
        count=alert.count + 1,
        recent=recent,
        clock_off=clock_off or alert.clock_off,
        last_payload=payload_digest(message),
    )
    value = message.value
    if value is None:
        return after
    if value > alert.worst:
        after = replace(after, worst=value, worst_raw=message.raw)
    after = replace(after, grade=worse_grade(alert.grade, grade), first_at=min(alert.first_at, at))
    if at < alert.last_at:
        return after
    flaps = alert.flaps + (alert.cleared_at is not None)
    return replace(
        after, value=value, last_at=at, level=message.level or alert.level, points=add_point(alert.points, at, value),
        cleared_at=None, flaps=flaps,
    )  # fmt: skip


def clear_alert(alert: Alert, message: CanonicalMessage, at: datetime) -> Alert:
    """Marks the signal as recovered. This closes no case; the inspection on site does."""
    if at < alert.last_at or alert.cleared_at is not None:
        return alert
    value = alert.value if message.value is None else message.value
    return replace(alert, cleared_at=at, value=value, points=add_point(alert.points, at, value))


def add_point(points: tuple[Measurement, ...], at: datetime, value: float) -> tuple[Measurement, ...]:
    """Adds a point, at most one per `POINT_INTERVAL`; within an interval the higher value wins."""
    if points and at - points[-1].at < POINT_INTERVAL:
        last = points[-1]
        return (*points[:-1], Measurement(last.at, max(last.value, value)))
    return (*points, Measurement(at, value))[-MAX_POINTS:]


def buffer_reading(buffer: ReadingBuffer, at: datetime, value: float) -> ReadingBuffer:
    """Adds a reading to the buffer, at most one per `BUFFER_INTERVAL`."""
    if buffer.points and at - buffer.points[-1].at < BUFFER_INTERVAL:
        return buffer
    return replace(buffer, points=(*buffer.points, Measurement(at, value))[-MAX_BUFFERED_READINGS:])


def recent_readings(buffer: ReadingBuffer, at: datetime) -> tuple[Measurement, ...]:
    """Returns the buffered readings of the hour before `at`."""
    return tuple(
        point for point in buffer.points if timedelta() < at - point.at <= MAX_BUFFERED_READINGS * BUFFER_INTERVAL
    )


def describe_reading(metric: Metric, value: float, grade: Grade, limits: Thresholds | None) -> str:
    """Describes a value for a case, e.g. 剩余电流 452 mA，达到报警值 400 mA."""
    name, unit = METRIC_NAMES[metric]
    if limits is None or grade is Grade.NORMAL or metric is Metric.EBIKE:
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
    """The result of one message: opened, folded, cleared, normal, repeated, late, silent, fault, or refused (`reason`).

    `late`: it happened before the last alert ended, and is added to that one. `fault`: no sensor measured this value.
    `silent`: a gateway reported the device as offline.
    """

    result: str
    alert: UUID | None = None
    hazard: UUID | None = None
    reason: str | None = None
