"""Alerts: the messages of a device are graded and folded into one alert with at most one open hazard."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, convert
from msgspec.structs import replace

from inspections.accounts.people import Person, Role
from inspections.errors import Forbidden, IdConflict, IdOwnerConflict, InvalidInput, NotFound, ReplayedRequest
from inspections.hazards.history import find_history_defects
from inspections.hazards.records import Hazard, HistoryEntry, State
from inspections.monitoring.actions.alerts import DevicePayload, delete_old_signatures, receive_alerts
from inspections.monitoring.actions.devices import change_monitor, get_monitor, register_monitor, rotate_monitor_secret
from inspections.monitoring.alerts import (
    HOLD_OFF,
    MAX_BUFFERED_READINGS,
    MAX_DELAY,
    MAX_POINTS,
    MAX_RECENT_IDS,
    Alert,
    AlertSeries,
    Grade,
    Measurement,
    Metric,
    MonitorKind,
    ReadingBuffer,
    Thresholds,
    add_point,
    describe_reading,
    grade_value,
    resolve_event_time,
)
from inspections.monitoring.devices import REPORTER, TIMESTAMP_TOLERANCE, Monitor, Signature
from inspections.notices.outbox import Notice
from inspections.office.categories import Category
from inspections.places.coordinates import Point
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import SetCause, Verify
from tests.builders.dispatch_rules import rule
from tests.builders.histories import history_summary
from tests.builders.monitoring import CURRENT, HEAT, VOLTS, gao, message, new_monitor, only_alert, receive_messages
from tests.builders.office import NOW, THERE, Office, later, li, new_id, person

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def close_as_false_alarm(office, hazard_id, now=NOW):
    version = office.hazard(hazard_id).version
    step = Verify(id=new_id(), version=version, outcome="false_alarm", note="检查无异常")
    return office.do(take_step, li, hazard_id, step, now)


# grading ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "grade"),
    [
        (0, "normal"),
        (299.9, "normal"),
        (300, "warn"),
        (400, "alarm"),
        (499, "alarm"),
        (500, "critical"),
        (9e5, "critical"),
    ],
)
def test_a_value_is_graded_by_thresholds(value, grade):
    assert grade_value(value, Thresholds(300, 400, 500), None, NOW) == grade


def test_a_fast_rise_is_an_alarm_below_the_threshold():
    limits = Thresholds(60, 70, 90, rise=10)
    assert grade_value(45, limits, Measurement(NOW - MINUTE, 30), NOW) == Grade.ALARM
    assert grade_value(75, limits, Measurement(NOW - MINUTE, 30), NOW) == Grade.CRITICAL
    assert grade_value(45, limits, Measurement(NOW - 10 * MINUTE, 30), NOW) == Grade.NORMAL
    assert grade_value(45, limits, Measurement(NOW, 30), NOW) == Grade.NORMAL
    assert grade_value(45, None, Measurement(NOW - MINUTE, 30), NOW) == Grade.NORMAL


def test_thresholds_must_ascend():
    with pytest.raises(ValidationError, match="alarm"):
        convert({"warn": 3, "alarm": 2, "critical": 4}, Thresholds)


def test_the_server_clock_replaces_a_wrong_device_clock():
    assert resolve_event_time(message(1), NOW) == (NOW, None)
    assert resolve_event_time(message(1, occurred_at=NOW - MINUTE), NOW) == (NOW - MINUTE, None)
    assert resolve_event_time(message(1, occurred_at=NOW + MINUTE), NOW) == (NOW, None)
    assert resolve_event_time(message(1, occurred_at=NOW + 6 * MINUTE), NOW) == (NOW, -360)
    assert resolve_event_time(message(1, occurred_at=NOW - MAX_DELAY - SECOND), NOW) == (NOW, 86401)


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 100)), min_size=1, max_size=600))
def test_a_flood_of_readings_is_thinned_and_keeps_its_peaks(flood):
    points, at = (), NOW
    for seconds, value in flood:
        at += seconds * SECOND
        points = add_point(points, at, value)
    assert len(points) <= MAX_POINTS
    assert list(points) == sorted(points, key=lambda each: each.at)
    if len(points) < MAX_POINTS:
        assert max(each.value for each in points) == max(value for _, value in flood)


def test_a_reading_is_described_in_words():
    limits = Thresholds(300, 400, 500)
    assert describe_reading(CURRENT, 452, Grade.ALARM, limits) == "剩余电流 452 mA，达到报警值 400 mA"
    assert describe_reading(CURRENT, 120, Grade.ALARM, limits) == "剩余电流 120 mA，上升过快"
    assert describe_reading(HEAT, 20.5, Grade.NORMAL, limits) == "线缆温度 20.5 ℃"


# folding ----------------------------------------------------------------------------------------------------


def test_an_alarm_opens_one_accepted_hazard_and_notifies_at_once(office):
    (verdict,) = receive_messages(office, message(452, level="二级", raw="{…}"))
    assert verdict.result == "opened"
    hazard, alert = office.hazard(verdict.hazard), only_alert(office)
    assert (hazard.state, hazard.category, hazard.source, hazard.reporter) == (
        State.ACCEPTED,
        "EL-05",
        "device",
        REPORTER,
    )
    assert (hazard.place, hazard.description) == ("1幢配电间", "1号楼总箱：剩余电流 452 mA，达到报警值 400 mA")
    assert hazard.due_at == NOW + timedelta(hours=24)
    assert (alert.hazard, alert.grade, alert.count, alert.level, alert.worst_raw) == (
        hazard.id, Grade.ALARM, 1, "二级", "{…}",
    )  # fmt: skip
    lines = sorted((each for each in office.all(HistoryEntry) if each.hazard == hazard.id), key=lambda each: each.seq)
    assert [each.step for each in lines] == ["alert", "accept"]
    assert lines[0].facts["alert"] == str(alert.id)
    assert not list(find_history_defects(history_summary(hazard), lines))
    assert [(each.kind, each.tells) for each in office.all(Notice)] == [("alert", Role.OFFICER)]


def test_an_alert_without_a_matching_category_opens_no_hazard(office):
    check = office.records.pop((Category, "EL-05"))
    (alone,) = receive_messages(office, message(452))
    assert (alone.result, alone.hazard, office.all(Hazard)) == ("opened", None, [])
    office.keep(check)
    (now,) = receive_messages(office, message(453))
    assert (now.result, now.alert, now.hazard is None) == ("opened", alone.alert, False)


def test_an_alarm_at_night_is_not_held_until_morning(office):
    night = NOW + timedelta(hours=17)  # two in the morning
    receive_messages(office, message(452), now=night)
    assert [each.held_until for each in office.all(Notice)] == [None]


def test_a_dispatch_rule_assigns_the_hazard_of_an_alarm(office):
    office.keep(rule(category="EL-05", lead="zhao"))
    (verdict,) = receive_messages(office, message(452))
    assert (office.hazard(verdict.hazard).state, office.hazard(verdict.hazard).lead) == (State.ASSIGNED, "zhao")
    assert {each.kind for each in office.all(Notice)} == {"alert", "assign"}


def test_repeated_alarms_are_folded_into_one_alert(office):
    first, *more = receive_messages(
        office, *(message(400 + number, occurred_at=NOW + number * SECOND) for number in range(9)), now=NOW
    )
    later = receive_messages(office, message(900, raw="worst"), message(410), now=NOW + MINUTE)
    assert {each.result for each in (*more, *later)} == {"folded"}
    assert {each.hazard for each in (first, *more, *later)} == {first.hazard}
    alert = only_alert(office)
    assert (alert.count, alert.worst, alert.value, alert.grade, alert.worst_raw) == (
        11,
        900,
        410,
        Grade.CRITICAL,
        "worst",
    )
    assert (alert.first_at, alert.last_at) == (NOW, NOW + MINUTE)
    assert len(office.all(Hazard)) == len(office.all(AlertSeries)) == 1


def test_each_metric_of_each_device_has_its_own_alert(office):
    office.do(register_monitor, gao, new_monitor(id="A-2"), "secret", NOW)
    receive_messages(office, message(452), message(75, HEAT), message(452, device="A-2"), message(20, Metric.ARC))
    assert {(each.device, each.metric) for each in office.all(Alert)} == {
        ("A-1", CURRENT), ("A-1", HEAT), ("A-2", CURRENT), ("A-1", Metric.ARC),
    }  # fmt: skip
    assert {each.category for each in office.all(Hazard)} == {"EL-05", "EL-06", "EL-07"}


def test_a_warning_opens_no_hazard_until_it_worsens(office):
    (warned,) = receive_messages(office, message(310))
    assert (warned.result, warned.hazard) == ("opened", None)
    assert not office.all(Hazard)
    (worse,) = receive_messages(office, message(420))
    assert (worse.result, worse.alert) == ("opened", warned.alert)
    assert office.hazard(worse.hazard)
    (volts,) = receive_messages(office, message(280, VOLTS))
    assert (volts.result, volts.hazard) == ("opened", None)  # voltage is the supplier's matter


def test_a_fast_rise_from_normal_readings_is_an_alarm(office):
    receive_messages(office, message(25, HEAT))
    receive_messages(office, message(26, HEAT), now=later(seconds=30))
    assert [each.result for each in receive_messages(office, message(27, HEAT), now=later(minutes=2))] == ["normal"]
    (verdict,) = receive_messages(office, message(52, HEAT), now=later(minutes=4))
    assert (verdict.result, only_alert(office).grade) == ("opened", Grade.ALARM)
    assert office.get(Hazard, verdict.hazard).description == "1号楼总箱：线缆温度 52 ℃，上升过快"


def test_an_alert_includes_the_readings_of_the_hour_before(office):
    for minute in range(90):
        receive_messages(office, message(100 + minute), now=later(minutes=minute))
    receive_messages(office, message(450, device="A-1"), now=later(minutes=90))
    points = only_alert(office).points
    assert [each.value for each in points] == [*range(130, 190), 450]
    ((buffer),) = office.all(ReadingBuffer)
    assert len(buffer.points) == MAX_BUFFERED_READINGS
    close_as_false_alarm(office, only_alert(office).hazard, later(minutes=95))
    receive_messages(office, message(450), now=later(hours=9))
    newest = max(office.all(Alert), key=lambda each: each.opened_at)
    assert [each.value for each in newest.points] == [450]  # older readings are not part of the hour before


def test_a_normal_reading_opens_nothing(office):
    assert [each.result for each in receive_messages(office, message(20), message(None, cleared=True))] == [
        "normal"
    ] * 2
    assert [each.result for each in receive_messages(office, message(0, Metric.OFFLINE))] == ["normal"]
    assert not office.all(Alert)
    (monitor,) = office.all(Monitor)
    assert monitor.last_seen_at == NOW


def test_a_recovery_clears_the_alert_and_closes_no_hazard(office):
    (opened,) = receive_messages(office, message(452))
    later = NOW + MINUTE
    assert [each.result for each in receive_messages(office, message(290), now=later)] == [
        "folded"
    ]  # it fluctuates around 300
    assert only_alert(office).cleared_at is None
    assert [each.result for each in receive_messages(office, message(100), now=later)] == ["cleared"]
    assert (only_alert(office).cleared_at, only_alert(office).value) == (later, 100)
    assert [each.result for each in receive_messages(office, message(None, cleared=True), now=later + MINUTE)] == [
        "cleared"
    ]
    assert only_alert(office).cleared_at == later
    assert office.hazard(opened.hazard).state is State.ACCEPTED
    receive_messages(office, message(430), now=later + 2 * MINUTE)
    assert (only_alert(office).cleared_at, only_alert(office).flaps) == (None, 1)
    assert len(office.all(Hazard)) == 1


def test_a_recovery_message_may_lack_a_value(office):
    receive_messages(office, message(452))
    receive_messages(office, message(None, cleared=True), now=NOW + MINUTE)
    assert (only_alert(office).cleared_at, only_alert(office).value) == (NOW + MINUTE, 452)
    assert [each.result for each in receive_messages(office, message(None), now=NOW + MINUTE)] == ["folded"]


def test_an_older_reading_overwrites_nothing_newer(office):
    receive_messages(office, message(452, occurred_at=NOW))
    receive_messages(
        office, message(600, occurred_at=NOW - MINUTE), message(10, occurred_at=NOW - MINUTE), now=NOW + MINUTE
    )
    alert = only_alert(office)
    assert (alert.value, alert.worst, alert.last_at, alert.cleared_at) == (452, 600, NOW, None)
    assert (alert.first_at, alert.count) == (NOW - MINUTE, 2)


def test_an_alarm_after_closure_opens_a_new_linked_hazard(office):
    (first,) = receive_messages(office, message(452))
    close_as_false_alarm(office, first.hazard)
    (second,) = receive_messages(office, message(460), now=NOW + MINUTE)
    assert second.result == "opened"
    assert second.hazard != first.hazard
    assert office.hazard(second.hazard).recurrence_of == first.hazard
    (chain,) = office.all(AlertSeries)
    new = office.get(Alert, chain.alert)
    assert (new.again_of, new.count) == (first.alert, 1)
    assert office.get(Alert, first.alert).count == 1
    (third,) = receive_messages(office, message(470), now=NOW + 2 * MINUTE)
    assert third.alert == second.alert


def test_a_warning_cleared_for_a_while_is_not_continued(office):
    (first,) = receive_messages(office, message(310))
    receive_messages(office, message(10), now=NOW + MINUTE)
    (soon,) = receive_messages(office, message(310), now=NOW + 2 * MINUTE)
    assert soon.alert == first.alert
    receive_messages(office, message(10), now=NOW + 3 * MINUTE)
    (late,) = receive_messages(office, message(310), now=NOW + 3 * MINUTE + HOLD_OFF)
    assert late.alert != first.alert


def test_a_repeated_message_id_is_ignored(office):
    receive_messages(office, message(452, message_id="m1"))
    (again,) = receive_messages(office, message(452, message_id="m1"), now=NOW + MINUTE)
    assert (again.result, only_alert(office).count) == ("repeated", 1)
    receive_messages(office, *(message(410, message_id=str(number)) for number in range(2 * MAX_RECENT_IDS)))
    assert len(only_alert(office).recent) == MAX_RECENT_IDS


def test_an_unknown_device_is_refused_and_other_messages_are_processed(office):
    refused, opened = receive_messages(office, message(452, device="B-9"), message(452))
    assert (refused.result, refused.reason, opened.result) == ("refused", "unknown_device", "opened")
    office.do(change_monitor, gao, new_monitor(), NOW, active=False)
    (refused,) = receive_messages(office, message(452))
    assert refused.reason == "unknown_device"


def test_a_wrong_clock_is_noted(office):
    receive_messages(office, message(452, occurred_at=NOW.replace(year=1970)))
    assert only_alert(office).last_at == NOW
    assert only_alert(office).clock_off > 10**9
    receive_messages(office, message(452), now=NOW + MINUTE)
    assert only_alert(office).clock_off > 10**9


def test_the_cause_found_on_site_replaces_the_category_and_keeps_the_first(office):
    (opened,) = receive_messages(office, message(452))
    step = SetCause(id=new_id(), version=office.hazard(opened.hazard).version, category="EL-01", reason="零地线混接")
    office.do(take_step, li, opened.hazard, step, NOW)
    hazard = office.hazard(opened.hazard)
    assert (hazard.category, hazard.found_category) == ("EL-01", "EL-05")
    (folded,) = receive_messages(office, message(470), now=NOW + MINUTE)
    assert folded.hazard == hazard.id


def test_a_signature_is_accepted_once_and_deleted_later(office):
    signed = DevicePayload([message(452)], Signature("ab", "A-1", NOW))
    taken, again = office.do(receive_alerts, [signed, signed], NOW)
    assert taken[0].result == "opened"
    assert isinstance(again, ReplayedRequest)
    (again,) = office.do(receive_alerts, [signed], NOW)
    assert isinstance(again, ReplayedRequest)
    assert only_alert(office).count == 1
    assert office.do(delete_old_signatures, NOW + 2 * TIMESTAMP_TOLERANCE, 9) == 0
    assert office.do(delete_old_signatures, NOW + 2 * TIMESTAMP_TOLERANCE + SECOND, 9) == 1


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([10, 290, 310, 410, 900, None]), st.integers(0, 900))))
def test_at_most_one_hazard_is_open_per_device_and_metric(steps):
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    now = NOW
    for what, value, seconds in steps:
        now += seconds * SECOND
        going = [each for each in office.all(Hazard) if each.state is State.ACCEPTED]
        if what == 2 and going:
            close_as_false_alarm(office, going[0].id, now)
        elif value is not None:
            receive_messages(office, message(value, CURRENT if what else HEAT), now=now)
        going = [each.category for each in office.all(Hazard) if each.state is State.ACCEPTED]
        assert len(going) == len(set(going))
        chains = {(each.device, each.metric): each.alert for each in office.all(AlertSeries)}
        newest = {
            (each.device, each.metric): each.id for each in sorted(office.all(Alert), key=lambda each: each.opened_at)
        }
        assert chains.keys() == newest.keys()
        assert {each.hazard for each in office.all(Alert)} - {None} == {each.id for each in office.all(Hazard)}


# devices ----------------------------------------------------------------------------------------------------


def test_a_device_is_registered_once(office):
    again = office.do(register_monitor, gao, new_monitor(), "other", NOW)
    assert (again.repeated, again.monitor.secret) == (True, "secret")
    with pytest.raises(IdConflict) as conflict:
        register_monitor(office, gao, new_monitor(place="别处"), "other", NOW)
    assert conflict.value.facts["fields"] == ["place"]
    far = person("far", Role.ADMIN, scope=THERE.code)
    with pytest.raises(IdOwnerConflict):
        register_monitor(office, far, new_monitor(), "other", NOW)
    with pytest.raises(Forbidden):
        register_monitor(office, far, new_monitor(id="A-2"), "other", NOW)
    with pytest.raises(InvalidInput):
        register_monitor(office, gao, new_monitor(id="A-2", community="330402009999"), "other", NOW)
    reporter = office.get(Person, REPORTER)
    assert (reporter.active, reporter.grants) == (False, ())


def test_a_device_at_zero_degrees_has_no_point():
    office, null = Office(), {"lat": 0, "lon": 0, "crs": "wgs84"}
    made = office.do(register_monitor, gao, new_monitor(point=null), "secret", NOW).monitor
    assert made.point is None
    for point in (null, None):
        assert office.do(register_monitor, gao, new_monitor(point=point), "other", NOW).repeated
    before = replace(made, point=Point(0, 0, "wgs84"))  # as it was stored before
    office.keep(before)
    assert office.do(register_monitor, gao, new_monitor(point=null), "other", NOW).repeated
    there = new_monitor(point={"lat": 30, "lon": 120, "crs": "wgs84"})
    assert office.do(change_monitor, gao, there, NOW, active=True).point is not None
    assert office.do(change_monitor, gao, new_monitor(point=null), NOW, active=True).point is None


def test_the_thresholds_of_a_device_override_those_of_its_kind(office):
    limits = {"residual_current_ma": {"warn": 100, "alarm": 200, "critical": 300}}
    after = office.do(change_monitor, gao, new_monitor(thresholds=limits), NOW, active=True)
    assert after.limits(CURRENT).alarm == 200
    assert after.limits(HEAT).alarm == 70
    assert after.limits(Metric.CURRENT) is None
    assert replace(after, kind=MonitorKind.HOUSEHOLD, thresholds={}).limits(CURRENT).alarm == 30
    assert receive_messages(office, message(250))[0].result == "opened"


def test_the_two_newest_secrets_are_valid(office):
    office.do(rotate_monitor_secret, gao, "A-1", "second")
    after = office.do(rotate_monitor_secret, gao, "A-1", "third")
    assert after.secrets == ("third", "second")
    with pytest.raises(NotFound):
        get_monitor(office, person("far", Role.OFFICER, scope=THERE.code), "A-1", "device.see")
    with pytest.raises(NotFound):
        get_monitor(office, gao, "B-9", "device.see")


@pytest.fixture
def office():
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    return office


# what was told before -------------------------------------------------------------------------------------------


def cases_of(office):
    return [each for each in office.all(Hazard) if each.source == "device"]


def closed_office(*told):
    """Return an office whose one case was closed an hour after these messages."""
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    receive_messages(office, *told)
    (case,) = cases_of(office)
    close_as_false_alarm(office, case.id, later(hours=1))
    return office


@given(
    told=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    again=st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(61, 6 * 24 * 60)), max_size=12),
    identified=st.booleans(),
)
def test_any_order_and_repetition_of_what_was_told_gives_the_same_case(told, again, identified):
    """Each message has an id, or a time by a clock that can be believed."""

    def alarm(number, *, retained=False):
        known = {"message_id": f"m{number}"} if identified else {"occurred_at": NOW - number * MINUTE}
        return message(500 + number, retained=retained, **known)

    office = closed_office(*(alarm(number) for number in told))
    for number, retained, minutes in sorted(again, key=lambda each: each[2]):
        if not identified and not retained and minutes > 23 * 60:
            continue  # a clock a day behind is not believed
        if identified and number not in told:
            continue  # that would be new
        receive_messages(office, alarm(number, retained=retained), now=NOW + minutes * MINUTE)
    assert len(cases_of(office)) == len(office.all(Alert)) == 1


@pytest.mark.parametrize(
    ("facts", "cases"),
    [
        ({"message_id": "new"}, 2),
        ({"message_id": "new", "retained": True}, 2),
        ({"message_id": "told"}, 1),
        ({"occurred_at": later(minutes=59)}, 1),
        ({"occurred_at": later(minutes=61)}, 2),
        ({"occurred_at": later(days=-9)}, 2),  # a wrong clock
        ({"occurred_at": later(days=-9), "retained": True}, 1),
        ({}, 2),
        ({"retained": True}, 2),
        ({"retained": True, "raw": "the last one"}, 1),
        ({"raw": "the last one"}, 2),
    ],
)
def test_a_message_after_the_closing_opens_a_case_unless_it_was_told_or_happened_before(facts, cases):
    office = closed_office(message(500, message_id="told", raw="the last one"))
    for _ in range(2):
        receive_messages(office, message(500, **facts), now=later(hours=2))
    assert len(cases_of(office)) == cases


def test_an_id_is_known_for_a_week_also_over_a_second_case():
    office = closed_office(message(500, message_id="first"))
    receive_messages(office, message(500, message_id="second"), now=later(hours=2))
    close_as_false_alarm(office, cases_of(office)[1].id, later(hours=3))
    for name in ("first", "second"):
        receive_messages(office, message(500, message_id=name), now=later(days=7))
    assert len(cases_of(office)) == 2
    receive_messages(office, message(500, message_id="second"), now=later(days=8))
    assert len(cases_of(office)) == 3


def test_a_late_message_is_added_to_the_alert_that_was_over():
    office = closed_office(message(500, message_id="a"))
    (verdict,) = receive_messages(
        office, message(900, message_id="b", occurred_at=later(minutes=30)), now=later(hours=2)
    )
    (alert,) = office.all(Alert)
    assert (verdict.result, verdict.alert, verdict.hazard) == ("late", alert.id, alert.hazard)
    assert (alert.count, alert.worst, alert.recent, alert.flaps) == (2, 900, ("a", "b"), 0)
    (verdict,) = receive_messages(
        office, message(900, message_id="b", occurred_at=later(minutes=30)), now=later(hours=2)
    )
    assert verdict.result == "repeated"


def test_an_alert_without_a_case_ends_when_it_cleared():
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    receive_messages(office, message(350, message_id="a"))
    receive_messages(office, message(10, message_id="b"), now=later(minutes=1))
    receive_messages(office, message(350, message_id="c", occurred_at=later(seconds=30)), now=later(minutes=20))
    assert len(office.all(Alert)) == 1
    receive_messages(office, message(350, message_id="d"), now=later(minutes=21))
    assert len(office.all(Alert)) == 2


def test_a_copy_of_the_last_message_is_counted_once_while_its_case_is_open():
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    receive_messages(office, message(500, raw="x"))
    receive_messages(office, message(500, raw="x", retained=True), now=later(hours=1))
    assert only_alert(office).count == 1
