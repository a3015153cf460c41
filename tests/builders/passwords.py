"""Adds people and tries passwords for them."""

from tests.builders.api import HERE, PASSWORD

WRONG = "not this one either"


def hire_person(api, username="qin"):
    grants = [{"role": "inspector", "scope": HERE}]
    made = api.post("admin", "/people", {"username": username, "name": "秦", "password": PASSWORD, "grants": grants})
    assert made.status_code == 201


def try_password(api, password, username="qin", device="phone", headers=(), **more):
    credentials = {"username": username, "password": password, "device": device, **more}
    answer = api.post(None, "/auth/login", credentials, headers=headers)
    if answer.status_code == 200:
        api.tokens[device] = answer.json()["access_token"]
    return answer
