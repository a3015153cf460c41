"""Proves that a supervisor can lend their role: it begins, takes effect, ends by itself or is revoked."""

import time
import uuid

import pytest

from tests.builders.api import HERE, THERE, on_both, problem
from tests.builders.delegations import delegation_request, lend_role
from tests.builders.people import new_person, sign_in_as


@pytest.fixture
def han(api):
    """Create a person without any role of their own, and sign them in."""
    assert api.post("admin", "/people", new_person(grants=[])).status_code == 201
    sign_in_as(api, "han", "correct horse battery")
    return "han"


@on_both
def test_a_lent_role_begins_and_ends_by_itself(api, han):
    hazard = api.report("inspector")
    lend_role(api)
    problem(api.get(han, "/statistics/communities"), 403, "role.forbidden")
    api.clock.advance(minutes=5)
    assert api.counts(han)["total"]["received"] == 1
    assert api.get(han, "/people").status_code == 200
    assert {each["by"] for each in api.get(han, "/me").json()["grants"]} == {"supervisor"}
    api.take_step(han, hazard, "note", note="代为督办")
    lines = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert [(line["by"], line["acting_for"]) for line in lines] == [("inspector", None), ("han", "supervisor")]
    api.clock.advance(minutes=5)
    problem(api.get(han, "/statistics/communities"), 403, "role.forbidden")
    problem(api.get(han, "/me"), 403, "role.forbidden")


@on_both
def test_the_giver_revokes_a_delegation(api, han):
    made = lend_role(api)
    api.clock.advance(minutes=6)
    assert api.get(han, "/people").status_code == 200
    problem(api.call(han, "POST", f"/delegations/{made['id']}/revoke"), 403, "role.forbidden")
    for _ in range(2):
        taken = api.call("supervisor", "POST", f"/delegations/{made['id']}/revoke")
        assert (taken.status_code, taken.json()["revoked_at"]) == (200, "2026-11-23T01:06:00Z")
    time.sleep(1.1)  # a token is remembered for a second
    problem(api.get(han, "/people"), 403, "role.forbidden")


@on_both
def test_a_retried_delegation_gets_the_same_answer(api, han):
    body = delegation_request()
    made = api.post("supervisor", "/delegations", body)
    assert (made.status_code, made.json()["giver"], made.json()["receiver"]) == (201, "supervisor", han)
    again = api.post("supervisor", "/delegations", body)
    assert (again.status_code, again.json()) == (200, made.json())
    refusal = problem(api.post("supervisor", "/delegations", {**body, "to": "officer"}), 409, "id.conflict")
    assert refusal["fields"] == ["to"]


def test_a_lent_role_cannot_be_lent_on(api, han):
    lend_role(api)
    api.clock.advance(minutes=5)
    problem(api.post(han, "/delegations", delegation_request(to="officer")), 403, "role.forbidden")
    for who in ("inspector", "officer", "handler", "analyst", "admin"):
        problem(api.post(who, "/delegations", delegation_request()), 403, "role.forbidden")


@pytest.mark.usefixtures("han")
@pytest.mark.parametrize(
    ("facts", "status", "code", "field"),
    [
        ({"to": "nobody"}, 404, "person.not_found", "to"),
        ({"to": "supervisor"}, 422, "step.needs", "to"),
        ({"scope": THERE}, 422, "step.needs", "scope"),
        ({"role": "admin"}, 422, "step.needs", "role"),
        ({"since": "2026-11-22T00:00:00Z"}, 422, "step.needs", "since"),
        ({"until": "2027-11-22T00:00:00Z"}, 422, "step.needs", "until"),
        ({"until": "2026-11-23T01:00:00Z"}, 422, "step.needs", "until"),
        ({"until": "2026-11-23T01:10:00"}, 422, "step.needs", "until"),
        ({"reason": ""}, 422, "step.needs", "reason"),
    ],
)
def test_an_invalid_delegation_names_the_field(api, facts, status, code, field):
    refusal = problem(api.post("supervisor", "/delegations", delegation_request(**facts)), status, code)
    assert [each["field"] for each in refusal["errors"]] == [field]


def test_giver_receiver_and_administrator_see_a_delegation(api):
    made = lend_role(api, to="officer", scope=HERE)
    api.clock.advance(minutes=11)
    for who in ("supervisor", "officer", "admin"):
        assert api.get(who, "/delegations").json() == {"items": [made]}
    assert api.get("inspector", "/delegations").json() == {"items": []}
    problem(api.call("supervisor", "POST", f"/delegations/{uuid.uuid4()}/revoke"), 404, "delegation.not_found")
    problem(api.call("officer", "POST", f"/delegations/{made['id']}/revoke"), 403, "role.forbidden")
