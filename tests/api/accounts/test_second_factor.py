"""Proves the second factor: enrolment by QR code, sign-in by code, and recovery from a lost phone."""

import asyncio

import pyotp

from api.accounts.sign_in.authentication import AttemptOrigin, Authenticator
from api.http.client_address import parse_network
from inspections.errors import InvalidCredentials
from tests.builders.api import PASSWORD, on_both, problem
from tests.builders.passwords import WRONG, hire_person, try_password


def enrol(api):
    """Enrol 秦; return the authenticator app and the recovery codes."""
    hire_person(api)
    try_password(api, PASSWORD)
    begun = api.post("phone", "/me/totp", {"password": PASSWORD}).json()
    assert begun["qr"].startswith("<svg")
    app = pyotp.parse_uri(begun["uri"])
    assert (app.name, app.issuer, app.secret) == ("qin", "安巡", begun["secret"])
    confirmed = api.post("phone", "/me/totp/confirm", {"code": app.at(api.clock())})
    assert confirmed.status_code == 200, confirmed.text
    return app, confirmed.json()["recovery_codes"]


def sign_in_with_code(api, code):
    return api.post(None, "/auth/login", {"username": "qin", "password": PASSWORD, "totp": code})


@on_both
def test_a_person_enrols_signs_in_by_code_and_recovers_from_a_lost_phone(api):
    app, recovery = enrol(api)
    assert api.get("phone", "/me/totp").json() == {"enrolled": True, "recovery_left": 10}
    problem(try_password(api, PASSWORD), 401, "auth.totp_required")
    problem(try_password(api, WRONG), 401, "auth.failed")  # a wrong password does not reveal the second factor
    problem(sign_in_with_code(api, app.at(api.clock())), 401, "auth.failed")  # the confirmation used this code
    api.clock.advance(seconds=30)
    assert sign_in_with_code(api, app.at(api.clock())).status_code == 200
    api.clock.advance(seconds=60)
    assert sign_in_with_code(api, app.at(api.clock.now.timestamp() - 30)).status_code == 200, "a clock that is slow"
    assert sign_in_with_code(api, recovery[0].lower().replace("-", " ")).status_code == 200
    problem(sign_in_with_code(api, recovery[0]), 401, "auth.failed")
    assert api.get("phone", "/me/totp").json()["recovery_left"] == 9
    assert api.post("admin", "/people/qin/totp/remove", None).status_code == 204
    assert try_password(api, PASSWORD).status_code == 200


@on_both
def test_a_code_used_several_times_at_once_signs_in_only_once(api):
    app, _ = enrol(api)
    api.clock.advance(seconds=30)
    code = app.at(api.clock())
    sign_in = api.client.app.state.context.part(Authenticator)

    async def both():
        origins = [AttemptOrigin(parse_network(f"192.0.2.{at}")) for at in range(3)]
        tries = [sign_in.open_with_password("qin", PASSWORD, "x", origin, code) for origin in origins]
        return await asyncio.gather(*tries, return_exceptions=True)

    answers = api.client.blocking_portal.call(both)
    assert sorted(isinstance(answer, InvalidCredentials) for answer in answers) == [False, True, True]


def test_code_guesses_at_the_sign_in_are_limited(api):
    enrol(api)
    for _ in range(5):
        problem(sign_in_with_code(api, "000000"), 401, "auth.failed")
        if (answer := try_password(api, PASSWORD)).status_code == 429:
            break
        problem(answer, 401, "auth.totp_required")  # a sign-in without a code does not reset the counter
    problem(sign_in_with_code(api, "000000"), 429, "auth.too_many")


def test_code_guesses_at_the_confirmation_are_limited(api):
    hire_person(api)
    try_password(api, PASSWORD)
    api.post("phone", "/me/totp", {"password": PASSWORD})
    for _ in range(5):
        problem(api.post("phone", "/me/totp/confirm", {"code": "000000"}), 422, "step.needs")
    problem(api.post("phone", "/me/totp/confirm", {"code": "000000"}), 429, "auth.too_many")


def test_code_guesses_at_the_removal_are_limited(api):
    enrol(api)
    for _ in range(5):
        problem(api.post("phone", "/me/totp/remove", {"password": PASSWORD, "code": "000000"}), 422, "step.needs")
    problem(api.post("phone", "/me/totp/remove", {"password": PASSWORD, "code": "000000"}), 429, "auth.too_many")


def test_removing_the_second_factor_needs_password_and_code(api):
    _, recovery = enrol(api)
    problem(api.post("phone", "/me/totp", {"password": PASSWORD}), 409, "totp.enrolled")
    asked = {"password": PASSWORD, "code": recovery[3]}
    problem(api.post("phone", "/me/totp/remove", {**asked, "password": WRONG}), 422, "step.needs")
    problem(api.post("phone", "/me/totp/remove", {**asked, "code": "000000"}), 422, "step.needs")
    assert api.post("phone", "/me/totp/remove", asked).status_code == 204
    assert try_password(api, PASSWORD).status_code == 200
    problem(api.post("phone", "/me/totp/remove", asked), 404, "totp.not_found")


def test_codes_of_odd_characters_are_refused(api):
    enrol(api)
    for code in ("١٢٣٤٥٦", "１２３４５６", "12345\u0000", "      "):
        assert sign_in_with_code(api, code).status_code in {400, 401, 422}, code
