"""Proves that password guesses are slowed down, and that a new password signs out the other devices."""

import time

from tests.builders.api import PASSWORD, on_both, problem
from tests.builders.passwords import WRONG, hire_person, try_password

NEW = "a longer one, for the new phone"


@on_both
def test_repeated_wrong_passwords_delay_every_later_attempt(api):
    hire_person(api)
    for _ in range(5):
        problem(try_password(api, WRONG), 401, "auth.failed")
    waited = []
    for _ in range(10):
        answer = try_password(api, PASSWORD)
        problem(answer, 429, "auth.too_many")
        waited.append(int(answer.headers["retry-after"]))
        api.clock.advance(seconds=waited[-1])
        problem(try_password(api, WRONG), 401, "auth.failed")
    assert waited == sorted(waited)
    assert (waited[0], waited[3], waited[-1]) == (1, 8, 300)
    api.clock.advance(minutes=6)
    assert try_password(api, PASSWORD).status_code == 200
    for _ in range(5):
        problem(try_password(api, WRONG), 401, "auth.failed")  # the success has reset the counter


def test_an_unknown_username_gets_the_same_answers(api):
    hire_person(api)
    for _ in range(5):
        assert try_password(api, WRONG, "qin").json() == try_password(api, WRONG, "nobody").json()
    for username in ("qin", "nobody"):
        problem(try_password(api, WRONG, username), 429, "auth.too_many")


@on_both
def test_one_address_cannot_try_many_usernames(api):
    for at in range(50):
        problem(try_password(api, WRONG, f"name{at}"), 401, "auth.failed")
    problem(try_password(api, WRONG, "another"), 429, "auth.too_many")
    api.clock.advance(hours=1)
    problem(try_password(api, WRONG, "another"), 401, "auth.failed")


def test_correct_sign_ins_are_never_delayed(api):
    hire_person(api)
    for _ in range(60):
        assert try_password(api, PASSWORD).status_code == 200


@on_both
def test_a_new_password_signs_out_the_other_devices(api):
    hire_person(api)
    try_password(api, PASSWORD, device="old phone")
    try_password(api, PASSWORD, device="new phone")
    change = {"password": PASSWORD, "new_password": NEW}
    problem(api.post("new phone", "/auth/password", {**change, "password": WRONG}), 422, "step.needs")
    problem(api.post("new phone", "/auth/password", {**change, "new_password": PASSWORD}), 422, "step.needs")
    problem(api.post("new phone", "/auth/password", {**change, "new_password": "short"}), 422, "step.needs")
    for _ in range(2):  # the client retries if it loses the answer
        answer = api.post("new phone", "/auth/password", change)
        assert (answer.status_code, answer.json()) == (200, {"unlinked": []})
    time.sleep(1.1)
    problem(api.get("old phone", "/me"), 401, "auth.required")
    assert api.get("new phone", "/me").status_code == 200
    problem(try_password(api, PASSWORD, device="thief"), 401, "auth.failed")
    assert try_password(api, NEW, device="third").status_code == 200


def test_password_guesses_with_a_valid_token_are_limited(api):
    hire_person(api)
    try_password(api, PASSWORD)
    change = {"password": WRONG, "new_password": NEW}
    for _ in range(5):
        problem(api.post("phone", "/auth/password", change), 422, "step.needs")
    problem(api.post("phone", "/auth/password", {**change, "password": PASSWORD}), 429, "auth.too_many")


def test_the_shared_password_of_a_demo_account_cannot_be_changed(api):
    change = {"password": PASSWORD, "new_password": NEW}
    problem(api.post("inspector", "/auth/password", change), 403, "role.forbidden")
