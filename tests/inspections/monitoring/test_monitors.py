"""Devices are registered by the list, worked on, silent, heard of again; what is not taken is counted."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import EVERYWHERE, Scope
from inspections.errors import Invalid
from inspections.hazards.records import Hazard
from inspections.monitoring.actions.alerts import Sent, receive_alerts
from inspections.monitoring.actions.devices import (
    PlannedWork,
    change_monitor,
    end_work,
    import_monitors,
    notice_silence,
    plan_work,
    register_monitor,
)
from inspections.monitoring.alerts import Alert, Metric, MonitorKind
from inspections.monitoring.device_import import LINES, of_table
from inspections.monitoring.devices import GATEWAY, SWEEP, Monitor, Outage, Signature
from inspections.monitoring.rejections import RefusedCount, refused
from inspections.monitoring.vendors import Vendor
from inspections.places.coordinates import Point
from inspections.table_import import LinesWrong
from tests.builders.monitored import gao, message, new_monitor, tell, the_alert
from tests.builders.office import HERE, NOW, THERE, Office, later, new_id

NAMES = {HERE.code: HERE.code, "电子社区": HERE.code, "北京路社区": THERE.code}
HEAD = ["设备编号", "类型", "社区", "地点"]
HOUR = timedelta(hours=1)


@pytest.fixture
def office():
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    return office


def listed(*rows, head=HEAD):
    return of_table([head, *rows], NAMES)


def imported(office, said, reach=EVERYWHERE, *, apply=True):
    secrets = [f"secret of {each.id}" for _, each in said.lines]
    return office.do(import_monitors, "gao", reach, said, secrets, NOW, apply=apply)


def the_monitor(office):
    return office.kept(Monitor, "A-1")


# the list ---------------------------------------------------------------------------------------------------------


def test_a_list_registers_what_is_new_and_leaves_the_rest(office):
    said = listed(["A-1", "进线", "电子社区", "1幢配电间"], ["B-1", "住户", HERE.code, "2幢101"])
    office.keep(replace(the_monitor(office), name="1幢配电间"))
    seen = imported(office, said, apply=False)
    assert (seen.applied, seen.lines, seen.new, seen.already, seen.secrets) == (False, 2, 1, 1, [])
    assert office.kept(Monitor, "B-1") is None
    done = imported(office, said)
    assert [(each.device, each.secret) for each in done.secrets] == [("B-1", "secret of B-1")]
    made = office.kept(Monitor, "B-1")
    assert (made.kind, made.community, made.name, made.secret) == (
        MonitorKind.HOUSEHOLD, HERE.code, "2幢101", "secret of B-1",
    )  # fmt: skip
    assert made.silent_at == NOW + timedelta(hours=24)
    assert imported(office, said).new == 0


def test_a_list_into_an_empty_office_brings_the_account_that_reports():
    office = Office()
    assert imported(office, listed()).new == 0
    assert office.person("monitoring") is None
    imported(office, listed(["B-1", "商铺", "电子社区", "3幢"]))
    assert isinstance(office.person("monitoring"), Person)


def test_a_list_says_where_and_in_which_shape():
    head = ["id", "name", "kind", "community", "place", "lat", "lon", "crs", "vendor"]
    said = listed(["B-1", "总箱", "mains", "电子社区", "3幢", "30.75", "120.74", "gcj02", "breaker"], head=head)
    ((_, found),) = said.lines
    assert (found.point, found.vendor, found.name) == (Point(30.75, 120.74, "gcj02"), Vendor.BREAKER, "总箱")


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        (["B 1", "进线", "电子社区", "1幢"], "id", "格式不正确"),
        (["", "进线", "电子社区", "1幢"], "id", "缺少此项"),
        (["B-1", "电表", "电子社区", "1幢"], "kind", "不认识“电表”"),
        (["B-1", "", "电子社区", "1幢"], "kind", "缺少此项"),
        (["B-1", "进线", "月球", "1幢"], "community", "没有“月球”"),
        (["B-1", "进线", "", "1幢"], "community", "缺少此项"),
        (["B-1", "进线", "电子社区", ""], "name", "缺少此项"),
        (["B-1", "进线", "电子社区", "1幢", "97", "120"], "point", "格式不正确"),
        (["B-1", "进线", "电子社区", "1幢", "", "120"], "lat", "缺少此项"),
        (["B-1", "进线", "电子社区", "1幢", "", "", "morse"], "vendor", "不认识“morse”"),
        (["A-9", "进线", "电子社区", "1幢"], "id", "与第 2 行重复"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(cells, column, words):
    said = listed(["A-9", "进线", "电子社区", "1幢"], cells, head=[*HEAD, "lat", "lon", "vendor"])
    ((error,), (good,)) = said.errors, said.lines
    assert (error.line, good[1].id) == ("3", "A-9")
    assert error.message.startswith(words)
    assert error.column == column


def test_a_list_with_an_error_registers_nobody(office):
    other = ["A-1", "住户", "电子社区", "1幢配电间"]
    for said, reach in (
        (listed(["B-1", "进线", "电子社区", "1"], other), EVERYWHERE),
        (listed(["B-1", "进线", "电子社区", "1"], ["C-1", "进线", "北京路社区", "1"]), Scope("", (HERE.code,), ())),
        (listed(["B-1", "进线", "北京路社区", "1"], ["A-1", "进线", "北京路社区", "1"]), Scope("", (THERE.code,), ())),
    ):
        with pytest.raises(LinesWrong) as refusal:
            imported(office, said, reach)
        assert refusal.value.facts["wrong"] == 1
        assert office.kept(Monitor, "B-1") is None
    with pytest.raises(Invalid):
        listed(*[["A", "进线", "电子社区", "1"]] * (LINES + 1))


# silence ----------------------------------------------------------------------------------------------------------


def test_a_silent_device_is_noticed_once_for_each_outage_and_is_no_hazard(office):
    assert office.do(notice_silence, later(hours=24), 10) == 0
    assert office.do(notice_silence, later(hours=25), 10) == 1
    assert office.do(notice_silence, later(hours=26), 10) == 0
    (outage,) = office.all(Outage)
    assert (outage.device, outage.since, outage.told_by, outage.ended_at) == ("A-1", NOW, SWEEP, None)
    assert office.all(Hazard) == []
    tell(office, message(20), message(21), now=later(hours=27))
    (outage,) = office.all(Outage)
    assert outage.ended_at == later(hours=27)
    assert (the_monitor(office).outage, the_monitor(office).silent_at) == (None, later(hours=51))
    assert office.do(notice_silence, later(hours=52), 10) == 1
    assert len(office.all(Outage)) == 2


def test_its_gateway_says_that_it_is_away_and_it_is_known_at_once(office):
    gone = message(1, Metric.OFFLINE)
    assert [each.result for each in tell(office, gone, gone)] == ["silent", "normal"]
    (outage,) = office.all(Outage)
    assert outage.told_by == GATEWAY
    assert the_monitor(office).last_seen_at is None
    assert [each.result for each in tell(office, message(0, Metric.OFFLINE))] == ["normal"]
    assert office.all(Outage)[0].ended_at == NOW
    assert [each.result for each in tell(office, gone, message(20), now=later(minutes=9))] == ["silent", "normal"]
    assert [each.ended_at for each in office.all(Outage)] == [NOW, later(minutes=9)]


def test_a_device_that_speaks_only_of_alarms_and_one_out_of_use_are_never_silent(office):
    office.do(notice_silence, later(hours=25), 10)
    office.do(change_monitor, gao, new_monitor(), later(hours=26), active=False)
    assert office.all(Outage)[0].ended_at == later(hours=26)
    assert office.do(notice_silence, later(hours=999), 10) == 0
    office.do(change_monitor, gao, new_monitor(silent_after_h=None), NOW, active=True)
    assert (the_monitor(office).silent_at, office.do(notice_silence, later(hours=999), 10)) == (None, 0)
    office.do(change_monitor, gao, new_monitor(silent_after_h=2), NOW, active=True)
    assert office.do(notice_silence, later(hours=3), 10) == 1


def test_who_is_heard_of_is_there_whatever_is_known_of_its_outage(office):
    office.keep(replace(the_monitor(office), outage=new_id()))
    tell(office, message(20))
    assert the_monitor(office).outage is None


# planned work -----------------------------------------------------------------------------------------------------


def planned(office, first=NOW, last=None, now=NOW):
    asked = PlannedWork(first, last or first + HOUR, "更换探头")
    return office.do(plan_work, gao, "A-1", asked, now)


def test_while_somebody_works_there_an_alarm_is_kept_and_sends_nobody(office):
    planned(office)
    assert [each.result for each in tell(office, message(452), now=later(minutes=5))] == ["opened"]
    assert (the_alert(office).hazard, office.all(Hazard)) == (None, [])
    assert [each.result for each in tell(office, message(1, Metric.OFFLINE), now=later(minutes=6))] == ["normal"]
    (verdict,) = tell(office, message(452), now=later(minutes=60))
    assert (verdict.result, verdict.hazard is not None) == ("opened", True)
    assert len(office.all(Alert)) == 1


def test_what_ends_earlier_than_planned_alarms_at_once(office):
    planned(office)
    tell(office, message(452), now=later(minutes=5))
    office.do(end_work, gao, "A-1", later(minutes=6))
    assert office.do(end_work, gao, "A-1", later(minutes=7)).maintenance is None
    assert tell(office, message(452), now=later(minutes=8))[0].hazard is not None


def test_planned_work_is_no_silence(office):
    office.do(notice_silence, later(hours=25), 10)
    planned(office, first=later(hours=26), last=later(hours=50), now=later(hours=25))
    assert office.all(Outage)[0].ended_at == later(hours=25)
    assert office.do(notice_silence, later(hours=73), 10) == 0
    assert office.do(notice_silence, later(hours=75), 10) == 1


@pytest.mark.parametrize(("first", "last"), [(1, 1), (2, 1), (-3, -1), (0, 24 * 31)])
def test_no_work_ends_before_it_begins_or_lasts_for_ever(office, first, last):
    with pytest.raises(Invalid):
        planned(office, NOW + first * HOUR, NOW + last * HOUR)


# what is not taken ------------------------------------------------------------------------------------------------


def test_what_is_not_taken_is_counted_by_reason_with_the_newest_sample(office):
    garbage = [refused("not_json", "A-1", b"{"), refused("not_json", "A-1", b"\xff\x00" * 999)]
    sent = [Sent((), None, "mqtt", garbage), Sent((message(1, device="B-9", raw="{}"), message(452)))]
    office.do(receive_alerts, sent, NOW)
    office.do(receive_alerts, [Sent((), None, "mqtt", garbage[:1])], later(minutes=1))
    counts = {(each.way, each.reason): each for each in office.all(RefusedCount)}
    assert {key: (each.count, each.device) for key, each in counts.items()} == {
        ("mqtt", "not_json"): (3, "A-1"), ("http", "unknown_device"): (1, "B-9"),
    }  # fmt: skip
    newest = counts["mqtt", "not_json"]
    assert (newest.sample, newest.first_at, newest.last_at) == ("{", NOW, later(minutes=1))
    assert len(office.all(Alert)) == 1


def test_a_sample_is_a_text_that_any_database_keeps():
    one = refused("not_json", "\ud800" + "A" * 99, b"\xff\x00" * 999)
    assert (len(one.device), len(one.sample), "\0" in one.sample) == (64, 500, False)
    one.device.encode()


def test_a_request_that_comes_again_is_counted_too(office):
    signature = Signature("d" * 64, "A-1", NOW)
    office.do(receive_alerts, [Sent((message(452),), signature)], NOW)
    office.do(receive_alerts, [Sent((message(452),), signature)], NOW)
    (count,) = office.all(RefusedCount)
    assert (count.reason, count.count, count.device) == ("replayed", 1, "A-1")
