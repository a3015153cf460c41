"""Proves that access depends on sign-in, role, community and assignment."""

import asyncio
import hashlib
import threading
import time

import pytest
from litestar import get

from api.accounts.guard import check_routes
from api.accounts.sign_in import authentication
from api.accounts.sign_in.authentication import AttemptOrigin, Authenticator
from api.app import build_app
from api.http.client_address import parse_network
from api.settings import Settings
from inspections.errors import InvalidCredentials, TooManyRequests
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import HERE, MONDAY, PASSWORD, THERE, body, problem
from tests.builders.waiting import PATIENCE, poll_until


@pytest.mark.parametrize("opt", [{}, {"action": "hazard.fly"}])
def test_the_app_does_not_start_with_a_route_without_a_known_action(opt):
    @get("/naked", opt=opt, sync_to_thread=False)
    def naked() -> None: ...

    app = build_app(Settings())
    app.register(naked)
    with pytest.raises(LookupError, match="/naked"):
        check_routes(app)


def test_the_app_does_not_start_with_a_route_that_bypasses_the_guard():
    async def another(_): ...

    @get("/naked", opt={"action": "me"}, sync_to_thread=False, before_request=another)
    def naked() -> None: ...

    app = build_app(Settings())
    app.register(naked)
    with pytest.raises(LookupError, match="/naked"):
        check_routes(app)


def test_the_other_office_sees_nothing(api):
    hazard = api.close_report()
    digest = hazard["photos"][0]["sha256"]
    for who in ("inspector2", "officer2"):
        problem(api.get(who, f"/hazards/{hazard['id']}"), 404, "hazard.not_found")
        problem(api.get(who, f"/hazards/{hazard['id']}/history"), 404, "hazard.not_found")
        problem(api.step(who, hazard, "note", note="…"), 404, "hazard.not_found")
        problem(api.get(who, f"/photos/{digest}"), 404, "photo.not_found")
        assert api.get(who, "/hazards").json()["items"] == []
        assert api.get(who, "/sync").json()["items"] == []
        rows = api.counts(who)
        assert [row["community"] for row in rows["items"]] == [THERE, "330402009029"]
        assert rows["total"]["received"] == 0
        assert {each["code"] for each in api.get(who, "/communities").json()["items"]} == {THERE, "330402009029"}
    assert [each["username"] for each in api.get("officer2", "/people").json()["items"]] == ["inspector2", "officer2"]
    problem(api.get("officer2", "/people", params={"community": HERE}), 404, "community.not_found")


def test_an_uploader_does_not_learn_that_others_sent_the_same_photo(api):
    picture = draw_sample_photo("the same", "EB-01", MONDAY)
    digest = hashlib.sha256(picture).hexdigest()
    sent = [api.call("inspector", "PUT", f"/photos/{digest}", content=picture)]
    poll_until(lambda: api.get("inspector", f"/photos/{digest}").headers["anxun-photo-state"] != "received")
    sent.append(api.call("inspector2", "PUT", f"/photos/{digest}", content=picture))
    assert [answer.status_code for answer in sent] == [201, 201]
    assert sent[0].json() == sent[1].json()
    assert api.call("inspector", "PUT", f"/photos/{digest}", content=picture).json()["state"] == "developed"


def test_a_handler_sees_only_assigned_hazards(api):
    assigned, other = api.assign_report(), api.report("inspector")
    assert [each["id"] for each in api.get("handler", "/hazards").json()["items"]] == [assigned["id"]]
    problem(api.get("handler", f"/hazards/{other['id']}"), 404, "hazard.not_found")
    assert api.get("handler", f"/photos/{assigned['photos'][0]['sha256']}").status_code == 200
    problem(api.get("handler", f"/photos/{other['photos'][0]['sha256']}"), 404, "photo.not_found")
    problem(api.get("handler", "/statistics/communities"), 403, "role.forbidden")
    problem(api.post("handler", "/hazards", body()), 403, "role.forbidden")


def test_an_analyst_sees_no_people_and_no_originals(api):
    party = {"kind": "merchant", "name": "某店", "phone": "0573-1234567"}
    hazard = api.report("inspector", responsible_party=party)
    seen = api.get("analyst", f"/hazards/{hazard['id']}")
    assert "某店" not in seen.text
    assert "inspector" not in seen.text.replace('"source":"inspector"', "")
    assert seen.json()["description"] is None
    digest = hazard["photos"][0]["sha256"]
    assert api.get("analyst", f"/photos/{digest}?size=320").status_code == 200
    problem(api.get("analyst", f"/photos/{digest}"), 404, "photo.not_found")
    problem(api.get("analyst", f"/hazards/{hazard['id']}/history"), 403, "role.forbidden")
    problem(api.step("analyst", hazard, "note", note="…"), 403, "role.forbidden")


def test_an_analyst_cannot_search_fields_that_analysts_may_not_read(api):
    api.assign_report(description="联系电话 13800001111", place="9幢")

    def count_found(who, **query):
        return len(api.get(who, "/hazards", params=query).json()["items"])

    for query in ({"q": "13800001111"}, {"q": "9幢"}, {"assignee": "handler"}):
        assert (count_found("analyst", **query), count_found("officer", **query)) == (0, 1), query
    assert count_found("analyst", q="XJ-2026") == 1


def test_a_handler_loses_access_to_a_returned_hazard(api):
    hazard = api.assign_report()
    digest = hazard["photos"][0]["sha256"]
    hazard = api.take_step("handler", hazard, "attach", photos=[{"sha256": digest, "stage": "after"}])
    assert hazard["missing_photos"] == []
    api.take_step("handler", hazard, "return", reason="非本单位")
    problem(api.get("handler", f"/photos/{digest}"), 404, "photo.not_found")


def test_a_flood_of_sign_ins_is_rate_limited(api, monkeypatch):
    compare, released = authentication.verified, threading.Event()
    monkeypatch.setattr(authentication, "verified", lambda *given: released.wait(PATIENCE) and compare(*given))

    async def flood():
        sign_in = api.client.app.state.context.part(Authenticator)
        origins = [AttemptOrigin(parse_network(f"192.0.2.{at}")) for at in range(60)]
        begun = [sign_in.open_with_password(f"inspector{at}", "wrong", "x", each) for at, each in enumerate(origins)]
        tries = [asyncio.ensure_future(each) for each in begun]
        await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)  # no comparison has ended: this is a refusal
        released.set()
        return await asyncio.gather(*tries, return_exceptions=True)

    answers = {type(answer) for answer in api.client.blocking_portal.call(flood)}
    assert answers == {InvalidCredentials, TooManyRequests}


def test_an_administrator_manages_accounts_and_sees_no_hazard(api):
    hazard = api.report("inspector")
    problem(api.get("admin", "/hazards"), 403, "role.forbidden")
    problem(api.get("admin", f"/hazards/{hazard['id']}"), 403, "role.forbidden")
    found = api.get("admin", "/people", params={"role": "handler", "community": HERE}).json()["items"]
    assert {each["username"] for each in found} == {
        "handler", "handler_community", "handler_school", "handler_street",
    }  # fmt: skip


def log_in(api, username="inspector", password=PASSWORD, **more):
    return api.post(None, "/auth/login", {"username": username, "password": password, **more})


def test_a_person_signs_in_renews_and_signs_out(api):
    answer = log_in(api).json()
    assert answer["expires_in"] == 900
    assert answer["user"]["username"] == "inspector"
    api.tokens["me"] = answer["access_token"]
    assert api.get("me", "/me").json() == answer["user"]
    renewed = api.post(None, "/auth/refresh", {"refresh_token": answer["refresh_token"]}).json()
    assert api.get("me", "/hazards").status_code == 200  # the old token is valid until the new one is used
    api.tokens |= {"me": renewed["access_token"], "before": answer["access_token"]}
    assert api.get("me", "/hazards").status_code == 200
    time.sleep(1.1)  # a token that was replaced is refused within a second
    problem(api.get("before", "/hazards"), 401, "auth.required")
    assert api.call("me", "POST", "/auth/logout").status_code == 204
    problem(api.get("me", "/me"), 401, "auth.required")
    problem(api.post(None, "/auth/refresh", {"refresh_token": renewed["refresh_token"]}), 401, "auth.required")


def test_wrong_names_and_wrong_passwords_look_the_same(api):
    wrong, unknown = log_in(api, password="wrong"), log_in(api, username="nobody")
    assert problem(wrong, 401, "auth.failed") == problem(unknown, 401, "auth.failed")
    problem(log_in(api, password=""), 422, "step.needs")


def test_an_access_token_expires(api):
    assert api.get("inspector", "/me").status_code == 200
    api.clock.advance(minutes=15)
    problem(api.get("inspector", "/me"), 401, "auth.required")


def test_two_requests_of_one_phone_that_renew_at_once_do_not_sign_it_out(api):
    sent = {"username": "inspector", "password": PASSWORD}
    signed = api.post(None, "/auth/login", sent).json()

    def call(path, pair):
        return api.call(None, "GET", path, headers={"Authorization": f"Bearer {pair['access_token']}"})

    def renew(pair):
        return api.post(None, "/auth/refresh", {"refresh_token": pair["refresh_token"]})

    assert call("/inbox", signed).status_code == 200
    first, second = renew(signed).json(), renew(signed).json()
    assert [call("/inbox", pair).status_code for pair in (first, second, first, second)] == [200] * 4
    api.clock.advance(seconds=65)
    renewed = renew(second)
    assert renewed.status_code == 200
    assert call("/inbox", renewed.json()).status_code == 200


def test_a_renewed_pair_used_too_late_is_refused_and_the_other_stays_valid(api):
    signed = api.post(None, "/auth/login", {"username": "inspector", "password": PASSWORD}).json()
    first, late = (api.post(None, "/auth/refresh", {"refresh_token": signed["refresh_token"]}).json() for _ in range(2))
    api.tokens["inspector"] = first["access_token"]
    assert api.get("inspector", "/inbox").status_code == 200
    api.clock.advance(seconds=65)
    problem(api.post(None, "/auth/refresh", {"refresh_token": late["refresh_token"]}), 401, "auth.required")
    assert api.get("inspector", "/inbox").status_code == 200
