"""Who guesses a password waits longer and longer; who knows it changes it, and is alone afterwards."""

import time

from tests.builders.api import PASSWORD, on_both, problem
from tests.builders.passwords import WRONG, comes, hired

NEW = "a longer one, for the new phone"


@on_both
def test_who_guesses_waits_and_so_does_whoever_comes_then(api):
    hired(api)
    for _ in range(5):
        problem(comes(api, WRONG), 401, "auth.failed")
    waited = []
    for _ in range(10):
        answer = comes(api, PASSWORD)
        problem(answer, 429, "auth.too_many")
        waited.append(int(answer.headers["retry-after"]))
        api.clock.pass_(seconds=waited[-1])
        problem(comes(api, WRONG), 401, "auth.failed")
    assert waited == sorted(waited)
    assert (waited[0], waited[3], waited[-1]) == (1, 8, 300)
    api.clock.pass_(minutes=6)
    assert comes(api, PASSWORD).status_code == 200
    for _ in range(5):
        problem(comes(api, WRONG), 401, "auth.failed")  # what was before is forgiven


def test_a_name_that_nobody_has_is_told_the_same(api):
    hired(api)
    for _ in range(5):
        assert comes(api, WRONG, "qin").json() == comes(api, WRONG, "nobody").json()
    for username in ("qin", "nobody"):
        problem(comes(api, WRONG, username), 429, "auth.too_many")


@on_both
def test_one_address_does_not_try_all_the_names(api):
    for at in range(50):
        problem(comes(api, WRONG, f"name{at}"), 401, "auth.failed")
    problem(comes(api, WRONG, "another"), 429, "auth.too_many")
    api.clock.pass_(hours=1)
    problem(comes(api, WRONG, "another"), 401, "auth.failed")


def test_an_office_that_signs_in_right_never_waits(api):
    hired(api)
    for _ in range(60):
        assert comes(api, PASSWORD).status_code == 200


@on_both
def test_a_new_password_leaves_this_device_alone(api):
    hired(api)
    comes(api, PASSWORD, device="old phone")
    comes(api, PASSWORD, device="new phone")
    change = {"password": PASSWORD, "new_password": NEW}
    problem(api.post("new phone", "/auth/password", {**change, "password": WRONG}), 422, "step.needs")
    problem(api.post("new phone", "/auth/password", {**change, "new_password": PASSWORD}), 422, "step.needs")
    problem(api.post("new phone", "/auth/password", {**change, "new_password": "short"}), 422, "step.needs")
    for _ in range(2):  # the answer may be lost
        answer = api.post("new phone", "/auth/password", change)
        assert (answer.status_code, answer.json()) == (200, {"unlinked": []})
    time.sleep(1.1)
    problem(api.get("old phone", "/me"), 401, "auth.required")
    assert api.get("new phone", "/me").status_code == 200
    problem(comes(api, PASSWORD, device="thief"), 401, "auth.failed")
    assert comes(api, NEW, device="third").status_code == 200


def test_who_holds_a_token_cannot_guess_the_password_behind_it(api):
    hired(api)
    comes(api, PASSWORD)
    change = {"password": WRONG, "new_password": NEW}
    for _ in range(5):
        problem(api.post("phone", "/auth/password", change), 422, "step.needs")
    problem(api.post("phone", "/auth/password", {**change, "password": PASSWORD}), 429, "auth.too_many")


def test_what_many_were_told_is_not_changed_by_one_of_them(api):
    change = {"password": PASSWORD, "new_password": NEW}
    problem(api.post("inspector", "/auth/password", change), 403, "role.forbidden")
