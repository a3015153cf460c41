"""Proves that a dashboard's API key reads what analysts may, until it is revoked, and rotates without a gap."""

import time
from uuid import uuid4

from tests.builders.api import HERE, THERE, on_both, problem


def create_key(api, **more):
    asked = {"id": str(uuid4()), "name": "指挥中心大屏", "scope": HERE, "expires_at": "2027-11-01T00:00:00Z", **more}
    answer = api.post("admin", "/keys", asked)
    assert answer.status_code == 201, answer.text
    token = answer.json()["token"]
    assert token.startswith("anxk_")
    api.tokens[token] = token
    return asked, answer.json()["key"], token


@on_both
def test_a_dashboard_sees_numbers_and_neither_names_nor_other_communities(api):
    hazard = api.report("inspector", responsible_party={"kind": "merchant", "name": "某店"})
    api.report("inspector2", community=THERE)
    _, _, token = create_key(api)
    assert api.get(token, "/statistics/communities").json()["total"]["received"] == 1
    (seen,) = api.get(token, "/hazards").json()["items"]
    assert (seen["id"], seen["responsible_party"], seen["reporter"]) == (hazard["id"], None, None)
    problem(api.get(token, f"/statistics/communities?community={THERE}"), 404, "community.not_found")
    problem(api.get(token, f"/photos/{hazard['photos'][0]['sha256']}?size=original"), 404, "photo.not_found")
    problem(api.step(token, hazard, "note", note="…"), 403, "role.forbidden")
    problem(api.get(token, "/people"), 403, "role.forbidden")
    problem(api.get(token, "/keys"), 403, "role.forbidden")
    assert api.get(token, "/me").json()["name"] == "指挥中心大屏"


@on_both
def test_a_rotated_key_works_without_a_gap(api):
    _, key, first = create_key(api)
    assert api.get(first, "/me").status_code == 200
    tokens = [api.post("admin", f"/keys/{key['id']}/rotate", None).json()["token"] for _ in range(3)]
    api.tokens |= {token: token for token in tokens}
    for token in tokens[:2]:
        problem(api.get(token, "/me"), 401, "auth.required")  # the answers of these rotations were lost
    assert [api.get(token, "/me").status_code for token in (first, tokens[2])] == [200, 200]
    again = api.post("admin", f"/keys/{key['id']}/rotate", None).json()
    assert again["key"]["secrets"] == 2
    api.tokens["last"] = again["token"]
    time.sleep(1.1)
    assert [api.get(token, "/me").status_code for token in (first, tokens[2], "last")] == [401, 200, 200]
    assert api.post("admin", f"/keys/{key['id']}/revoke", None).json()["revoked_at"]
    time.sleep(1.1)
    for token in (tokens[2], "last"):
        problem(api.get(token, "/me"), 401, "auth.required")
    problem(api.post("admin", f"/keys/{key['id']}/rotate", None), 404, "key.not_found")


def test_a_key_expires(api):
    _, _, token = create_key(api, expires_at="2026-11-24T00:00:00Z")
    assert api.get(token, "/me").status_code == 200
    api.clock.advance(days=1)
    problem(api.get(token, "/me"), 401, "auth.required")


def test_a_retried_key_request_creates_one_key(api):
    asked, key, _ = create_key(api)
    again = api.post("admin", "/keys", asked)
    assert (again.status_code, again.json()) == (200, {"key": key, "token": None})
    problem(api.post("admin", "/keys", {**asked, "name": "别的"}), 409, "id.conflict")
    for wrong in ({"expires_at": "2028-11-01T00:00:00Z"}, {"expires_at": "2026-11-01T00:00:00Z"}, {"role": "admin"}):
        problem(api.post("admin", "/keys", {**asked, "id": str(uuid4()), **wrong}), 422, "step.needs")
    problem(api.post("admin", "/keys", {**asked, "id": str(uuid4()), "scope": "999"}), 403, "role.forbidden")
    assert [each["id"] for each in api.get("admin", "/keys").json()["items"]] == [key["id"]]


def test_a_key_has_no_password_second_factor_devices_or_inbox(api):
    _, _, token = create_key(api)
    problem(api.post(token, "/auth/password", {"password": "x", "new_password": "x" * 12}), 401, "auth.required")
    problem(api.post(token, "/me/totp", {"password": "x"}), 422, "step.needs")
    assert api.get(token, "/me/devices").json() == {"items": []}
    assert api.get(token, "/inbox").json()["items"] == []
    assert api.post(token, "/auth/logout", None).status_code == 204
    assert api.get(token, "/me").status_code == 200
