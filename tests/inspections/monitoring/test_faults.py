"""Faults of devices: broken sensors are no alarms, and alarms that nobody can read reach the officers."""

from datetime import timedelta
from itertools import pairwise
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.accounts.people import Role
from inspections.hazards.records import Hazard
from inspections.monitoring.actions.alerts import DevicePayload, receive_alerts
from inspections.monitoring.actions.devices import MaintenancePlan, plan_maintenance, register_monitor
from inspections.monitoring.alerts import Metric
from inspections.monitoring.faults import DeviceFault, FaultKind, is_sensor_fault
from inspections.monitoring.rejections import rejected_message, unreadable_messages, unreadable_payload
from inspections.monitoring.vendors import UnreadablePayload, Vendor, read
from inspections.notices.outbox import Notice
from inspections.notices.recipients import Staff
from tests.builders.monitoring import CURRENT, HEAT, VOLTS, gao, message, new_monitor, receive_messages
from tests.builders.office import HERE, NOW, THERE, Office, person

MINUTE = timedelta(minutes=1)


@pytest.fixture
def office():
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    return office


def results(office, *values, metric=HEAT, every=MINUTE):
    """Sends each value `every` after the one before; returns the verdicts."""
    return [
        verdict.result
        for at, value in enumerate(values)
        for verdict in receive_messages(office, message(value, metric), now=NOW + at * every)
    ]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        (HEAT, -127), (HEAT, 850), (HEAT, 6553.5), (HEAT, 65535), (HEAT, 3276.7), (HEAT, -3276.8), (HEAT, nan),
        (CURRENT, 65535), (CURRENT, 6553.5), (CURRENT, 32767), (CURRENT, -1), (CURRENT, 4294967295), (CURRENT, 1e300),
        (VOLTS, 6553.5), (VOLTS, -1), (Metric.ARC, 65535), (Metric.CURRENT, float("-inf")), (Metric.EBIKE, 65535),
    ],
)  # fmt: skip
def test_a_value_that_no_sensor_measures_is_a_fault_and_no_case(office, metric, value):
    assert results(office, value, value, metric=metric) == ["fault", "fault"]
    assert not office.all(Hazard)
    assert not office.all(Notice)
    (fault,) = office.all(DeviceFault)
    assert (fault.kind, fault.metric, fault.count, fault.community) == (FaultKind.SENSOR, metric, 2, HERE.code)
    assert (fault.first_at, fault.last_at) == (NOW, NOW + MINUTE)


@pytest.mark.parametrize(
    ("metric", "value"), [(HEAT, 499), (HEAT, -40), (CURRENT, 655.35), (CURRENT, 30_000), (VOLTS, 0), (VOLTS, 400)]
)
def test_an_extreme_measurement_is_no_fault(metric, value):
    assert not is_sensor_fault(metric, value)


def test_a_fault_changes_no_open_alert(office):
    assert results(office, 95, -127, 96) == ["opened", "fault", "folded"]
    (case,) = office.all(Hazard)
    assert case.category == "EL-06"


def test_the_temperature_of_a_sensor_whose_power_came_on_is_a_fault_among_low_neighbours(office):
    assert results(office, 24, 85, 24, 25) == ["normal", "fault", "normal", "normal"]
    assert not office.all(Hazard)


def test_a_second_85_degrees_in_a_row_is_believed(office):
    assert results(office, 24, 85, 85) == ["normal", "fault", "opened"]


def test_85_degrees_are_believed_without_a_neighbour(office):
    assert results(office, 85) == ["opened"]


@pytest.mark.parametrize("before", [66, 84, 90])
def test_85_degrees_are_believed_beside_a_hot_neighbour(office, before):
    assert "fault" not in results(office, before, 85)
    assert len(office.all(Hazard)) == 1


def test_85_degrees_are_believed_long_after_the_last_measurement(office):
    assert results(office, 24, 85, every=11 * MINUTE) == ["normal", "opened"]


@given(st.lists(st.sampled_from([20.0, 24.0, 28.0, 85.0, -127.0, 6553.5]), max_size=20))
def test_a_sensor_that_restarts_among_cool_neighbours_opens_a_case_only_if_in_doubt(values):
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    found = results(office, *values)
    real = [each for each in values if each not in {-127.0, 6553.5}]
    doubt = bool(real) and (real[0] == 85 or (85.0, 85.0) in pairwise(real))
    assert doubt == ("opened" in found)


# unreadable alarms ------------------------------------------------------------------------------------------


def receive_unreadable(office, *texts, now=NOW, says_alarm=True, device="A-1"):
    rejected = [rejected_message("not_json", device, text, says_alarm=says_alarm) for text in texts]
    office.do(receive_alerts, [DevicePayload((), None, "mqtt", rejected)], now)


def test_an_unreadable_alarm_is_shown_to_the_officers_of_the_community_once_a_day(office):
    receive_unreadable(office, "ALARM 1", "ALARM 2")
    receive_unreadable(office, "ALARM 3", now=NOW + MINUTE)
    (fault,) = office.all(DeviceFault)
    assert (fault.kind, fault.count, fault.sample) == (FaultKind.UNREADABLE, 3, "ALARM 3")
    (notice,) = office.all(Notice)
    assert (notice.kind, notice.tells, notice.held_until) == ("alarm.unreadable", Role.OFFICER, None)
    assert notice.facts["sample"] == "ALARM 2"
    here, there = person("here", Role.OFFICER), person("there", Role.OFFICER, scope=THERE.code)
    assert Staff([here, there]).recipients(notice, None) == ("here",)
    receive_unreadable(office, "ALARM 4", now=NOW + timedelta(days=1))
    assert len(office.all(Notice)) == 2


def test_what_says_no_alarm_or_comes_from_nobody_known_tells_nobody(office):
    receive_unreadable(office, "hello", says_alarm=False)
    receive_unreadable(office, "ALARM", device="B-2")
    assert not office.all(DeviceFault)
    assert not office.all(Notice)


def test_an_unreadable_alarm_during_maintenance_is_kept_and_tells_nobody(office):
    plan = MaintenancePlan(NOW, NOW + timedelta(hours=1), "更换探头")
    office.do(plan_maintenance, gao, "A-1", plan, NOW)
    receive_unreadable(office, "ALARM")
    assert len(office.all(DeviceFault)) == 1
    assert not office.all(Notice)


def test_a_payload_that_cannot_be_read_is_rejected_with_what_it_says():
    payload = '{"metric": "residual_current_ma", "level": "报警"}, {"metric"'.encode("gbk")
    with pytest.raises(UnreadablePayload) as garbage:
        read(Vendor.CANONICAL, "A-1", payload)
    told = unreadable_payload(garbage.value, "A-1", payload)
    assert (told.reason, told.says_alarm) == ("not_json", True)
    assert "报警" in told.sample
    contents = read(
        Vendor.CANONICAL, "A-1", b'[{"metric": "arc_count", "value": 1}, {"metric": "x", "level": "alarm"}]'
    )
    (one,) = unreadable_messages(contents, "A-1", b"[]")
    assert (one.reason, one.device, one.says_alarm) == ("unknown_metric", "A-1", True)


def test_what_could_not_be_read_beside_the_value_is_noted_on_the_case(office):
    noted = {"time": "昨天", "unit": "lumens"}
    (verdict,) = receive_messages(office, message(652, notes=noted))
    first, *_ = office.history(verdict.hazard)
    assert first.facts["unread"] == noted
