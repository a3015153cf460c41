"""Alert statistics: the metrics count the outcomes of alerts as they are defined."""

from datetime import timedelta

from inspections.hazards.records import Outcome, State
from inspections.monitoring.alert_metrics import CAUSES, METRICS, AlertOutcome, compute_metrics
from inspections.monitoring.alerts import MonitorKind
from tests.builders.office import HERE, NOW, later


def alert(state=None, cause=None, outcome=None, caused=None, closed=None, messages=1):
    at = [None if each is None else later(minutes=each) for each in (caused, closed)]
    return AlertOutcome(HERE.code, MonitorKind.SHOP, messages, NOW, state, cause, outcome, *at)


def test_every_metric_is_computed_as_defined():
    found = compute_metrics(
        9,
        [
            alert(messages=3),  # a warning alone
            alert(State.ACCEPTED),
            alert(State.RECTIFYING, "EL-02", caused=10),
            alert(State.CLOSED, "EL-02", Outcome.FIXED, caused=20, closed=120),
            alert(State.CLOSED, "EL-01", Outcome.FIXED, caused=30, closed=240),
            alert(State.CLOSED, None, Outcome.FALSE_ALARM, closed=40),
        ],
    )
    assert found == {
        "devices": 9, "alerts": 6, "messages": 8, "checks": 5, "visited": 4, "causes": 3,
        "cause_EL-01": 1, "cause_EL-02": 2, "cause_EL-03": 0, "cause_EL-04": 0, "cause_EB-02": 0,
        "removed": 2, "false_alarms": 1, "open": 2, "minutes_to_visit": 25.0, "hours_to_removal": 3.0,
        "false_alarm_rate": 0.25, "false_alarm_rate_numerator": 1, "false_alarm_rate_denominator": 4,
        "removal_rate": round(2 / 3, 6), "removal_rate_numerator": 2, "removal_rate_denominator": 3,
    }  # fmt: skip
    assert set(METRICS) <= set(found)


def test_rates_and_averages_are_null_without_alerts():
    found = compute_metrics(0, [])
    nothing = {"false_alarm_rate", "removal_rate", "minutes_to_visit", "hours_to_removal"}
    assert {name for name, value in found.items() if value is None} == nothing
    assert CAUSES == ("EL-01", "EL-02", "EL-03", "EL-04", "EB-02")
    assert alert(caused=1).visited_at == NOW + timedelta(minutes=1)
