"""Proves the strict security profile over HTTP, for an office that is inspected for 等保."""

import shutil
import time
import uuid

import pyotp
import pytest
from litestar.testing import TestClient

from api.accounts.sign_in.authentication import HASHER
from api.app import build_app
from api.settings import Settings
from inspections.accounts.people import Grant, Person, Role
from inspections.change import Change
from tests.builders.api import HERE, Api, problem
from tests.builders.process import Process

FIRST, OWN = "Given to them 1", "Chosen by them 2"
PEOPLE = {
    "ben": Role.SYSTEM_ADMIN,
    "qin": Role.SECURITY_ADMIN,
    "shen": Role.AUDIT_ADMIN,
    "li": Role.OFFICER,
    "wang": Role.INSPECTOR,
    "qian": Role.INSPECTOR,
    "zhao": Role.HANDLER,
}


@pytest.fixture
def api(tmp_path, clock, demo_office):
    shutil.copytree(demo_office[0], tmp_path / "data")
    settings = Settings(data=str(tmp_path / "data"), tick_seconds=0.05, profile="strict")
    password = HASHER.hash(FIRST)
    people = tuple(Person(name, name, (Grant(role, HERE),), password) for name, role in PEOPLE.items())
    with TestClient(build_app(settings, clock), raise_server_exceptions=False) as client:
        api = Api(client, clock, {}, tmp_path / "data")
        client.blocking_portal.call(client.app.state.context.database.transact, lambda _: Change(None, people))
        yield api


def sign_in(api, who, password=OWN, totp=None, **more):
    sent = {"username": who, "password": password, "device": "phone", **more}
    if totp:
        sent["totp"] = totp.at(api.clock.now)
    answer = api.post(None, "/auth/login", sent)
    assert answer.status_code == 200, answer.text
    api.tokens[who] = answer.json()["access_token"]
    return answer.json()


def complete_first_sign_in(api, who):
    """Set an own password and, if required, an authenticator app at the first sign-in; return the app."""
    sign_in(api, who, FIRST)
    problem(api.get(who, "/hazards"), 403, "auth.password_old")
    assert api.get(who, "/me").status_code == 200
    changed = api.post(who, "/auth/password", {"password": FIRST, "new_password": OWN})
    assert changed.status_code == 200, changed.text
    time.sleep(1.1)
    if PEOPLE[who] in {Role.INSPECTOR, Role.HANDLER}:
        return None
    problem(api.get(who, "/people"), 403, "auth.totp_missing")
    totp = pyotp.TOTP(api.post(who, "/me/totp", {"password": OWN}).json()["secret"])
    assert api.post(who, "/me/totp/confirm", {"code": totp.at(api.clock.now)}).status_code == 200
    time.sleep(1.1)
    api.clock.advance(seconds=31)
    return totp


def test_a_person_sets_a_password_and_a_second_factor_before_working(api):
    sign_in(api, "li", FIRST)
    for weak in ("all small letters", "SmallAndCapital", "has li in it Li 1"):
        problem(api.post("li", "/auth/password", {"password": FIRST, "new_password": weak}), 422, "step.needs")
    totp = complete_first_sign_in(api, "li")
    assert api.get("li", "/hazards").status_code == 200
    problem(api.post(None, "/auth/login", {"username": "li", "password": OWN}), 401, "auth.totp_required")
    sign_in(api, "li", totp=totp)


def test_a_password_must_be_changed_after_ninety_days(api):
    complete_first_sign_in(api, "wang")
    assert api.get("wang", "/hazards").status_code == 200
    api.clock.advance(days=90)
    sign_in(api, "wang")
    problem(api.get("wang", "/hazards"), 403, "auth.password_old")


def test_the_three_administrators_have_separate_rights(api):
    for who in ("ben", "qin", "shen"):
        complete_first_sign_in(api, who)
    new = {"username": "sun", "name": "孙某", "password": "Given to them 3"}
    grants = [{"role": "inspector", "scope": HERE}]
    assert api.post("ben", "/people", new).status_code == 201
    problem(api.post("qin", "/people", {**new, "username": "hu"}), 403, "role.forbidden")
    problem(api.post("ben", "/people/sun", {"version": 1, "grants": grants}), 403, "role.forbidden")
    assert api.post("qin", "/people/sun", {"version": 1, "grants": grants}).status_code == 200
    problem(api.post("qin", "/people/sun", {"version": 2, "name": "别名"}), 403, "role.forbidden")
    whole = {"version": 2, "grants": [{"role": "admin", "scope": HERE}]}
    problem(api.post("qin", "/people/sun", whole), 422, "step.needs")
    problem(api.get("ben", "/security/events"), 403, "role.forbidden")
    problem(api.get("qin", "/security/events"), 403, "role.forbidden")
    seen = [(each["event"], each["by"]) for each in api.get("shen", "/security/events").json()["items"]]
    assert {("account.made", "ben"), ("account.changed", "qin"), ("totp.confirmed", "shen")} < set(seen)
    problem(api.post("shen", "/people/sun", {"version": 2, "active": False}), 403, "role.forbidden")


def test_no_administrator_becomes_another_one_alone(api):
    apps = {who: complete_first_sign_in(api, who) for who in ("ben", "qin", "shen")}
    removal = api.post("qin", "/people/shen/totp/remove", None)
    assert (removal.status_code, removal.json()["removes_second_factor"]) == (202, True)
    version = api.get("qin", "/people/shen").json()["version"]
    asked = api.post("qin", "/people/shen", {"version": version, "password": "Stolen from 5hen"})
    assert (asked.status_code, asked.json()["state"]) == (202, "pending"), asked.text
    problem(api.post(None, "/auth/login", {"username": "shen", "password": "Stolen from 5hen"}), 401, "auth.failed")
    sign_in(api, "shen", totp=apps["shen"])
    time.sleep(1.1)
    for second in ("officer", "audit_admin"):
        grants = [{"role": role, "scope": HERE} for role in ("security_admin", second)]
        problem(api.post("qin", "/people/qin", {"version": 1, "grants": grants}), 422, "step.needs")
    problem(api.post("qin", f"/admin-requests/{asked.json()['id']}/confirm", None), 403, "role.forbidden")
    problem(api.post("ben", f"/admin-requests/{removal.json()['id']}/confirm", None), 404, "admin_request.not_found")
    listed = api.get("ben", "/admin-requests").json()["items"]
    assert [(each["username"], each["requested_by"], each["sets_password"]) for each in listed] == [
        ("shen", "qin", True)
    ]  # the newer request has replaced the earlier one
    for _ in range(2):
        done = api.post("ben", f"/admin-requests/{asked.json()['id']}/confirm", None)
        assert (done.status_code, done.json()["state"], done.json()["decided_by"]) == (200, "confirmed", "ben")
    api.clock.advance(seconds=31)
    sign_in(api, "shen", "Stolen from 5hen", totp=apps["shen"])
    problem(api.get("shen", "/security/events"), 403, "auth.password_old")
    changed = api.post("shen", "/auth/password", {"password": "Stolen from 5hen", "new_password": OWN})
    assert changed.status_code == 200, changed.text
    time.sleep(1.1)
    events = [(each["event"], each["by"]) for each in api.get("shen", "/security/events").json()["items"]]
    assert events.count(("admin.requested", "qin")) == 2
    assert events.count(("admin.confirmed", "ben")) == 1


def test_a_request_that_nobody_confirms_within_a_day_is_over(api):
    apps = {who: complete_first_sign_in(api, who) for who in ("ben", "qin")}
    version = api.get("qin", "/people/shen").json()["version"]
    first = api.post("qin", "/people/shen", {"version": version, "password": "Given to them 7"}).json()
    api.clock.advance(hours=24)
    for who in ("ben", "qin"):
        sign_in(api, who, totp=apps[who])
    problem(api.post("ben", f"/admin-requests/{first['id']}/confirm", None), 409, "admin_request.expired")
    second = api.post("qin", "/people/shen", {"version": version, "password": "Given to them 7"}).json()
    rejected = api.post("ben", f"/admin-requests/{second['id']}/reject", None)
    assert (rejected.status_code, rejected.json()["state"]) == (200, "rejected")
    problem(api.post("ben", f"/admin-requests/{second['id']}/confirm", None), 409, "admin_request.rejected")


def test_an_administrator_is_signed_in_on_one_device_only(api):
    totp = complete_first_sign_in(api, "ben")
    before = api.tokens["ben"]
    sign_in(api, "ben", totp=totp)
    time.sleep(1.1)
    problem(api.call(None, "GET", "/me", headers={"Authorization": f"Bearer {before}"}), 401, "auth.required")
    assert api.get("ben", "/people").status_code == 200


def test_five_wrong_passwords_lock_for_half_an_hour(api):
    wrong = {"username": "wang", "password": "Not the one 4"}
    for _ in range(5):
        problem(api.post(None, "/auth/login", wrong), 401, "auth.failed")
    locked = api.post(None, "/auth/login", {"username": "wang", "password": FIRST})
    problem(locked, 429, "auth.too_many")
    assert 1790 < int(locked.headers["retry-after"]) <= 1800
    api.clock.advance(minutes=30)
    sign_in(api, "wang", FIRST)


def test_an_idle_page_is_signed_out_after_half_an_hour_and_a_phone_is_not(api):
    page, phone = sign_in(api, "wang", FIRST, page=True), sign_in(api, "qian", FIRST)
    api.clock.advance(minutes=29)
    page = api.post(None, "/auth/refresh", {"refresh_token": page["refresh_token"]}).json()
    api.clock.advance(minutes=31)
    problem(api.post(None, "/auth/refresh", {"refresh_token": page["refresh_token"]}), 401, "auth.required")
    assert api.post(None, "/auth/refresh", {"refresh_token": phone["refresh_token"]}).status_code == 200


def test_people_who_do_not_handle_a_hazard_see_its_party_masked(api):
    for who in ("li", "wang", "qian"):
        complete_first_sign_in(api, who)
    party = {"kind": "owner", "name": "张三", "phone": "13912341234"}
    hazard = api.report("wang", responsible_party=party)
    for who, shown in (("wang", party), ("li", party), ("qian", {**party, "name": "张*", "phone": "139****1234"})):
        path = f"/hazards/{hazard['id']}"
        assert api.get(who, path).json()["responsible_party"] == shown
        assert api.get(who, "/hazards").json()["items"][0]["responsible_party"] == shown
        assert api.get(who, "/sync").json()["items"][0]["responsible_party"] == shown
        assert api.get(who, f"{path}/history").json()["items"][0]["facts"]["responsible_party"] == shown
        assert ("13912341234" in api.get(who, path).text) is (shown is party)


def test_a_party_that_made_the_fix_itself_is_masked_there_too(api):
    for who in ("li", "wang", "qian", "ben"):
        complete_first_sign_in(api, who)
    party = {"kind": "owner", "name": "张三", "phone": "13912341234"}
    hazard = api.take_step("li", api.report("wang", responsible_party=party), "accept")
    hazard = api.take_step("li", hazard, "assign")
    photos = [{"sha256": api.photo("li"), "stage": "after"}]
    fix = {"method": "清理", "quantity_done": 1, "photos": photos, "on_behalf_of": "张三"}
    api.take_step("li", hazard, "submit_fix", **fix)
    path = f"/hazards/{hazard['id']}"
    assert api.get("qian", path).json()["fixed_by"] == "张*"
    assert "张三" not in api.get("qian", path).text + api.get("qian", f"{path}/history").text
    assert "张三" in api.get("li", f"{path}/history").text
    erasure = {"id": str(uuid.uuid4()), "fields": ["responsible_party"], "reason": "本人要求"}
    assert api.post("ben", f"{path}/erasures", erasure).status_code == 201
    assert api.get("qian", f"{path}/history").status_code == 200


def test_the_strict_profile_does_not_start_with_demo_accounts(tmp_path):
    process = Process(tmp_path / "data", ANXUN_PROFILE="strict")
    with pytest.raises(AssertionError, match="ANXUN_PROFILE=strict"):
        process.start()
    assert "ANXUN_PROFILE=strict" in process.log.read_text()
