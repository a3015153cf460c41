"""Proves sign-in through WeChat and 浙政钉, against fake providers on this machine."""

import shutil

import pyotp
import pytest
from litestar.testing import TestClient

from api.accounts.sign_in.authentication import HASHER
from api.accounts.sign_in.identity_providers import open_providers
from api.app import build_app
from api.settings import BadSettings, Settings
from inspections.accounts.people import Grant, Person, Role
from inspections.change import Change
from tests.builders.api import HERE, PASSWORD, Api, problem
from tests.builders.platforms import OWN, Platform
from tests.builders.sink import run_server


@pytest.fixture
def platform():
    with run_server(Platform()) as platform:
        yield platform


@pytest.fixture
def api(tmp_path, clock, demo_office, platform):
    shutil.copytree(demo_office[0], tmp_path / "data")
    at = f"http://app:s3cret%2F@127.0.0.1:{platform.port}"
    words = f"wechat={at}/wx zwding={at}"
    settings = Settings(data=str(tmp_path / "data"), tick_seconds=0.05, sign_in=words, intranet="127.0.0.0/8")
    people = tuple(
        Person(name, name, (Grant(role, HERE),), HASHER.hash(OWN))
        for name, role in (("wang", Role.INSPECTOR), ("li", Role.OFFICER))
    )
    with TestClient(build_app(settings, clock), raise_server_exceptions=False) as client:
        api = Api(client, clock, dict(demo_office[1]), tmp_path / "data")
        client.blocking_portal.call(client.app.state.context.database.transact, lambda _: Change(None, people))
        for person in people:
            answer = api.post(None, "/auth/login", {"username": person.username, "password": OWN})
            api.tokens[person.username] = answer.json()["access_token"]
        yield api


def link(api, who, provider, code, **shown):
    return api.post(who, f"/me/identities/{provider}", {"code": code, **(shown or {"password": OWN})})


def sign_in_externally(api, code, provider="wechat"):
    return api.post(None, f"/auth/external/{provider}", {"code": code})


@pytest.mark.parametrize("provider", ["wechat", "zwding"])
def test_a_linked_account_signs_in_without_a_password(api, provider):
    problem(sign_in_externally(api, "code-wang", provider), 401, "auth.not_linked")
    assert link(api, "wang", provider, "code-wang").status_code == 200
    came = api.post(None, f"/auth/external/{provider}", {"code": "code-wang", "device": "浙政钉"})
    assert came.status_code == 200, came.text
    assert came.json()["user"]["username"] == "wang"
    api.tokens["phone"] = came.json()["access_token"]
    listed = api.get("phone", "/me/identities").json()
    assert ([each["provider"] for each in listed["items"]], listed["providers"]) == ([provider], ["wechat", "zwding"])
    problem(sign_in_externally(api, "made up", provider), 401, "auth.failed")
    assert api.post("wang", f"/me/identities/{provider}/remove", None).status_code == 204
    problem(sign_in_externally(api, "code-wang", provider), 401, "auth.not_linked")


def test_an_identity_cannot_be_linked_to_a_second_account(api):
    assert link(api, "wang", "wechat", "code-wang").status_code == 200
    problem(link(api, "li", "wechat", "code-wang"), 409, "identity.taken")
    problem(link(api, "officer", "wechat", "code-li", password=PASSWORD), 403, "role.forbidden")


def test_linking_needs_a_password_or_code_and_guesses_are_slowed_down(api):
    problem(api.post("wang", "/me/identities/wechat", {"code": "code-wang"}), 403, "auth.confirm_needed")
    problem(link(api, "wang", "other", "code-wang"), 404, "provider.not_found")
    for shown in ({"password": "a guess"}, {"totp": "123456"}, {"password": OWN, "totp": "123456"}):
        refusal = problem(link(api, "wang", "wechat", "code-wang", **shown), 422, "step.needs")
        assert [each["field"] for each in refusal["errors"]] == [list(shown)[-1]]
    for _ in range(2):
        problem(link(api, "wang", "wechat", "code-wang", password="a guess"), 422, "step.needs")
    problem(link(api, "wang", "wechat", "code-wang"), 429, "auth.too_many")
    assert logged_facts(api, "sign_in.failed") == [
        {"wrong": wrong} for wrong in ("password", "password", "totp", "totp", "password")
    ]
    problem(sign_in_externally(api, "code-wang"), 401, "auth.not_linked")


def test_a_right_password_does_not_reset_the_attempts_of_linking(api):
    for _ in range(4):
        problem(link(api, "wang", "wechat", "code-wang", password="a guess"), 422, "step.needs")
    assert link(api, "wang", "wechat", "code-wang").status_code == 200
    problem(link(api, "wang", "wechat", "code-wang", password="a guess"), 422, "step.needs")
    problem(link(api, "wang", "wechat", "code-wang"), 429, "auth.too_many")


def test_newcomers_with_codes_that_the_provider_vouches_for_lock_nobody_out(api, platform):
    platform.people |= {f"code-{at}": f"o-{at}" for at in range(20)}
    for at in range(20):
        problem(sign_in_externally(api, f"code-{at}"), 401, "auth.not_linked")
    assert link(api, "wang", "wechat", "code-wang").status_code == 200
    assert sign_in_externally(api, "code-wang").status_code == 200


def test_wrong_codes_of_an_office_slow_down_its_address_as_wrong_passwords_do(api):
    for at in range(50):
        problem(sign_in_externally(api, f"wrong-{at}"), 401, "auth.failed")
    problem(sign_in_externally(api, "code-wang"), 429, "auth.too_many")
    problem(api.post(None, "/auth/external/other", {"code": "guess"}), 404, "provider.not_found")


def test_a_failure_of_the_provider_is_nobody_s_attempt(api, platform):
    platform.says = (500, {})
    for at in range(60):
        problem(sign_in_externally(api, f"code-{at}"), 503, "auth.provider_unavailable")


def test_guesses_of_the_second_factor_after_a_provider_s_code_are_slowed_down(api, clock):
    assert link(api, "li", "wechat", "code-li").status_code == 200
    totp = pyotp.TOTP(api.post("li", "/me/totp", {"password": OWN}).json()["secret"])
    assert api.post("li", "/me/totp/confirm", {"code": totp.at(clock.now)}).status_code == 200
    for _ in range(5):
        problem(api.post(None, "/auth/external/wechat", {"code": "code-li", "totp": "12345x"}), 401, "auth.failed")
    clock.advance(seconds=31)
    right = {"code": "code-li", "totp": totp.at(clock.now)}
    for _ in range(5):
        if api.post(None, "/auth/external/wechat", {**right, "totp": "12345x"}).status_code == 429:
            break
    problem(api.post(None, "/auth/external/wechat", right), 429, "auth.too_many")


def logged_facts(api, event):
    """Return the facts of the log lines about this event, the newest first."""
    items = api.get("admin", "/security/events").json()["items"]
    return [each["facts"] for each in items if each["event"] == event]


def test_an_administrator_lists_and_removes_linked_identities(api):
    for provider in ("wechat", "zwding"):
        assert link(api, "wang", provider, "code-wang").status_code == 200
    listed = api.get("admin", "/people/wang/identities").json()["items"]
    assert [each["provider"] for each in listed] == ["wechat", "zwding"]
    for _ in range(2):
        assert api.post("admin", "/people/wang/identities/wechat/remove", None).status_code == 204
    problem(sign_in_externally(api, "code-wang"), 401, "auth.not_linked")
    assert sign_in_externally(api, "code-wang", "zwding").status_code == 200
    assert logged_facts(api, "identity.unlinked") == [{"unlinked": "wechat"}]
    assert logged_facts(api, "identity.linked") == [{"provider": "zwding"}, {"provider": "wechat"}]


def test_a_reset_unlinks_a_thief_s_identity_and_reports_it(api):
    """A thief who knows password and token links their own account; the owner's reset ends that, and says so."""
    assert link(api, "wang", "wechat", "code-thief").status_code == 200
    assert sign_in_externally(api, "code-thief").status_code == 200
    ended = api.post("wang", "/auth/password", {"password": OWN, "new_password": "another one of their own"})
    assert (ended.status_code, ended.json()) == (200, {"unlinked": ["wechat"]})
    problem(sign_in_externally(api, "code-thief"), 401, "auth.not_linked")
    assert [facts["unlinked"] for facts in logged_facts(api, "password.changed")] == ["wechat"]
    shown = {"password": "another one of their own"}
    assert link(api, "wang", "wechat", "code-thief", **shown).status_code == 200
    ended = api.post("admin", "/people/wang/devices/revoke", None)
    assert ended.json() == {"devices": 1, "unlinked": ["wechat"]}
    assert [facts["unlinked"] for facts in logged_facts(api, "devices.revoked")] == ["wechat"]
    problem(sign_in_externally(api, "code-thief"), 401, "auth.not_linked")


def test_external_sign_in_asks_for_the_second_factor(api, clock):
    assert link(api, "li", "wechat", "code-li").status_code == 200
    totp = pyotp.TOTP(api.post("li", "/me/totp", {"password": OWN}).json()["secret"])
    assert api.post("li", "/me/totp/confirm", {"code": totp.at(clock.now)}).status_code == 200
    clock.advance(seconds=31)
    problem(api.post(None, "/auth/external/wechat", {"code": "code-li"}), 401, "auth.totp_required")
    assert api.post(None, "/auth/external/wechat", {"code": "code-li", "totp": totp.at(clock.now)}).status_code == 200
    problem(link(api, "li", "wechat", "code-li", totp=totp.at(clock.now)), 422, "step.needs")  # a used code
    clock.advance(seconds=31)
    assert link(api, "li", "wechat", "code-li", totp=totp.at(clock.now)).status_code == 200


@pytest.mark.parametrize(
    "says",
    [
        (500, {}),
        (302, {}),
        (200, b"no json"),
        (200, b"[" * 3000),
        (200, [1]),
        (200, {"openid": ["o"]}),
        (200, {"openid": "o" * 201}),
        (200, {"errcode": -1, "errmsg": "system busy"}),
        (200, b'{"openid": "\xff"}'),
    ],
)
@pytest.mark.parametrize("provider", ["wechat", "zwding"])
def test_a_failing_provider_gives_503_and_signs_nobody_in(api, platform, provider, says):
    platform.says = says
    problem(api.post(None, f"/auth/external/{provider}", {"code": "code-wang"}), 503, "auth.provider_unavailable")


@pytest.mark.parametrize(
    "words", ["wechat=https://host", "other=https://a:b@host", "wechat", "wechat=https://a:b@", "wechat=ftp://a:b@h"]
)
def test_an_incomplete_provider_setting_is_refused_at_the_start(words):
    with pytest.raises(BadSettings):
        open_providers(Settings(sign_in=words))
