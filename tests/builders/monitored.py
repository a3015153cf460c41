"""Monitored places and what their devices say."""

from msgspec import convert

from inspections.accounts.people import Role
from inspections.monitoring.actions.alerts import Sent, receive_alerts
from inspections.monitoring.alerts import Alert, Message, Metric
from inspections.monitoring.devices import NewMonitor
from tests.builders.office import HERE, NOW, person

CURRENT, HEAT, VOLTS = Metric.RESIDUAL_CURRENT, Metric.TEMPERATURE, Metric.VOLTAGE
gao = person("gao", Role.ADMIN)


def new_monitor(**fields):
    said = {"id": "A-1", "name": "1号楼总箱", "kind": "mains", "community": HERE.code, "place": "1幢配电间"}
    return convert({**said, **fields}, NewMonitor)


def tell(office, *messages, now=NOW):
    (verdicts,) = office.do(receive_alerts, [Sent(messages)], now)
    return verdicts


def message(value, metric=CURRENT, device="A-1", **fields):
    return Message(device, metric, value, **fields)


def the_alert(office):
    (alert,) = office.all(Alert)
    return alert
