"""Faults of devices (设备故障): values that no working sensor measures, and alarms that nobody could read."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import isfinite
from types import MappingProxyType
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import Role
from inspections.monitoring.alerts import MAX_VALUE, Measurement, Metric
from inspections.monitoring.devices import Monitor
from inspections.notices.outbox import Notice
from inspections.notices.recipients import UNREADABLE_ALARM

_FULL_SCALES = frozenset({65535, 6553.5, 32767, 3276.7})
"""0xFFFF and 0x7FFF, also in tenths: what a converter without a sensor reads, and Modbus registers without a value."""
_RANGES: Mapping[Metric, tuple[float, float]] = MappingProxyType(
    {
        Metric.RESIDUAL_CURRENT: (0, 60_000),
        Metric.TEMPERATURE: (-60, 500),
        Metric.ARC: (0, 60_000),
        Metric.VOLTAGE: (0, 60_000),
        Metric.CURRENT: (0, 60_000),
        Metric.EBIKE: (0, 60_000),
    }
)
"""What a sensor can measure; a DS18B20 whose wire is broken sends -127 °C, a PT100 850."""
_POWER_ON_C = 85.0
"""What a DS18B20 holds before its first measurement (Maxim's data sheet), and what a hot cable may have too."""
_NEIGHBOUR_TIME = timedelta(minutes=10)
_NEIGHBOUR_DISTANCE_C = 20.0


class FaultKind(StrEnum):
    """The reasons why a message is no measurement.

    `sensor`: its value is impossible. `power_on`: its value is what the sensor holds after a restart. `unreadable`: it
    says alarm, and otherwise cannot be read.
    """

    SENSOR = "sensor"
    POWER_ON = "power_on"
    UNREADABLE = "unreadable"


class DeviceFault(Struct, frozen=True):
    """The faults of a device on a Shanghai day: a maintenance item and no hazard. `sample`: the newest message.

    `metric`: what the sensor measures, "" for an unreadable message.
    """

    day: date
    device: str
    kind: FaultKind
    metric: str
    community: str
    count: int
    first_at: datetime
    last_at: datetime
    sample: str


def is_sensor_fault(metric: Metric, value: float | None) -> bool:
    """Tells whether no working sensor can have measured this value."""
    if value is None:
        return False
    if not isfinite(value) or value in _FULL_SCALES:
        return True
    least, most = _RANGES.get(metric, (-MAX_VALUE, MAX_VALUE))
    return not least <= value <= most


def may_be_power_on_value(metric: Metric, value: float | None) -> bool:
    """Tells whether a value is the one that a temperature sensor holds after its power came on."""
    return metric is Metric.TEMPERATURE and value == _POWER_ON_C


def is_power_on_value(at: datetime, before: Measurement | None, suspected_at: datetime | None) -> bool:
    """Tells whether 85 °C at `at` is no measurement: the one `before` is recent and much lower.

    It may be real if nothing was measured before, or if another 85 °C came since (`suspected_at`); the doubt counts as
    an alarm.
    """
    if before is None or (suspected_at is not None and suspected_at >= before.at):
        return False
    recent = timedelta() <= at - before.at <= _NEIGHBOUR_TIME
    return recent and before.value <= _POWER_ON_C - _NEIGHBOUR_DISTANCE_C


def add_fault(known: DeviceFault | None, new: DeviceFault) -> DeviceFault:
    """Adds a new fault to the one of the same day, which is None for the first."""
    if known is None:
        return new
    return replace(known, count=known.count + new.count, last_at=new.last_at, sample=new.sample)


def unreadable_alarm_notice(notice_id: UUID, fault: DeviceFault, monitor: Monitor, community: str) -> Notice:
    """Builds the notice to the officers of the community. It ignores quiet hours, as an alarm does."""
    facts = {"device": monitor.name, "community": community, "place": monitor.place, "sample": fault.sample}
    return Notice(
        notice_id, UNREADABLE_ALARM, fault.first_at, tells=Role.OFFICER, facts=facts, community=monitor.community
    )
