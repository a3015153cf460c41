"""Devices are imported, maintained and watched for silence; their rejected messages are counted."""

import csv
import io

from api.process.scheduler import run_silence_check
from inspections.accounts.people import Role
from tests.builders.api import HERE, THERE, on_both, problem
from tests.builders.people import sign_in_stranger
from tests.builders.signed_alerts import ALARM, post_signed, register_device, send_alerts


def import_devices(api, text, who="admin", **query):
    headers = {"content-type": "application/octet-stream"}
    return api.call(who, "POST", "/devices/import", content=text.encode("gb18030"), params=query, headers=headers)


@on_both
def test_an_administrator_imports_two_hundred_devices_from_the_vendors_list(api):
    text = "设备编号,类型,社区,安装地点\n" + "".join(f"D-{at},住户,电子社区,{at}室\n" for at in range(200))
    seen = import_devices(api, text).json()
    assert (seen["applied"], seen["new"], seen["secrets"]) == (False, 200, [])
    made = import_devices(api, text, apply=True).json()
    secrets = {each["device"]: each["secret"] for each in made["secrets"]}
    assert (made["new"], len(set(secrets.values()))) == (200, 200)
    assert (
        send_alerts(api, secrets["D-7"], {"metric": "residual_current_ma", "value": 31}, name="D-7")[0]["result"]
        == "opened"
    )
    again = import_devices(api, text, apply=True).json()
    assert (again["new"], again["already"], again["secrets"]) == (0, 200, [])
    wrong = problem(
        import_devices(api, text + "D-7,住户,电子社区,别处\nE-1,住户,月球,1\n", apply=True), 422, "file.lines"
    )
    assert [each["field"] for each in wrong["errors"]] == ["202.id", "203.community"]
    assert import_devices(api, text, who="officer").status_code == 403
    (event, *_) = api.get("admin", "/security/events?event=imported").json()["items"]
    assert (event["about"], event["facts"]["lines"]) == ("devices", "200")


@on_both
def test_a_silent_device_opens_an_outage_and_no_hazard(api):
    secret = register_device(api)
    register_device(api, "A-2", silent_after_h=None)
    api.clock.advance(hours=25)
    api.sign_in_again()
    database = api.client.app.state.context.database
    assert [api.client.blocking_portal.call(run_silence_check, database, api.clock.now) for _ in range(2)] == [1, 0]
    (outage,) = api.get("officer", "/devices/outages").json()["items"]
    assert (outage["device"], outage["community"], outage["ended_at"]) == ("A-1", HERE, None)
    assert api.get("admin", "/devices/A-1").json()["outage"] == outage["id"]
    assert api.counts()["total"]["received"] == 0
    send_alerts(api, secret, {"metric": "residual_current_ma", "value": 20})
    assert api.get("officer", "/devices/outages?open=true").json()["items"] == []
    assert api.get("officer", "/devices/outages?open=false").json()["items"][0]["ended_at"] is not None
    assert api.get("officer2", "/devices/outages").json()["items"] == []


@on_both
def test_an_alarm_during_maintenance_opens_no_hazard(api):
    secret = register_device(api)
    window = {"from": "2026-11-23T01:00:00Z", "until": "2026-11-23T02:00:00Z", "reason": "更换探头"}
    planned = api.post("admin", "/devices/A-1/maintenance", window).json()
    assert planned["maintenance"] == {
        "from": "2026-11-23T01:00:00Z", "until": "2026-11-23T02:00:00Z", "reason": "更换探头", "by": "admin"
    }  # fmt: skip
    assert send_alerts(api, secret, ALARM)[0]["hazard"] is None
    for wrong in ({"until": "2026-11-23T00:00:00Z"}, {"from": "9999-12-01T00:00:00Z", "until": "9999-12-31T00:00:00Z"}):
        problem(api.post("admin", "/devices/A-1/maintenance", {**window, **wrong}), 422, "step.needs")
    problem(api.post("officer", "/devices/A-1/maintenance", window), 403, "role.forbidden")
    assert api.post("admin", "/devices/A-1/maintenance/end", {}).json()["maintenance"] is None
    assert send_alerts(api, secret, [ALARM])[0]["hazard"] is not None


@on_both
def test_rejected_messages_are_counted_with_a_sample(api):
    secret = register_device(api)
    problem(post_signed(api, "anxd_wrong", ALARM), 401, "alert.signature")
    problem(post_signed(api, secret, ALARM, at=api.clock.now.timestamp() - 301), 401, "alert.timestamp")
    problem(post_signed(api, secret, b"{"), 400, "body.unparsable")
    send_alerts(api, secret, [{"metric": "humidity", "value": 1}, ALARM])
    raw = post_signed(api, secret, ALARM | {"value": 401})
    assert raw.status_code == 200
    problem(post_signed(api, secret, ALARM | {"value": 401}), 409, "alert.replayed")
    found = api.get("admin", "/alerts/refusals").json()["items"]
    reasons = ("wrong_signature", "wrong_clock", "not_json", "unknown_metric", "replayed")
    counted = {each["reason"]: (each["count"], each["way"], each["device"]) for each in found}
    assert counted == dict.fromkeys(reasons, (1, "http", "A-1"))
    assert "humidity" in next(each["sample"] for each in found if each["reason"] == "unknown_metric")
    assert api.get("admin", "/alerts/refusals?from=2026-11-01&to=2026-11-22").json()["items"] == []
    problem(api.get("officer", "/alerts/refusals"), 403, "role.forbidden")


@on_both
def test_the_sample_of_a_foreign_device_is_not_shown(api):
    secret = register_device(api)
    send_alerts(api, secret, [{"metric": "humidity", "value": 87}])
    problem(post_signed(api, "anxd_wrong", ALARM, name="Z-9"), 401, "alert.signature")
    sign_in_stranger(api, "far", Role.ADMIN)
    found = {each["reason"]: each for each in api.get("far", "/alerts/refusals").json()["items"]}
    assert (found["unknown_metric"]["device"], found["unknown_metric"]["sample"]) == ("", "")
    assert (found["unknown_metric"]["count"], found["wrong_signature"]["device"]) == (1, "Z-9")
    assert "87" in str(api.get("admin", "/alerts/refusals").json())


@on_both
def test_alert_statistics_are_available_as_a_sheet(api):
    secret = register_device(api)
    send_alerts(api, secret, ALARM)
    sheet = api.get("analyst", "/statistics/alerts?format=csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(sheet)))
    assert (rows[-1]["社区代码"], rows[-1]["核查单"], rows[-1]["监测设备"]) == ("合计", "1", "1")
    problem(api.get("analyst", f"/statistics/alerts?community={THERE}"), 404, "community.not_found")
    problem(api.get("analyst", "/statistics/alerts?from=2026-02-02&to=2026-02-01"), 422, "step.needs")
    shops = api.get("analyst", "/statistics/alerts?kind=shop").json()
    assert (shops["total"]["alerts"], [each["kind"] for each in shops["kinds"]]) == (0, ["shop"])
