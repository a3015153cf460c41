"""Devices send signed alert messages over HTTP, and each alarm opens a hazard to check."""

import asyncio
import json
from datetime import timedelta

import pytest

from api.monitoring.intake import AlertIntake
from inspections.monitoring.actions.alerts import DevicePayload
from inspections.monitoring.alerts import CanonicalMessage, Metric
from inspections.monitoring.vendors import PAYLOAD_BYTES
from storage.statistics.rollup import check_counts
from tests.builders.api import HERE, PASSWORD, THERE, on_both, problem
from tests.builders.signed_alerts import ALARM, post_signed, register_device, send_alerts
from tests.builders.waiting import poll_until


@on_both
def test_an_alarm_opens_a_hazard_at_once(api):
    secret = register_device(api)
    (verdict,) = send_alerts(api, secret, ALARM)
    assert verdict["result"] == "opened"
    case = api.get("officer", f"/hazards/{verdict['hazard']}").json()
    told = {"state": "accepted", "category": "EL-05", "source": "device", "community": HERE, "place": "1幢配电间"}
    assert {name: case[name] for name in told} == told
    assert case["description"] == "1号楼总箱：剩余电流 452 mA，达到报警值 400 mA"
    history = api.get("officer", f"/hazards/{case['id']}/history").json()["items"]
    assert [line["step"] for line in history] == ["alert", "accept"]
    (alert,) = api.get("officer", "/alerts").json()["items"]
    assert (alert["id"], alert["grade"], alert["level"], alert["count"]) == (verdict["alert"], "alarm", "二级", 1)
    assert alert["case"] == {"id": case["id"], "number": case["number"], "state": "accepted"}
    detail = api.get("inspector", f"/alerts/{alert['id']}").json()
    assert detail["points"] == [["2026-11-23T01:00:00Z", 452.0]]
    assert json.loads(detail["worst_raw"]) == ALARM
    seen = api.get("admin", "/devices/A-1").json()
    assert (seen["last_seen_at"], seen["secrets"]) == ("2026-11-23T01:00:00Z", 1)


def alert_notices(api):
    return [each for each in api.get("officer", "/inbox").json()["items"] if each["kind"] == "alert"]


@on_both
def test_an_officer_is_notified_at_night_and_a_false_alarm_counts_as_no_hazard(api):
    secret = register_device(api)
    api.clock.now += timedelta(hours=17)
    api.sign_in_again()
    (verdict,) = send_alerts(api, secret, ALARM)
    notices = poll_until(lambda: alert_notices(api))
    assert notices[0]["title"] == "监测报警待核查"
    assert api.counts()["total"]["received"] == 0  # an alarm, no hazard found
    case = api.get("officer", f"/hazards/{verdict['hazard']}").json()
    done = api.take_step("officer", case, "verify", outcome="false_alarm", note="检查无异常")
    assert (done["state"], done["outcome"]) == ("closed", "false_alarm")
    assert api.counts()["total"]["received"] == 0
    (again,) = send_alerts(api, secret, ALARM | {"value": 500})
    assert api.get("officer", f"/hazards/{again['hazard']}").json()["recurrence_of"] == case["id"]


@on_both
def test_the_cause_found_on_site_is_counted(api):
    secret = register_device(api)
    (verdict,) = send_alerts(api, secret, ALARM)
    case = api.get("officer", f"/hazards/{verdict['hazard']}").json()
    found = api.take_step("officer", case, "set_cause", category="EL-01", reason="零地线混接")
    assert (found["category"], found["state"]) == ("EL-01", "accepted")
    total = api.counts()["total"]
    assert (total["received"], total["accepted"], total["open"]) == (1, 1, 1)
    database = api.client.app.state.context.database
    assert not database.read_sync(lambda repository: list(check_counts(repository, HERE)))


@on_both
def test_each_message_of_a_batch_has_its_verdict(api):
    secret = register_device(api)
    batch = [
        ALARM,
        {"metric": "humidity", "value": 9},
        ALARM | {"value": 700},
        {"metric": "temperature_c", "value": 20},
        {"metric": "current_a", "value": "NaN"},
        ALARM | {"device": "B-2"},
    ]
    items = send_alerts(api, secret, batch)
    assert [(each["result"], each["reason"]) for each in items] == [
        ("opened", None), ("refused", "unknown_metric"), ("folded", None), ("normal", None),
        ("fault", None), ("refused", "foreign_device"),
    ]  # fmt: skip
    assert len(api.get("officer", "/alerts").json()["items"]) == 1


def test_a_vendors_device_is_answered_as_it_expects(api):
    secret = register_device(api, vendor="property_list")
    payload = {"location_code": "33", "ts": 1795395600000, "properties": [{"name": "温度 ", "value": 95}]}
    answer = post_signed(api, secret, payload).json()
    assert (answer["result"], answer["items"][0]["result"]) == (1, "opened")


@on_both
def test_a_wrong_signature_or_timestamp_is_refused(api):
    secret = register_device(api)
    problem(post_signed(api, "other", ALARM), 401, "alert.signature")
    problem(post_signed(api, secret, ALARM, name="B-2"), 401, "alert.signature")
    problem(api.post(None, "/alerts", ALARM), 401, "alert.signature")
    for off in (-301, 301):
        wrong = problem(post_signed(api, secret, ALARM, at=api.clock.now.timestamp() + off), 401, "alert.timestamp")
        assert wrong["server_time"].startswith("2026-11-23T01:00:00")
    assert post_signed(api, secret, ALARM, at=api.clock.now.timestamp() + 299).status_code == 200
    assert api.get("officer", "/alerts").json()["items"][0]["count"] == 1


@on_both
def test_a_replayed_request_is_refused_and_counted_once(api):
    secret = register_device(api)
    send_alerts(api, secret, ALARM)
    problem(post_signed(api, secret, ALARM), 409, "alert.replayed")
    assert api.get("officer", "/alerts").json()["items"][0]["count"] == 1
    send_alerts(api, secret, ALARM, at=api.clock.now.timestamp() + 1)
    assert api.get("officer", "/alerts").json()["items"][0]["count"] == 2


@pytest.mark.parametrize("payload", [b"", b"{", b"[" * 100_000, b'{"value": NaN}', b"[]", b"\xff\xd8\xff"])
def test_a_garbage_payload_is_refused_with_its_reason(api, payload):
    secret = register_device(api)
    assert problem(post_signed(api, secret, payload), 400, "body.unparsable")["reason"] in {
        "not_json",
        "empty",
        "too_deep",
    }


def test_a_payload_that_is_too_large_is_refused(api):
    secret = register_device(api)
    problem(post_signed(api, secret, b" " * (PAYLOAD_BYTES + 1)), 413, "body.too_large")
    problem(post_signed(api, secret, [{}] * 1001), 413, "body.too_large")


@on_both
def test_many_simultaneous_messages_make_one_alert(api):
    register_device(api)
    intake, one = api.client.app.state.context.part(AlertIntake), CanonicalMessage("A-1", Metric.RESIDUAL_CURRENT, 460)

    async def flood():
        return await asyncio.gather(*(intake.submit(DevicePayload([one] * 10)) for _ in range(300)))

    answers = api.client.blocking_portal.call(flood)
    assert {each.alert for verdicts in answers for each in verdicts} == {answers[0][0].alert}
    (alert,) = api.get("officer", "/alerts").json()["items"]
    assert alert["count"] == 3000


@on_both
def test_a_secret_is_renewed_without_a_gap(api):
    first = register_device(api)
    second = api.post("admin", "/devices/A-1/rotate", {}).json()["secret"]
    send_alerts(api, first, ALARM)
    send_alerts(api, second, ALARM)
    third = api.post("admin", "/devices/A-1/rotate", {}).json()["secret"]
    problem(post_signed(api, first, ALARM, at=api.clock.now.timestamp() + 1), 401, "alert.signature")
    send_alerts(api, second, ALARM, at=api.clock.now.timestamp() + 2)
    send_alerts(api, third, ALARM)


@on_both
def test_a_device_is_changed_and_deactivated(api):
    secret = register_device(api)
    device = {"id": "A-1", "name": "总箱", "kind": "mains", "community": HERE, "place": "2幢"}
    limits = {"residual_current_ma": {"warn": 500, "alarm": 600, "critical": 700}}
    after = api.post("admin", "/devices/A-1", {**device, "thresholds": limits}).json()
    assert (after["place"], after["thresholds"]["residual_current_ma"]["alarm"]) == ("2幢", 600)
    assert send_alerts(api, secret, ALARM)[0]["result"] == "normal"
    api.post("admin", "/devices/A-1", {**device, "active": False})
    (refused,) = send_alerts(api, secret, ALARM | {"value": 900})
    assert (refused["result"], refused["reason"]) == ("refused", "unknown_device")
    wrong = {"residual_current_ma": {"warn": 5, "alarm": 3, "critical": 1}}
    problem(api.post("admin", "/devices/A-1", {**device, "thresholds": wrong}), 422, "step.needs")
    problem(api.post("admin", "/devices/A-1", {**device, "id": "A-2"}), 422, "step.needs")


@on_both
def test_alerts_and_devices_are_seen_only_within_ones_communities(api):
    secret = register_device(api)
    (verdict,) = send_alerts(api, secret, ALARM)
    assert api.get("officer2", "/alerts").json()["items"] == []
    problem(api.get("officer2", f"/alerts/{verdict['alert']}"), 404, "alert.not_found")
    assert api.get("officer2", "/devices").json()["items"] == []
    problem(api.get("officer2", "/devices/A-1"), 404, "device.not_found")
    device = {"id": "B-1", "name": "x", "kind": "shop", "community": THERE, "place": "y"}
    problem(api.post("admin", "/devices", device), 403, "role.forbidden")
    assert api.post("admin", "/devices", {**device, "id": "A-1"}).status_code == 409
    problem(api.post(None, "/auth/login", {"username": "monitoring", "password": PASSWORD}), 401, "auth.failed")


@on_both
def test_alerts_are_listed_page_by_page_and_filtered(api):
    for number in range(3):
        secret = register_device(api, f"D-{number}")
        send_alerts(api, secret, ALARM, name=f"D-{number}")
    send_alerts(api, secret, {"metric": "residual_current_ma", "value": 3}, name="D-2")
    page = api.get("officer", "/alerts?limit=2").json()
    rest = api.get("officer", f"/alerts?limit=2&cursor={page['next_cursor']}").json()
    assert [each["device"] for each in (*page["items"], *rest["items"])] == ["D-2", "D-1", "D-0"]
    assert rest["next_cursor"] is None
    assert [each["device"] for each in api.get("officer", "/alerts?open=false").json()["items"]] == ["D-2"]
    assert [each["device"] for each in api.get("officer", "/alerts?open=true&device=D-1").json()["items"]] == ["D-1"]
    assert api.get("officer", f"/alerts?community={THERE}").json()["items"] == []
