"""Odd messages of real devices: what says alarm counts or is shown to the officer; broken sensors are maintenance."""

import json
from datetime import timedelta

import pytest

from inspections.accounts.people import Role
from tests.builders.api import HERE, on_both
from tests.builders.people import sign_in_stranger
from tests.builders.signed_alerts import ALARM, post_signed, register_device, send_alerts
from tests.builders.waiting import poll_until

BODIES = [
    ("canonical", {"metric": "residual_current_ma", "value": 652, "level": "alarm", "time": ""}),
    ("canonical", {"metric": "residual_current_ma", "value": 652, "level": "alarm", "time": "2026年11月29日 09:02:49"}),
    ("canonical", {"metric": "residual_current_ma", "value": 652, "level": "alarm", "time": -1}),
    ("canonical", {"metric": "residual_current_ma", "value": "652mA", "level": "alarm"}),
    ("canonical", {"metric": "residual_current_ma", "value": "0.652", "unit": "a", "level": "alarm"}),
    ("alarm_list", {"deviceId": "A-1", "data": {"alarms": [{"type": "温度", "value": "91.5℃", "level": "2"}]}}),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "body"), BODIES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
@on_both
def test_an_alarm_is_not_thrown_away_for_a_side_field(api, vendor, body, encoding):
    secret = register_device(api, vendor=vendor)
    text = json.dumps(body, ensure_ascii=False)
    (verdict,) = post_signed(api, secret, text.encode(encoding, errors="replace")).json()["items"]
    assert verdict["result"] == "opened"
    case = api.get("officer", f"/hazards/{verdict['hazard']}").json()
    assert case["category"] == ("EL-06" if vendor == "alarm_list" else "EL-05")


def test_the_reported_bodies_open_cases(api, samples):
    bodies = samples / "cases" / "alarm_bodies.jsonl"
    if not bodies.exists():
        pytest.skip(f"no {bodies}")
    for at, line in enumerate(bodies.read_text().splitlines()):
        case = json.loads(line.replace("DEVICE", f"D-{at}"))
        secret = register_device(api, f"D-{at}", vendor=case["vendor"])
        (verdict,) = send_alerts(api, secret, case["body"], name=f"D-{at}")
        assert verdict["result"] == "opened", case["why"]


@on_both
def test_what_could_not_be_read_is_noted_in_the_history(api):
    secret = register_device(api)
    (verdict,) = send_alerts(api, secret, ALARM | {"time": "昨天", "unit": "lumens"})
    first, *_ = api.get("officer", f"/hazards/{verdict['hazard']}/history").json()["items"]
    assert first["facts"]["unread"] == {"time": "昨天", "unit": "lumens"}


def unreadable_notices(api, who):
    return [each for each in api.get(who, "/inbox").json()["items"] if each["kind"] == "alarm.unreadable"]


@on_both
def test_an_unreadable_alarm_reaches_the_officer_at_night_and_the_list_of_faults(api):
    secret = register_device(api)
    api.clock.now += timedelta(hours=17)
    api.sign_in_again()
    broken = '{"metric": "residual_current_ma", "value": 652, "level": "报警"'.encode("gbk")
    assert post_signed(api, secret, broken).status_code == 400
    (verdict,) = send_alerts(api, secret, {"metric": "residual_current_ma", "value": "高", "level": "alarm"})
    assert (verdict["result"], verdict["reason"]) == ("refused", "wrong_value")
    (notice,) = poll_until(lambda: unreadable_notices(api, "officer"))
    assert notice["title"] == "监测报警无法识读，请核查"
    assert "1号楼总箱（电子社区居委会 1幢配电间）" in notice["text"]
    assert "报警" in notice["text"]
    (fault,) = api.get("officer", "/devices/faults").json()["items"]
    assert (fault["device"], fault["kind"], fault["count"], fault["community"]) == ("A-1", "unreadable", 2, HERE)
    assert api.get("officer", "/hazards").json()["items"] == []


@on_both
def test_a_broken_sensor_is_a_maintenance_item_and_no_hazard(api):
    secret = register_device(api)
    for value in (-127, 6553.5, "0xFFFF", 65535):
        api.clock.now += timedelta(seconds=1)
        assert send_alerts(api, secret, {"metric": "temperature_c", "value": value})[0]["result"] == "fault"
    for value, result in ((24, "normal"), (85, "fault"), (24, "normal")):
        api.clock.now += timedelta(minutes=1)
        assert send_alerts(api, secret, {"metric": "temperature_c", "value": value})[0]["result"] == result
    faults = api.get("officer", "/devices/faults").json()["items"]
    assert [(each["kind"], each["metric"], each["count"]) for each in faults] == [
        ("power_on", "temperature_c", 1), ("sensor", "temperature_c", 4),
    ]  # fmt: skip
    assert api.get("officer", "/devices/faults?kind=power_on").json()["items"] == faults[:1]
    assert api.get("officer", "/devices/faults?from=2026-11-01&to=2026-11-02").json()["items"] == []
    assert api.get("officer", "/hazards").json()["items"] == api.get("officer", "/alerts").json()["items"] == []


@on_both
def test_faults_are_listed_in_pages_and_within_the_scope(api):
    for name in ("A-1", "C-3"):
        secret = register_device(api, name)
        send_alerts(api, secret, {"metric": "temperature_c", "value": -127}, name=name)
    page = api.get("officer", "/devices/faults?limit=1").json()
    assert [each["device"] for each in page["items"]] == ["A-1"]
    rest = api.get("officer", f"/devices/faults?limit=1&cursor={page['next_cursor']}").json()
    assert ([each["device"] for each in rest["items"]], rest.get("next_cursor")) == (["C-3"], None)
    sign_in_stranger(api, "stranger", Role.OFFICER)
    assert api.get("stranger", "/devices/faults").json()["items"] == []
