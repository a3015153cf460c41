"""Cameras and lifts send a picture, name it in their alert, and the case shows it."""

import hashlib
import hmac

from tests.builders.api import HERE, on_both, problem
from tests.builders.pictures import picture as make_picture
from tests.builders.signed_alerts import register_device, send_alerts
from tests.builders.waiting import poll_until

LIFT = {"kind": "lift", "place": "1幢电梯轿厢"}


def send_picture(api, secret, picture, name="A-1", at=None, sha256=None, signed=None):
    """Sends a picture as a camera does; `signed`: the bytes that are signed instead of the picture."""
    stamp = str(int(at or api.clock.now.timestamp()))
    body = picture if signed is None else signed
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"Anxun-Device": name, "Anxun-Timestamp": stamp, "Anxun-Signature": f"v1={digest}"}
    sha256 = sha256 or hashlib.sha256(picture).hexdigest()
    return api.call(None, "PUT", f"/photos/{sha256}", content=picture, headers=headers)


def detection(picture, **more):
    return {"metric": "ebike_detected", "value": 1, "photo": hashlib.sha256(picture).hexdigest(), **more}


@on_both
def test_the_picture_of_a_lift_becomes_the_photo_of_its_case(api):
    secret, picture = register_device(api, **LIFT), make_picture()
    sent = send_picture(api, secret, picture)
    assert (sent.status_code, sent.json()["state"]) == (201, "received")
    assert send_picture(api, secret, picture).status_code == 200
    (verdict,) = send_alerts(api, secret, detection(picture))
    assert verdict["result"] == "opened"
    case = api.get("officer", f"/hazards/{verdict['hazard']}").json()
    assert (case["category"], case["source"], case["community"], case["alert_check"]) == (
        "EB-02", "device", HERE, True,
    )  # fmt: skip
    (shown,) = case["photos"]
    assert (shown["sha256"], shown["stage"]) == (hashlib.sha256(picture).hexdigest(), "before")
    assert api.get("officer", f"/photos/{shown['sha256']}").content == picture
    poll_until(lambda: api.get("officer", f"/hazards/{case['id']}").json()["photos"][0]["state"] == "developed")


@on_both
def test_the_picture_may_come_after_its_alert(api):
    secret, picture = register_device(api, **LIFT), make_picture()
    (verdict,) = send_alerts(api, secret, detection(picture))
    case = api.get("officer", f"/hazards/{verdict['hazard']}").json()
    assert case["missing_photos"] == [hashlib.sha256(picture).hexdigest()]
    send_picture(api, secret, picture)
    assert api.get("officer", f"/hazards/{case['id']}").json()["missing_photos"] == []


@on_both
def test_an_alert_check_counts_as_a_hazard_once_the_visit_confirms_it(api):
    secret, picture = register_device(api, **LIFT), make_picture()
    (verdict,) = send_alerts(api, secret, detection(picture))
    assert api.counts()["total"]["received"] == 0
    assert api.get("officer", "/hazards?counted_as=received").json()["items"] == []
    case = api.get("officer", f"/hazards/{verdict['hazard']}").json()
    known = api.take_step("officer", case, "set_cause", category="EB-02", reason="现场有车", vehicle_standard="old")
    assert (known["category"], known["alert_check"], known["vehicle_standard"]) == ("EB-02", False, "old")
    total = api.counts()["total"]
    assert (total["received"], total["old_standard"], total["new_standard"]) == (1, 1, 0)
    (listed,) = api.get("officer", "/hazards?vehicle_standard=old").json()["items"]
    assert listed["id"] == case["id"]
    assert api.get("officer", "/hazards?counted_as=old_standard").json()["items"][0]["id"] == case["id"]
    assert api.get("officer", "/hazards?vehicle_standard=new").json()["items"] == []
    alerts = api.get("officer", "/statistics/alerts").json()["total"]
    assert (alerts["causes"], alerts["cause_EB-02"]) == (1, 1)


@on_both
def test_a_picture_with_a_wrong_signature_is_refused_and_not_kept(api):
    secret, picture = register_device(api, **LIFT), make_picture()
    problem(send_picture(api, "other", picture), 401, "alert.signature")
    problem(send_picture(api, secret, picture, name="B-2"), 401, "alert.signature")
    problem(send_picture(api, secret, picture, signed=b"another picture"), 401, "alert.signature")
    late = problem(send_picture(api, secret, picture, at=api.clock.now.timestamp() - 301), 401, "alert.timestamp")
    assert late["server_time"].startswith("2026-11-23T01:00:00")
    problem(send_picture(api, secret, picture, sha256="0" * 64), 422, "photo.digest")
    problem(send_picture(api, secret, b"no picture"), 415, "photo.format")
    (verdict,) = send_alerts(api, secret, detection(picture))
    assert api.get("officer", f"/hazards/{verdict['hazard']}").json()["missing_photos"]
    refused = api.get("admin", "/alerts/refusals").json()["items"]
    assert {each["reason"]: each["count"] for each in refused} == {"wrong_signature": 3, "wrong_clock": 1}


@on_both
def test_a_device_out_of_use_sends_no_picture(api):
    secret = register_device(api, **LIFT)
    device = {"id": "A-1", "name": "1幢电梯", "community": HERE, **LIFT, "active": False}
    assert api.post("admin", "/devices/A-1", device).status_code == 200
    problem(send_picture(api, secret, make_picture()), 401, "alert.signature")


@on_both
def test_a_device_that_names_the_picture_of_another_does_not_show_it(api):
    mine, theirs = register_device(api, **LIFT), register_device(api, "B-2", **LIFT)
    picture = make_picture()
    send_picture(api, theirs, picture, name="B-2")
    (verdict,) = send_alerts(api, mine, detection(picture))
    case = api.get("officer", f"/hazards/{verdict['hazard']}").json()
    assert case["missing_photos"] == [hashlib.sha256(picture).hexdigest()]


def test_only_pictures_by_digest_are_taken_from_devices(api):
    secret = register_device(api, **LIFT)
    stamp = str(int(api.clock.now.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b".", hashlib.sha256).hexdigest()
    headers = {"Anxun-Device": "A-1", "Anxun-Timestamp": stamp, "Anxun-Signature": f"v1={digest}"}
    for method, path in (("GET", "/hazards"), ("POST", "/photos"), ("GET", f"/photos/{'0' * 64}"), ("GET", "/me")):
        problem(api.call(None, method, path, headers=headers), 401, "auth.required")
