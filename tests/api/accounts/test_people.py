"""Proves that accounts can be created, changed, deactivated and erased over HTTP."""

import time

import pytest

from tests.builders.api import HERE, PASSWORD, THERE, on_both, problem
from tests.builders.people import INSPECTOR, new_person, sign_in_as


@on_both
def test_a_retried_account_request_creates_one_working_account(api):
    made = api.post("admin", "/people", new_person())
    assert made.status_code == 201, made.text
    account = {"username": "han", "name": "韩", "grants": [INSPECTOR], "active": True, "version": 1, "email": None}
    assert made.json() == account
    again = api.post("admin", "/people", new_person())
    assert (again.status_code, again.json()) == (200, made.json())
    refusal = problem(api.post("admin", "/people", new_person(password="another password")), 409, "id.conflict")
    assert refusal["fields"] == []
    sign_in_as(api, "han", "correct horse battery")
    assert api.report("han")["reporter"] == "han"
    assert api.get("admin", "/people/han").json() == made.json()


@on_both
def test_a_change_with_an_old_version_is_refused(api):
    api.post("admin", "/people", new_person())
    change = {"version": 1, "name": "韩梅", "grants": [INSPECTOR, {"role": "officer", "scope": HERE}]}
    after = api.post("admin", "/people/han", change)
    assert after.status_code == 200, after.text
    assert (after.json()["name"], after.json()["version"]) == ("韩梅", 2)
    assert api.post("admin", "/people/han", change).json() == after.json()
    problem(api.post("admin", "/people/han", {"version": 1, "name": "韩雪"}), 409, "person.stale")


@on_both
def test_a_deactivated_account_is_signed_out_within_a_second(api):
    api.post("admin", "/people", new_person())
    refresh = sign_in_as(api, "han", "correct horse battery").json()["refresh_token"]
    assert api.get("han", "/me").status_code == 200
    assert not api.post("admin", "/people/han", {"version": 1, "active": False}).json()["active"]
    time.sleep(1.1)  # a token is remembered for a second
    problem(api.get("han", "/me"), 401, "auth.required")
    problem(api.post(None, "/auth/refresh", {"refresh_token": refresh}), 401, "auth.required")
    sign_in_as(api, "han", "correct horse battery", status=401)
    listed = api.get("admin", "/people", params={"active": "false"}).json()["items"]
    assert [each["username"] for each in listed] == ["han"]
    assert api.post("admin", "/people/han", {"version": 2, "active": True}).json()["active"]
    problem(api.get("han", "/me"), 401, "auth.required")  # the old session stays ended
    sign_in_as(api, "han", "correct horse battery")


@on_both
def test_a_new_password_ends_the_sessions_of_the_old_one(api):
    api.post("admin", "/people", new_person())
    sign_in_as(api, "han", "correct horse battery")
    change = {"version": 1, "password": "a much better password"}
    assert api.post("admin", "/people/han", change).json()["version"] == 2
    assert api.post("admin", "/people/han", change).json()["version"] == 2
    problem(api.get("han", "/me"), 401, "auth.required")
    sign_in_as(api, "han", "correct horse battery", status=401)
    sign_in_as(api, "han", "a much better password")


@on_both
def test_a_name_is_erased_and_the_history_stays(api):
    api.post("admin", "/people", new_person())
    sign_in_as(api, "han", "correct horse battery")
    hazard = api.report("han")
    erased = api.post("admin", "/people/han", {"version": 1, "erase": True}).json()
    assert (erased["name"], erased["active"]) == ("（已删除）", False)
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert [line["by"] for line in lines] == ["han"]
    sign_in_as(api, "han", "correct horse battery", status=401)
    problem(api.post("admin", "/people/han", {"version": 2, "active": True}), 409, "person.erased")
    problem(api.post("admin", "/people/han", {"version": 2, "erase": True, "name": "韩"}), 422, "step.needs")


@on_both
def test_the_last_administrator_cannot_be_removed(api):
    known = api.get("admin", "/people/admin").json()
    problem(api.post("admin", "/people/admin", {"version": known["version"], "grants": []}), 409, "person.last_admin")
    problem(api.post("admin", "/people/admin", {"version": 1, "active": False}), 409, "person.last_admin")
    assert api.post("admin", "/people", new_person(grants=[{"role": "admin", "scope": HERE}])).status_code == 201
    assert api.post("admin", "/people/admin", {"version": 1, "grants": [INSPECTOR]}).status_code == 200


def test_only_administrators_manage_accounts_and_only_their_own(api):
    for who in ("inspector", "officer", "handler", "supervisor", "analyst"):
        problem(api.post(who, "/people", new_person()), 403, "role.forbidden")
        problem(api.post(who, "/people/inspector", {"version": 1, "name": "x"}), 403, "role.forbidden")
        problem(api.get(who, "/people/inspector"), 403, "role.forbidden")
    problem(
        api.post("admin", "/people", new_person(grants=[{"role": "officer", "scope": THERE}])), 403, "role.forbidden"
    )
    problem(api.post("admin", "/people", new_person(grants=[{"role": "officer", "scope": ""}])), 403, "role.forbidden")
    problem(api.post("admin", "/people/officer2", {"version": 1, "name": "x"}), 404, "person.not_found")
    problem(api.get("admin", "/people/nobody"), 404, "person.not_found")
    problem(api.post("admin", "/people", new_person(username="officer2")), 409, "id.taken")


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"username": "system"}, "username"),
        ({"username": "Hän"}, "username"),
        ({"password": "short"}, "password"),
        ({"name": ""}, "name"),
        ({"grants": [{"role": "king", "scope": HERE}]}, "grants[0].role"),
        ({"grants": [{"role": "officer", "scope": HERE, "until": "tomorrow"}]}, "grants[0].until"),
        ({"active": True}, "active"),
    ],
)
def test_an_invalid_account_names_the_field(api, facts, field):
    refusal = problem(api.post("admin", "/people", new_person(**facts)), 422, "step.needs")
    assert [each["field"] for each in refusal["errors"]] == [field]


@on_both
def test_a_grant_for_a_period_begins_and_ends_without_signing_in_again(api):
    period = {"since": "2026-11-23T01:05:00Z", "until": "2026-11-23T01:10:00Z"}
    api.post("admin", "/people", new_person(grants=[INSPECTOR, {"role": "officer", "scope": HERE, **period}]))
    sign_in_as(api, "han", "correct horse battery")
    hazard = api.report("inspector")
    problem(api.step("han", hazard, "reject", reason="不属实"), 403, "role.forbidden")
    assert api.get("han", "/me").json()["grants"] == [INSPECTOR]
    api.clock.advance(minutes=5)
    assert [each["role"] for each in api.get("han", "/me").json()["grants"]] == ["inspector", "officer"]
    officers = api.get("admin", "/people", params={"role": "officer", "community": HERE}).json()["items"]
    assert "han" in [each["username"] for each in officers]
    api.take_step("han", hazard, "accept")
    api.clock.advance(minutes=5)
    problem(api.get("han", "/people"), 403, "role.forbidden")
    officers = api.get("admin", "/people", params={"role": "officer"}).json()["items"]
    assert "han" not in [each["username"] for each in officers]
    assert len(api.get("admin", "/people/han").json()["grants"]) == 2


def test_an_administrator_who_may_not_set_a_password_learns_nothing_about_it(api, monkeypatch):
    api.post("admin", "/people", new_person())
    far = {"username": "han", "name": "韩", "password": "…", "grants": [{"role": "inspector", "scope": THERE}]}
    tries = [
        (lambda password: ("/people", {**far, "password": password}), 403),
        (lambda password: ("/people", new_person(name="寒", password=password)), 409),
        (lambda password: ("/people", new_person(username="inspector2", password=password)), 409),
        (lambda password: ("/people/inspector2", {"version": 1, "password": password}), 404),
        (lambda password: ("/people/inspector2", {"version": 0, "password": password}), 422),
    ]
    compared = []
    monkeypatch.setattr("api.accounts.sign_in.authentication.verified", lambda *given: compared.append(given) or True)
    for ask, status in tries:
        answers = [api.post("admin", *ask(password)) for password in ("correct horse battery", PASSWORD)]
        assert [each.status_code for each in answers] == [status] * 2
        assert answers[0].json() == answers[1].json()
        assert "password" not in answers[0].json().get("fields", [])
    assert compared == []


@pytest.mark.parametrize(
    ("path", "guess"),
    [
        ("/people", lambda word: new_person(password=word)),
        ("/people/han", lambda word: {"version": 2, "password": word}),
    ],
)
def test_an_administrator_s_password_guesses_are_limited_as_at_the_sign_in(api, path, guess):
    api.post("admin", "/people", new_person())
    api.post("admin", "/people/han", {"version": 1, "name": "韩梅"})
    api.post("admin", "/people/han", {"version": 2, "name": "韩"})
    statuses = [api.post("admin", path, guess(f"a wrong password {number}")).status_code for number in range(8)]
    assert (statuses[0], statuses[-1]) == (409, 429)
    lines = api.get("admin", "/security/events").json()["items"]
    assert sum((each["event"], each["by"], each["about"]) == ("sign_in.failed", "admin", "han") for each in lines) == 5


def test_a_retried_password_change_is_applied_once(api):
    api.post("admin", "/people", new_person())
    change = {"version": 1, "password": "a much better password"}
    first = api.post("admin", "/people/han", change).json()
    again = api.post("admin", "/people/han", change)
    assert (again.status_code, again.json()) == (200, first)
