"""Counts the faults of devices in one transaction; an unreadable alarm notifies the officers once a day."""

from collections.abc import Iterable
from datetime import datetime
from operator import itemgetter

from msgspec import Struct

from inspections.calendar import shanghai_date
from inspections.monitoring.alerts import CanonicalMessage, Measurement, Metric
from inspections.monitoring.devices import Monitor
from inspections.monitoring.faults import (
    DeviceFault,
    FaultKind,
    add_fault,
    is_power_on_value,
    is_sensor_fault,
    may_be_power_on_value,
    unreadable_alarm_notice,
)
from inspections.monitoring.message_fields import storable_text
from inspections.monitoring.rejections import SAMPLE_LENGTH
from inspections.monitoring.repository import MonitoringRepository

_Key = tuple[str, FaultKind, str]


class FaultCounter:
    """Counts the faults of a transaction: one row for each day, device, kind and metric."""

    def __init__(self, repository: MonitoringRepository, now: datetime) -> None:
        self._repository = repository
        self._now = now
        self._day = shanghai_date(now)
        self._faults: dict[_Key, tuple[DeviceFault | None, DeviceFault]] = {}
        self._monitors: dict[str, Monitor] = {}

    def find_fault(self, message: CanonicalMessage, at: datetime, before: Measurement | None) -> FaultKind | None:
        """Returns why no sensor measured the value of a message, None if one did. `before`: the last measurement."""
        if not may_be_power_on_value(message.metric, message.value):
            return FaultKind.SENSOR if is_sensor_fault(message.metric, message.value) else None
        _, known = self._load((message.device, FaultKind.POWER_ON, message.metric))
        found = is_power_on_value(at, before, known.last_at if known else None)
        return FaultKind.POWER_ON if found else None

    def add(self, monitor: Monitor, kind: FaultKind, metric: Metric | None, sample: str) -> None:
        """Adds one faulty message of a device, whose text is `sample`."""
        key, now = (monitor.id, kind, "" if metric is None else metric.value), self._now
        text = storable_text(sample, SAMPLE_LENGTH)
        stored, before = self._load(key)
        new = DeviceFault(self._day, *key, monitor.community, 1, now, now, text)
        self._faults[key] = stored, add_fault(before, new)
        self._monitors[monitor.id] = monitor

    def _load(self, key: _Key) -> tuple[DeviceFault | None, DeviceFault | None]:
        """Returns the fault of today as it is stored, and with what this transaction adds."""
        if key in self._faults:
            return self._faults[key]
        stored = self._repository.get(DeviceFault, self._day, *key)
        return stored, stored

    def new_records(self) -> Iterable[Struct]:
        """Yields the first faults of the day, and the notices of unreadable alarms."""
        for (device, kind, _), (stored, fault) in sorted(self._faults.items(), key=itemgetter(0)):
            if stored is not None:
                continue
            yield fault
            monitor = self._monitors[device]
            if kind is FaultKind.UNREADABLE and not monitor.is_in_maintenance(self._now):
                community = self._repository.community(monitor.community)
                name = community.name if community else monitor.community
                yield unreadable_alarm_notice(self._repository.new_id(), fault, monitor, name)

    def changed_records(self) -> Iterable[tuple[Struct, Struct]]:
        for _, (stored, fault) in sorted(self._faults.items(), key=itemgetter(0)):
            if stored is not None:
                yield stored, fault
