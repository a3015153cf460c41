"""From what a device says to one case: graded by us, folded, linked, never two."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError, convert
from msgspec.structs import replace

from inspections.accounts.people import Person, Role
from inspections.errors import Forbidden, IdConflict, IdTaken, Invalid, Missing, Replayed
from inspections.hazards.history import breaks
from inspections.hazards.records import Entry, Hazard, State
from inspections.monitoring.actions.alerts import Sent, forget_signatures, receive_alerts
from inspections.monitoring.actions.devices import change_monitor, own_monitor, register_monitor, rotate_monitor
from inspections.monitoring.alerts import (
    HOLD_OFF,
    LATE,
    POINTS,
    RECENT,
    REMEMBERED,
    Alert,
    Chain,
    Grade,
    Measurement,
    Metric,
    MonitorKind,
    Ring,
    Thresholds,
    governed,
    graded,
    said,
    with_point,
)
from inspections.monitoring.devices import REPORTER, SIGNED_WITHIN, Monitor, Signature
from inspections.notices.outbox import Notice
from inspections.office.categories import Category
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import SetCause, Verify
from tests.builders.dispatched import rule
from tests.builders.histories import heading
from tests.builders.monitored import CURRENT, HEAT, VOLTS, gao, message, new_monitor, tell, the_alert
from tests.builders.office import NOW, THERE, Office, later, li, new_id, person

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def ended(office, hazard_id, now=NOW):
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
def test_our_own_grade_is_by_thresholds(value, grade):
    assert graded(value, Thresholds(300, 400, 500), None, NOW) == grade


def test_what_rises_fast_is_an_alarm_before_it_is_hot():
    limits = Thresholds(60, 70, 90, rise=10)
    assert graded(45, limits, Measurement(NOW - MINUTE, 30), NOW) == Grade.ALARM
    assert graded(75, limits, Measurement(NOW - MINUTE, 30), NOW) == Grade.CRITICAL
    assert graded(45, limits, Measurement(NOW - 10 * MINUTE, 30), NOW) == Grade.NORMAL
    assert graded(45, limits, Measurement(NOW, 30), NOW) == Grade.NORMAL
    assert graded(45, None, Measurement(NOW - MINUTE, 30), NOW) == Grade.NORMAL


def test_thresholds_stand_in_order():
    with pytest.raises(ValidationError, match="alarm"):
        convert({"warn": 3, "alarm": 2, "critical": 4}, Thresholds)


def test_the_servers_clock_governs_where_a_devices_is_wrong():
    assert governed(message(1), NOW) == (NOW, None)
    assert governed(message(1, occurred_at=NOW - MINUTE), NOW) == (NOW - MINUTE, None)
    assert governed(message(1, occurred_at=NOW + MINUTE), NOW) == (NOW, None)
    assert governed(message(1, occurred_at=NOW + 6 * MINUTE), NOW) == (NOW, -360)
    assert governed(message(1, occurred_at=NOW - LATE - SECOND), NOW) == (NOW, 86401)


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 100)), min_size=1, max_size=600))
def test_of_a_flood_the_points_of_an_hour_and_every_peak_are_kept(flood):
    points, at = (), NOW
    for seconds, value in flood:
        at += seconds * SECOND
        points = with_point(points, at, value)
    assert len(points) <= POINTS
    assert list(points) == sorted(points, key=lambda each: each.at)
    if len(points) < POINTS:
        assert max(each.value for each in points) == max(value for _, value in flood)


def test_a_case_says_in_words_what_was_measured():
    limits = Thresholds(300, 400, 500)
    assert said(CURRENT, 452, Grade.ALARM, limits) == "剩余电流 452 mA，达到报警值 400 mA"
    assert said(CURRENT, 120, Grade.ALARM, limits) == "剩余电流 120 mA，上升过快"
    assert said(HEAT, 20.5, Grade.NORMAL, limits) == "线缆温度 20.5 ℃"


# folding ----------------------------------------------------------------------------------------------------


def test_an_alarm_becomes_one_accepted_case_that_is_told_at_once(office):
    (verdict,) = tell(office, message(452, level="二级", raw="{…}"))
    assert verdict.result == "opened"
    hazard, alert = office.hazard(verdict.hazard), the_alert(office)
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
    lines = sorted((each for each in office.all(Entry) if each.hazard == hazard.id), key=lambda each: each.seq)
    assert [each.step for each in lines] == ["alert", "accept"]
    assert lines[0].facts["alert"] == str(alert.id)
    assert not list(breaks(heading(hazard), lines))
    assert [(each.kind, each.tells) for each in office.all(Notice)] == [("alert", Role.OFFICER)]


def test_where_the_office_has_no_check_for_it_the_alert_stands_by_itself(office):
    check = office.records.pop((Category, "EL-05"))
    (alone,) = tell(office, message(452))
    assert (alone.result, alone.hazard, office.all(Hazard)) == ("opened", None, [])
    office.keep(check)
    (now,) = tell(office, message(453))
    assert (now.result, now.alert, now.hazard is None) == ("opened", alone.alert, False)


def test_at_night_it_is_told_at_night(office):
    night = NOW + timedelta(hours=17)  # two in the morning
    tell(office, message(452), now=night)
    assert [each.held_until for each in office.all(Notice)] == [None]


def test_a_rule_sends_somebody_there(office):
    office.keep(rule(category="EL-05", lead="zhao"))
    (verdict,) = tell(office, message(452))
    assert (office.hazard(verdict.hazard).state, office.hazard(verdict.hazard).lead) == (State.ASSIGNED, "zhao")
    assert {each.kind for each in office.all(Notice)} == {"alert", "assign"}


def test_repeats_are_counted_not_added(office):
    first, *more = tell(
        office, *(message(400 + number, occurred_at=NOW + number * SECOND) for number in range(9)), now=NOW
    )
    later = tell(office, message(900, raw="worst"), message(410), now=NOW + MINUTE)
    assert {each.result for each in (*more, *later)} == {"folded"}
    assert {each.hazard for each in (first, *more, *later)} == {first.hazard}
    alert = the_alert(office)
    assert (alert.count, alert.worst, alert.value, alert.grade, alert.worst_raw) == (
        11,
        900,
        410,
        Grade.CRITICAL,
        "worst",
    )
    assert (alert.first_at, alert.last_at) == (NOW, NOW + MINUTE)
    assert len(office.all(Hazard)) == len(office.all(Chain)) == 1


def test_metrics_and_devices_have_alerts_of_their_own(office):
    office.do(register_monitor, gao, new_monitor(id="A-2"), "secret", NOW)
    tell(office, message(452), message(75, HEAT), message(452, device="A-2"), message(20, Metric.ARC))
    assert {(each.device, each.metric) for each in office.all(Alert)} == {
        ("A-1", CURRENT), ("A-1", HEAT), ("A-2", CURRENT), ("A-1", Metric.ARC),
    }  # fmt: skip
    assert {each.category for each in office.all(Hazard)} == {"EL-05", "EL-06", "EL-07"}


def test_a_warning_is_noted_and_sends_nobody_until_it_is_worse(office):
    (warned,) = tell(office, message(310))
    assert (warned.result, warned.hazard) == ("opened", None)
    assert not office.all(Hazard)
    (worse,) = tell(office, message(420))
    assert (worse.result, worse.alert) == ("opened", warned.alert)
    assert office.hazard(worse.hazard)
    (volts,) = tell(office, message(280, VOLTS))
    assert (volts.result, volts.hazard) == ("opened", None)  # the supplier's


def test_what_rises_fast_from_what_was_normal_is_an_alarm(office):
    tell(office, message(25, HEAT))
    tell(office, message(26, HEAT), now=later(seconds=30))
    assert [each.result for each in tell(office, message(27, HEAT), now=later(minutes=2))] == ["normal"]
    (verdict,) = tell(office, message(52, HEAT), now=later(minutes=4))
    assert (verdict.result, the_alert(office).grade) == ("opened", Grade.ALARM)
    assert office.kept(Hazard, verdict.hazard).description == "1号楼总箱：线缆温度 52 ℃，上升过快"


def test_the_hour_before_an_alarm_is_shown_with_it(office):
    for minute in range(90):
        tell(office, message(100 + minute), now=later(minutes=minute))
    tell(office, message(450, device="A-1"), now=later(minutes=90))
    points = the_alert(office).points
    assert [each.value for each in points] == [*range(130, 190), 450]
    ((ring),) = office.all(Ring)
    assert len(ring.points) == REMEMBERED
    ended(office, the_alert(office).hazard, later(minutes=95))
    tell(office, message(450), now=later(hours=9))
    newest = max(office.all(Alert), key=lambda each: each.opened_at)
    assert [each.value for each in newest.points] == [450]  # what was long before is no hour before


def test_what_is_normal_opens_nothing(office):
    assert [each.result for each in tell(office, message(20), message(None, cleared=True))] == ["normal"] * 2
    assert [each.result for each in tell(office, message(0, Metric.OFFLINE))] == ["normal"]
    assert not office.all(Alert)
    (monitor,) = office.all(Monitor)
    assert monitor.last_seen_at == NOW


def test_recovery_clears_the_signal_and_closes_no_case(office):
    (opened,) = tell(office, message(452))
    later = NOW + MINUTE
    assert [each.result for each in tell(office, message(290), now=later)] == ["folded"]  # trembles about 300
    assert the_alert(office).cleared_at is None
    assert [each.result for each in tell(office, message(100), now=later)] == ["cleared"]
    assert (the_alert(office).cleared_at, the_alert(office).value) == (later, 100)
    assert [each.result for each in tell(office, message(None, cleared=True), now=later + MINUTE)] == ["cleared"]
    assert the_alert(office).cleared_at == later
    assert office.hazard(opened.hazard).state is State.ACCEPTED
    tell(office, message(430), now=later + 2 * MINUTE)
    assert (the_alert(office).cleared_at, the_alert(office).flaps) == (None, 1)
    assert len(office.all(Hazard)) == 1


def test_a_vendor_may_say_that_it_has_gone_without_a_value(office):
    tell(office, message(452))
    tell(office, message(None, cleared=True), now=NOW + MINUTE)
    assert (the_alert(office).cleared_at, the_alert(office).value) == (NOW + MINUTE, 452)
    assert [each.result for each in tell(office, message(None), now=NOW + MINUTE)] == ["folded"]


def test_what_is_older_overwrites_nothing_newer(office):
    tell(office, message(452, occurred_at=NOW))
    tell(office, message(600, occurred_at=NOW - MINUTE), message(10, occurred_at=NOW - MINUTE), now=NOW + MINUTE)
    alert = the_alert(office)
    assert (alert.value, alert.worst, alert.last_at, alert.cleared_at) == (452, 600, NOW, None)
    assert (alert.first_at, alert.count) == (NOW - MINUTE, 2)


def test_after_its_case_was_closed_it_is_a_new_linked_one(office):
    (first,) = tell(office, message(452))
    ended(office, first.hazard)
    (second,) = tell(office, message(460), now=NOW + MINUTE)
    assert second.result == "opened"
    assert second.hazard != first.hazard
    assert office.hazard(second.hazard).recurrence_of == first.hazard
    (chain,) = office.all(Chain)
    new = office.kept(Alert, chain.alert)
    assert (new.again_of, new.count) == (first.alert, 1)
    assert office.kept(Alert, first.alert).count == 1
    (third,) = tell(office, message(470), now=NOW + 2 * MINUTE)
    assert third.alert == second.alert


def test_a_warning_that_has_gone_for_a_while_is_over(office):
    (first,) = tell(office, message(310))
    tell(office, message(10), now=NOW + MINUTE)
    (soon,) = tell(office, message(310), now=NOW + 2 * MINUTE)
    assert soon.alert == first.alert
    tell(office, message(10), now=NOW + 3 * MINUTE)
    (late,) = tell(office, message(310), now=NOW + 3 * MINUTE + HOLD_OFF)
    assert late.alert != first.alert


def test_the_same_message_again_is_the_same(office):
    tell(office, message(452, message_id="m1"))
    (again,) = tell(office, message(452, message_id="m1"), now=NOW + MINUTE)
    assert (again.result, the_alert(office).count) == ("repeated", 1)
    tell(office, *(message(410, message_id=str(number)) for number in range(2 * RECENT)))
    assert len(the_alert(office).recent) == RECENT


def test_who_is_not_known_is_refused_and_holds_up_nobody(office):
    refused, opened = tell(office, message(452, device="B-9"), message(452))
    assert (refused.result, refused.reason, opened.result) == ("refused", "unknown_device", "opened")
    office.do(change_monitor, gao, new_monitor(), NOW, active=False)
    (refused,) = tell(office, message(452))
    assert refused.reason == "unknown_device"


def test_a_wrong_clock_is_noted(office):
    tell(office, message(452, occurred_at=NOW.replace(year=1970)))
    assert the_alert(office).last_at == NOW
    assert the_alert(office).clock_off > 10**9
    tell(office, message(452), now=NOW + MINUTE)
    assert the_alert(office).clock_off > 10**9


def test_the_visit_sets_the_cause_and_it_counts_as_found(office):
    (opened,) = tell(office, message(452))
    step = SetCause(id=new_id(), version=office.hazard(opened.hazard).version, category="EL-01", reason="零地线混接")
    office.do(take_step, li, opened.hazard, step, NOW)
    hazard = office.hazard(opened.hazard)
    assert (hazard.category, hazard.found_category) == ("EL-01", "EL-05")
    (folded,) = tell(office, message(470), now=NOW + MINUTE)
    assert folded.hazard == hazard.id


def test_a_signature_is_taken_once_and_forgotten_later(office):
    signed = Sent([message(452)], Signature("ab", "A-1", NOW))
    taken, again = office.do(receive_alerts, [signed, signed], NOW)
    assert taken[0].result == "opened"
    assert isinstance(again, Replayed)
    (again,) = office.do(receive_alerts, [signed], NOW)
    assert isinstance(again, Replayed)
    assert the_alert(office).count == 1
    assert office.do(forget_signatures, NOW + 2 * SIGNED_WITHIN, 9) == 0
    assert office.do(forget_signatures, NOW + 2 * SIGNED_WITHIN + SECOND, 9) == 1


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([10, 290, 310, 410, 900, None]), st.integers(0, 900))))
def test_of_each_device_and_metric_one_case_is_open_at_most(steps):
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    now = NOW
    for what, value, seconds in steps:
        now += seconds * SECOND
        going = [each for each in office.all(Hazard) if each.state is State.ACCEPTED]
        if what == 2 and going:
            ended(office, going[0].id, now)
        elif value is not None:
            tell(office, message(value, CURRENT if what else HEAT), now=now)
        going = [each.category for each in office.all(Hazard) if each.state is State.ACCEPTED]
        assert len(going) == len(set(going))
        chains = {(each.device, each.metric): each.alert for each in office.all(Chain)}
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
    with pytest.raises(IdTaken):
        register_monitor(office, far, new_monitor(), "other", NOW)
    with pytest.raises(Forbidden):
        register_monitor(office, far, new_monitor(id="A-2"), "other", NOW)
    with pytest.raises(Invalid):
        register_monitor(office, gao, new_monitor(id="A-2", community="330402009999"), "other", NOW)
    reporter = office.kept(Person, REPORTER)
    assert (reporter.active, reporter.grants) == (False, ())


def test_its_own_thresholds_go_before_those_of_its_kind(office):
    limits = {"residual_current_ma": {"warn": 100, "alarm": 200, "critical": 300}}
    after = office.do(change_monitor, gao, new_monitor(thresholds=limits), NOW, active=True)
    assert after.limits(CURRENT).alarm == 200
    assert after.limits(HEAT).alarm == 70
    assert after.limits(Metric.CURRENT) is None
    assert replace(after, kind=MonitorKind.HOUSEHOLD, thresholds={}).limits(CURRENT).alarm == 30
    assert tell(office, message(250))[0].result == "opened"


def test_two_secrets_are_good_the_newest_and_the_one_before(office):
    office.do(rotate_monitor, gao, "A-1", "second")
    after = office.do(rotate_monitor, gao, "A-1", "third")
    assert after.secrets == ("third", "second")
    with pytest.raises(Missing):
        own_monitor(office, person("far", Role.OFFICER, scope=THERE.code), "A-1", "device.see")
    with pytest.raises(Missing):
        own_monitor(office, gao, "B-9", "device.see")


@pytest.fixture
def office():
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    return office
