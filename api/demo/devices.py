"""Invented monitoring devices (演示设备): their messages, some of them faulty. Pure and seeded."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from api.demo.chance import seeded_random
from inspections.monitoring.alerts import DEFAULT_THRESHOLDS, Metric, MonitorKind

KINDS = tuple(MonitorKind)
_METER_METRICS = (Metric.RESIDUAL_CURRENT, Metric.TEMPERATURE, Metric.ARC)
_CAMERAS = {MonitorKind.CAMERA, MonitorKind.LIFT}
_SPELL = 30
"""Messages in a row for which a device behaves the same: quiet, alarming or flapping."""
_GARBAGE = (
    b"",
    b"{",
    b"[" * 200,
    b"\xff\xfe\x00garbage",
    b'{"metric": "residual_current_ma", "value": NaN}',
    b'{"metric": "humidity", "value": 40}',
    b'{"metric": "residual_current_ma", "value": 1e99}',
    b'{"metric": "residual_current_ma", "value": 500, "device_id": "SOMEBODY-ELSE"}',
)
_CLOCKS = (timedelta(days=-20_000), timedelta(hours=-30), timedelta(minutes=20), timedelta(days=400))


class MessageMix(NamedTuple):
    """Shares from 0 to 1: of spells with an alarm or flapping; of messages that are garbage or misdated."""

    alarms: float = 0.1
    flapping: float = 0.05
    garbage: float = 0.02
    wrong_clocks: float = 0.02


def device_name(number: int) -> str:
    return f"SIM-{number:04d}"


def device_kind(number: int) -> MonitorKind:
    return KINDS[number % len(KINDS)]


def device_messages(seed: int, number: int, mix: MessageMix, began: datetime, every: timedelta) -> Iterator[bytes]:
    """The endless messages of one device, one each `every`; the same for the same seed."""
    chance = seeded_random(f"{seed} {number}")
    at = began
    for turn, value in enumerate(_measurements(chance, device_kind(number), mix)):
        at += every
        if chance.random() < mix.garbage:
            yield chance.choice(_GARBAGE)
            continue
        metric, measured = value
        message: dict[str, Any] = {"id": f"{seed}-{turn}", "metric": metric, "value": _shown_value(metric, measured)}
        message["occurred_at"] = _message_time(chance, at, mix).isoformat(timespec="seconds")
        yield json.dumps(message).encode()


def _measurements(chance: random.Random, kind: MonitorKind, mix: MessageMix) -> Iterator[tuple[Metric, float]]:
    """Metrics with their values, spell by spell, relative to the alarm limits of the kind."""
    metrics = (Metric.EBIKE,) if kind in _CAMERAS else _METER_METRICS
    while True:
        metric, drawn = chance.choice(metrics), chance.random()
        alarm = DEFAULT_THRESHOLDS[kind][metric].alarm
        for turn in range(_SPELL):
            if drawn < mix.alarms:
                share = 1.0 + 0.3 * turn / _SPELL
            elif drawn < mix.alarms + mix.flapping:
                share = 1.05 if turn % 2 else 0.6
            else:
                share = chance.uniform(0.05, 0.3)
            yield metric, alarm * share


def _shown_value(metric: Metric, measured: float) -> float:
    return int(measured) if metric is Metric.EBIKE else round(measured, 1)


def _message_time(chance: random.Random, at: datetime, mix: MessageMix) -> datetime:
    if chance.random() >= mix.wrong_clocks:
        return at
    return at + chance.choice(
        (timedelta(days=-20_000), timedelta(hours=-30), timedelta(minutes=20), timedelta(days=400))
    )
