"""A code besides the password: from the QR code on the screen to the phone that was lost."""

import asyncio

import pyotp

from api.accounts.authentication import SignIn
from inspections.errors import SignInFailed
from tests.builders.api import PASSWORD, on_both, problem
from tests.builders.passwords import WRONG, comes, hired


def enrolled(api):
    """The app of 秦, and the recovery codes."""
    hired(api)
    comes(api, PASSWORD)
    begun = api.post("phone", "/me/totp", {"password": PASSWORD}).json()
    assert begun["qr"].startswith("<svg")
    app = pyotp.parse_uri(begun["uri"])
    assert (app.name, app.issuer, app.secret) == ("qin", "安巡", begun["secret"])
    confirmed = api.post("phone", "/me/totp/confirm", {"code": app.at(api.clock())})
    assert confirmed.status_code == 200, confirmed.text
    return app, confirmed.json()["recovery_codes"]


def with_code(api, code):
    return api.post(None, "/auth/login", {"username": "qin", "password": PASSWORD, "totp": code})


@on_both
def test_from_the_qr_code_to_the_phone_that_was_lost(api):
    app, recovery = enrolled(api)
    assert api.get("phone", "/me/totp").json() == {"enrolled": True, "recovery_left": 10}
    problem(comes(api, PASSWORD), 401, "auth.totp_required")
    problem(comes(api, WRONG), 401, "auth.failed")  # nobody learns of it without the password
    problem(with_code(api, app.at(api.clock())), 401, "auth.failed")  # shown once already
    api.clock.pass_(seconds=30)
    assert with_code(api, app.at(api.clock())).status_code == 200
    api.clock.pass_(seconds=60)
    assert with_code(api, app.at(api.clock.now.timestamp() - 30)).status_code == 200, "a clock that is slow"
    assert with_code(api, recovery[0].lower().replace("-", " ")).status_code == 200
    problem(with_code(api, recovery[0]), 401, "auth.failed")
    assert api.get("phone", "/me/totp").json()["recovery_left"] == 9
    assert api.post("admin", "/people/qin/totp/remove", None).status_code == 204
    assert comes(api, PASSWORD).status_code == 200


@on_both
def test_of_two_who_show_the_same_code_at_once_one_comes_in(api):
    app, _ = enrolled(api)
    api.clock.pass_(seconds=30)
    code = app.at(api.clock())
    sign_in = api.client.app.state.context.part(SignIn)

    async def both():
        tries = [sign_in.open("qin", PASSWORD, "x", str(at), code) for at in range(3)]
        return await asyncio.gather(*tries, return_exceptions=True)

    answers = api.client.blocking_portal.call(both)
    assert sorted(isinstance(answer, SignInFailed) for answer in answers) == [False, True, True]


def test_who_knows_the_password_cannot_guess_the_code(api):
    enrolled(api)
    for _ in range(5):
        problem(with_code(api, "000000"), 401, "auth.failed")
        if (answer := comes(api, PASSWORD)).status_code == 429:
            break
        problem(answer, 401, "auth.totp_required")  # asking without a code forgives nothing
    problem(with_code(api, "000000"), 429, "auth.too_many")


def test_nor_before_it_is_confirmed(api):
    hired(api)
    comes(api, PASSWORD)
    api.post("phone", "/me/totp", {"password": PASSWORD})
    for _ in range(5):
        problem(api.post("phone", "/me/totp/confirm", {"code": "000000"}), 422, "step.needs")
    problem(api.post("phone", "/me/totp/confirm", {"code": "000000"}), 429, "auth.too_many")


def test_nor_where_the_factor_is_taken_away(api):
    enrolled(api)
    for _ in range(5):
        problem(api.post("phone", "/me/totp/remove", {"password": PASSWORD, "code": "000000"}), 422, "step.needs")
    problem(api.post("phone", "/me/totp/remove", {"password": PASSWORD, "code": "000000"}), 429, "auth.too_many")


def test_it_is_taken_away_with_password_and_code(api):
    _, recovery = enrolled(api)
    problem(api.post("phone", "/me/totp", {"password": PASSWORD}), 409, "totp.enrolled")
    asked = {"password": PASSWORD, "code": recovery[3]}
    problem(api.post("phone", "/me/totp/remove", {**asked, "password": WRONG}), 422, "step.needs")
    problem(api.post("phone", "/me/totp/remove", {**asked, "code": "000000"}), 422, "step.needs")
    assert api.post("phone", "/me/totp/remove", asked).status_code == 204
    assert comes(api, PASSWORD).status_code == 200
    problem(api.post("phone", "/me/totp/remove", asked), 404, "totp.not_found")


def test_strange_codes_are_codes_that_do_not_fit(api):
    enrolled(api)
    for code in ("١٢٣٤٥٦", "１２３４５６", "12345\u0000", "      "):
        assert with_code(api, code).status_code in {400, 401, 422}, code
