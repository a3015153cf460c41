"""Builds monitoring devices and the messages that they send."""

from msgspec import convert

from inspections.accounts.people import Role
from inspections.monitoring.actions.alerts import DevicePayload, receive_alerts
from inspections.monitoring.alerts import Alert, CanonicalMessage, Metric
from inspections.monitoring.devices import NewMonitor
from tests.builders.office import HERE, NOW, person

CURRENT, HEAT, VOLTS = Metric.RESIDUAL_CURRENT, Metric.TEMPERATURE, Metric.VOLTAGE
gao = person("gao", Role.ADMIN)


def new_monitor(**fields):
    device = {"id": "A-1", "name": "1号楼总箱", "kind": "mains", "community": HERE.code, "place": "1幢配电间"}
    return convert({**device, **fields}, NewMonitor)


def receive_messages(office, *messages, now=NOW):
    (verdicts,) = office.do(receive_alerts, [DevicePayload(messages)], now)
    return verdicts


def message(value, metric=CURRENT, device="A-1", **fields):
    return CanonicalMessage(device, metric, value, **fields)


def only_alert(office):
    (alert,) = office.all(Alert)
    return alert
