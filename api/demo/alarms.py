"""Devices of the pilot month and the alarms with which its cases begin; a camera in a lift sees an e-bike."""

import json
from datetime import datetime, timedelta

from api.demo.chance import seeded_random
from api.demo.places import demo_point
from inspections.monitoring.alerts import CanonicalMessage, Metric, MonitorKind
from inspections.monitoring.devices import NewMonitor

_METRICS = {"EL-03": Metric.TEMPERATURE, "EB-02": Metric.EBIKE}
_ALARMS = {Metric.RESIDUAL_CURRENT: (31, 58), Metric.TEMPERATURE: (71, 88), Metric.EBIKE: (1, 1)}
"""Lowest and highest value of an invented alarm, by the default thresholds of a dwelling."""
_NAMES = {MonitorKind.HOUSEHOLD: "入户用电监测", MonitorKind.LIFT: "电梯摄像头"}


def demo_device(number: int, category: str, community: str, place: str) -> NewMonitor:
    """The device whose alarm begins a case; it sends only alarms, so it never counts as silent."""
    kind = MonitorKind.LIFT if category == "EB-02" else MonitorKind.HOUSEHOLD
    code = f"DEMO-{number:03d}"
    return NewMonitor(
        id=code,
        name=f"【演示数据】{_NAMES[kind]}{number}",
        kind=kind,
        community=community,
        place=place,
        point=demo_point(community, code),
        silent_after_h=None,
    )


def alarm_message(device: NewMonitor, category: str, at: datetime, turn: int) -> CanonicalMessage:
    """Message number `turn` of an alarm behind which a visit finds this category."""
    metric = _METRICS.get(category, Metric.RESIDUAL_CURRENT)
    value = seeded_random(f"{device.id}/{turn}").randint(*_ALARMS[metric])
    return _message(device, metric, float(value), at, f"{device.id}-{turn}")


def warning_messages(device: NewMonitor, at: datetime) -> tuple[CanonicalMessage, ...]:
    """A warning below the alarm, which opens no case, and the reading that ends it, twenty minutes later each."""
    return tuple(
        _message(device, Metric.RESIDUAL_CURRENT, value, at + turn * timedelta(minutes=20), f"{device.id}-w{turn}")
        for turn, value in ((1, 26.0), (2, 6.0))
    )


def _message(device: NewMonitor, metric: Metric, value: float, at: datetime, message_id: str) -> CanonicalMessage:
    raw = json.dumps({"id": message_id, "metric": metric, "value": value, "occurred_at": at.isoformat()})
    return CanonicalMessage(device.id, metric, value, occurred_at=at, message_id=message_id, raw=raw)
