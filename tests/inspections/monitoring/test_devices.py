"""Monitoring devices: import from a table, silence and recovery, maintenance, and counts of rejected messages."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.accounts.policy import EVERYWHERE, Scope
from inspections.errors import InvalidInput
from inspections.hazards.records import Hazard
from inspections.monitoring.actions.alerts import DevicePayload, receive_alerts
from inspections.monitoring.actions.devices import (
    MaintenancePlan,
    change_monitor,
    detect_silent_monitors,
    end_maintenance,
    import_monitors,
    plan_maintenance,
    register_monitor,
)
from inspections.monitoring.alerts import Alert, Metric, MonitorKind
from inspections.monitoring.device_import import MAX_LINES, parse_monitor_table
from inspections.monitoring.devices import GATEWAY, SWEEP, Monitor, Outage, Signature
from inspections.monitoring.rejections import RejectionCount, rejected_message
from inspections.monitoring.vendors import Vendor
from inspections.places.coordinates import Point
from inspections.table_import import InvalidLines
from tests.builders.monitoring import gao, message, new_monitor, only_alert, receive_messages
from tests.builders.office import HERE, NOW, THERE, Office, later, new_id

NAMES = {HERE.code: HERE.code, "电子社区": HERE.code, "北京路社区": THERE.code}
HEAD = ["设备编号", "类型", "社区", "地点"]
HOUR = timedelta(hours=1)


@pytest.fixture
def office():
    office = Office()
    office.do(register_monitor, gao, new_monitor(), "secret", NOW)
    return office


def parse_table(*rows, head=HEAD):
    return parse_monitor_table([head, *rows], NAMES)


def import_table(office, listing, reach=EVERYWHERE, *, apply=True):
    secrets = [f"secret of {each.id}" for _, each in listing.lines]
    return office.do(import_monitors, "gao", reach, listing, secrets, NOW, apply=apply)


def current_monitor(office):
    return office.get(Monitor, "A-1")


# the table --------------------------------------------------------------------------------------------------------


def test_a_table_registers_new_devices_and_leaves_the_rest(office):
    listing = parse_table(["A-1", "进线", "电子社区", "1幢配电间"], ["B-1", "住户", HERE.code, "2幢101"])
    office.keep(replace(current_monitor(office), name="1幢配电间"))
    seen = import_table(office, listing, apply=False)
    assert (seen.applied, seen.lines, seen.new, seen.already, seen.secrets) == (False, 2, 1, 1, [])
    assert office.get(Monitor, "B-1") is None
    done = import_table(office, listing)
    assert [(each.device, each.secret) for each in done.secrets] == [("B-1", "secret of B-1")]
    made = office.get(Monitor, "B-1")
    assert (made.kind, made.community, made.name, made.secret) == (
        MonitorKind.HOUSEHOLD, HERE.code, "2幢101", "secret of B-1",
    )  # fmt: skip
    assert made.silent_at == NOW + timedelta(hours=24)
    assert import_table(office, listing).new == 0


def test_the_first_imported_device_creates_the_reporting_account():
    office = Office()
    assert import_table(office, parse_table()).new == 0
    assert office.person("monitoring") is None
    import_table(office, parse_table(["B-1", "商铺", "电子社区", "3幢"]))
    assert isinstance(office.person("monitoring"), Person)


def test_a_table_may_name_the_position_and_the_vendor():
    head = ["id", "name", "kind", "community", "place", "lat", "lon", "crs", "vendor"]
    listing = parse_table(["B-1", "总箱", "mains", "电子社区", "3幢", "30.75", "120.74", "gcj02", "breaker"], head=head)
    ((_, found),) = listing.lines
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
def test_the_error_of_a_line_names_its_column(cells, column, words):
    listing = parse_table(["A-9", "进线", "电子社区", "1幢"], cells, head=[*HEAD, "lat", "lon", "vendor"])
    ((error,), (good,)) = listing.errors, listing.lines
    assert (error.line, good[1].id) == ("3", "A-9")
    assert error.message.startswith(words)
    assert error.column == column


def test_a_table_with_an_error_registers_no_device(office):
    other = ["A-1", "住户", "电子社区", "1幢配电间"]
    for listing, reach in (
        (parse_table(["B-1", "进线", "电子社区", "1"], other), EVERYWHERE),
        (
            parse_table(["B-1", "进线", "电子社区", "1"], ["C-1", "进线", "北京路社区", "1"]),
            Scope("", (HERE.code,), ()),
        ),
        (
            parse_table(["B-1", "进线", "北京路社区", "1"], ["A-1", "进线", "北京路社区", "1"]),
            Scope("", (THERE.code,), ()),
        ),
    ):
        with pytest.raises(InvalidLines) as refusal:
            import_table(office, listing, reach)
        assert refusal.value.facts["wrong"] == 1
        assert office.get(Monitor, "B-1") is None
    with pytest.raises(InvalidInput):
        parse_table(*[["A", "进线", "电子社区", "1"]] * (MAX_LINES + 1))


# silence ----------------------------------------------------------------------------------------------------------


def test_a_silent_device_is_recorded_once_per_outage_and_opens_no_hazard(office):
    assert office.do(detect_silent_monitors, later(hours=24), 10) == 0
    assert office.do(detect_silent_monitors, later(hours=25), 10) == 1
    assert office.do(detect_silent_monitors, later(hours=26), 10) == 0
    (outage,) = office.all(Outage)
    assert (outage.device, outage.since, outage.told_by, outage.ended_at) == ("A-1", NOW, SWEEP, None)
    assert office.all(Hazard) == []
    receive_messages(office, message(20), message(21), now=later(hours=27))
    (outage,) = office.all(Outage)
    assert outage.ended_at == later(hours=27)
    assert (current_monitor(office).outage, current_monitor(office).silent_at) == (None, later(hours=51))
    assert office.do(detect_silent_monitors, later(hours=52), 10) == 1
    assert len(office.all(Outage)) == 2


def test_an_offline_message_of_the_gateway_opens_an_outage_at_once(office):
    gone = message(1, Metric.OFFLINE)
    assert [each.result for each in receive_messages(office, gone, gone)] == ["silent", "normal"]
    (outage,) = office.all(Outage)
    assert outage.told_by == GATEWAY
    assert current_monitor(office).last_seen_at is None
    assert [each.result for each in receive_messages(office, message(0, Metric.OFFLINE))] == ["normal"]
    assert office.all(Outage)[0].ended_at == NOW
    assert [each.result for each in receive_messages(office, gone, message(20), now=later(minutes=9))] == [
        "silent",
        "normal",
    ]
    assert [each.ended_at for each in office.all(Outage)] == [NOW, later(minutes=9)]


def test_alarm_only_and_inactive_devices_are_never_silent(office):
    office.do(detect_silent_monitors, later(hours=25), 10)
    office.do(change_monitor, gao, new_monitor(), later(hours=26), active=False)
    assert office.all(Outage)[0].ended_at == later(hours=26)
    assert office.do(detect_silent_monitors, later(hours=999), 10) == 0
    office.do(change_monitor, gao, new_monitor(silent_after_h=None), NOW, active=True)
    assert (current_monitor(office).silent_at, office.do(detect_silent_monitors, later(hours=999), 10)) == (None, 0)
    office.do(change_monitor, gao, new_monitor(silent_after_h=2), NOW, active=True)
    assert office.do(detect_silent_monitors, later(hours=3), 10) == 1


def test_a_reading_clears_the_outage_even_if_its_record_is_missing(office):
    office.keep(replace(current_monitor(office), outage=new_id()))
    receive_messages(office, message(20))
    assert current_monitor(office).outage is None


# planned work -----------------------------------------------------------------------------------------------------


def plan_work(office, first=NOW, last=None, now=NOW):
    asked = MaintenancePlan(first, last or first + HOUR, "更换探头")
    return office.do(plan_maintenance, gao, "A-1", asked, now)


def test_an_alarm_during_maintenance_opens_no_hazard(office):
    plan_work(office)
    assert [each.result for each in receive_messages(office, message(452), now=later(minutes=5))] == ["opened"]
    assert (only_alert(office).hazard, office.all(Hazard)) == (None, [])
    assert [each.result for each in receive_messages(office, message(1, Metric.OFFLINE), now=later(minutes=6))] == [
        "normal"
    ]
    (verdict,) = receive_messages(office, message(452), now=later(minutes=60))
    assert (verdict.result, verdict.hazard is not None) == ("opened", True)
    assert len(office.all(Alert)) == 1


def test_a_device_alarms_again_once_maintenance_ends_early(office):
    plan_work(office)
    receive_messages(office, message(452), now=later(minutes=5))
    office.do(end_maintenance, gao, "A-1", later(minutes=6))
    assert office.do(end_maintenance, gao, "A-1", later(minutes=7)).maintenance is None
    assert receive_messages(office, message(452), now=later(minutes=8))[0].hazard is not None


def test_planned_maintenance_is_no_silence(office):
    office.do(detect_silent_monitors, later(hours=25), 10)
    plan_work(office, first=later(hours=26), last=later(hours=50), now=later(hours=25))
    assert office.all(Outage)[0].ended_at == later(hours=25)
    assert office.do(detect_silent_monitors, later(hours=73), 10) == 0
    assert office.do(detect_silent_monitors, later(hours=75), 10) == 1


@pytest.mark.parametrize(("first", "last"), [(1, 1), (2, 1), (-3, -1), (0, 24 * 31)])
def test_maintenance_of_an_invalid_period_is_refused(office, first, last):
    with pytest.raises(InvalidInput):
        plan_work(office, NOW + first * HOUR, NOW + last * HOUR)


# rejected messages ------------------------------------------------------------------------------------------------


def test_rejected_messages_are_counted_by_reason_with_the_newest_sample(office):
    garbage = [rejected_message("not_json", "A-1", b"{"), rejected_message("not_json", "A-1", b"\xff\x00" * 999)]
    sent = [DevicePayload((), None, "mqtt", garbage), DevicePayload((message(1, device="B-9", raw="{}"), message(452)))]
    office.do(receive_alerts, sent, NOW)
    office.do(receive_alerts, [DevicePayload((), None, "mqtt", garbage[:1])], later(minutes=1))
    counts = {(each.way, each.reason): each for each in office.all(RejectionCount)}
    assert {key: (each.count, each.device) for key, each in counts.items()} == {
        ("mqtt", "not_json"): (3, "A-1"), ("http", "unknown_device"): (1, "B-9"),
    }  # fmt: skip
    newest = counts["mqtt", "not_json"]
    assert (newest.sample, newest.first_at, newest.last_at) == ("{", NOW, later(minutes=1))
    assert len(office.all(Alert)) == 1


def test_a_sample_is_text_that_any_database_can_store():
    one = rejected_message("not_json", "\ud800" + "A" * 99, b"\xff\x00" * 999)
    assert (len(one.device), len(one.sample), "\0" in one.sample) == (64, 500, False)
    one.device.encode()


def test_a_replayed_request_is_counted_too(office):
    signature = Signature("d" * 64, "A-1", NOW)
    office.do(receive_alerts, [DevicePayload((message(452),), signature)], NOW)
    office.do(receive_alerts, [DevicePayload((message(452),), signature)], NOW)
    (count,) = office.all(RejectionCount)
    assert (count.reason, count.count, count.device) == ("replayed", 1, "A-1")
