"""Sign-in by WeChat's and 浙政钉's word, against providers that stand in for them on this machine."""

import shutil

import pyotp
import pytest
from litestar.testing import TestClient

from api.accounts.authentication import HASHER
from api.accounts.identity_providers import open_providers
from api.app import build
from api.settings import BadSettings, Settings
from inspections.accounts.people import Grant, Person, Role
from inspections.change import Change
from tests.builders.api import HERE, PASSWORD, Api, problem
from tests.builders.platforms import OWN, Platform
from tests.builders.sink import running


@pytest.fixture
def platform():
    with running(Platform()) as platform:
        yield platform


@pytest.fixture
def api(tmp_path, clock, loaded, platform):
    shutil.copytree(loaded[0], tmp_path / "data")
    at = f"http://app:s3cret%2F@127.0.0.1:{platform.port}"
    words = f"wechat={at}/wx zwding={at}"
    settings = Settings(data=str(tmp_path / "data"), tick_seconds=0.05, sign_in=words, intranet="127.0.0.0/8")
    people = tuple(
        Person(name, name, (Grant(role, HERE),), HASHER.hash(OWN))
        for name, role in (("wang", Role.INSPECTOR), ("li", Role.OFFICER))
    )
    with TestClient(build(settings, clock), raise_server_exceptions=False) as client:
        api = Api(client, clock, dict(loaded[1]), tmp_path / "data")
        client.blocking_portal.call(client.app.state.context.database.transact, lambda _: Change(None, people))
        for person in people:
            answer = api.post(None, "/auth/login", {"username": person.username, "password": OWN})
            api.tokens[person.username] = answer.json()["access_token"]
        yield api


def link(api, who, provider, code, **shown):
    return api.post(who, f"/me/identities/{provider}", {"code": code, **(shown or {"password": OWN})})


def come(api, code, provider="wechat"):
    return api.post(None, f"/auth/external/{provider}", {"code": code})


@pytest.mark.parametrize("provider", ["wechat", "zwding"])
def test_who_has_linked_their_account_comes_in_without_a_password(api, provider):
    problem(come(api, "code-wang", provider), 401, "auth.not_linked")
    assert link(api, "wang", provider, "code-wang").status_code == 200
    came = api.post(None, f"/auth/external/{provider}", {"code": "code-wang", "device": "浙政钉"})
    assert came.status_code == 200, came.text
    assert came.json()["user"]["username"] == "wang"
    api.tokens["phone"] = came.json()["access_token"]
    listed = api.get("phone", "/me/identities").json()
    assert ([each["provider"] for each in listed["items"]], listed["providers"]) == ([provider], ["wechat", "zwding"])
    problem(come(api, "made up", provider), 401, "auth.failed")
    assert api.post("wang", f"/me/identities/{provider}/remove", None).status_code == 204
    problem(come(api, "code-wang", provider), 401, "auth.not_linked")


def test_nobody_takes_a_name_that_is_linked_already(api):
    assert link(api, "wang", "wechat", "code-wang").status_code == 200
    problem(link(api, "li", "wechat", "code-wang"), 409, "identity.taken")
    problem(link(api, "officer", "wechat", "code-li", password=PASSWORD), 403, "role.forbidden")


def test_a_token_alone_links_nothing_and_guesses_cost_time(api):
    problem(api.post("wang", "/me/identities/wechat", {"code": "code-wang"}), 403, "auth.confirm_needed")
    problem(link(api, "wang", "other", "code-wang"), 404, "provider.not_found")
    for shown in ({"password": "a guess"}, {"totp": "123456"}, {"password": OWN, "totp": "123456"}):
        said = problem(link(api, "wang", "wechat", "code-wang", **shown), 422, "step.needs")
        assert [each["field"] for each in said["errors"]] == [list(shown)[-1]]
    for _ in range(2):
        problem(link(api, "wang", "wechat", "code-wang", password="a guess"), 422, "step.needs")
    problem(link(api, "wang", "wechat", "code-wang"), 429, "auth.too_many")
    assert logged(api, "sign_in.failed") == [
        {"wrong": wrong} for wrong in ("password", "password", "totp", "totp", "password")
    ]
    problem(come(api, "code-wang"), 401, "auth.not_linked")


def test_who_shows_who_they_are_wins_no_guesses_back(api):
    for _ in range(4):
        problem(link(api, "wang", "wechat", "code-wang", password="a guess"), 422, "step.needs")
    assert link(api, "wang", "wechat", "code-wang").status_code == 200
    problem(link(api, "wang", "wechat", "code-wang", password="a guess"), 422, "step.needs")
    problem(link(api, "wang", "wechat", "code-wang"), 429, "auth.too_many")


def logged(api, event):
    """The facts of the lines about this, the newest first."""
    items = api.get("admin", "/security/events").json()["items"]
    return [each["facts"] for each in items if each["event"] == event]


def test_an_administrator_sees_what_is_linked_and_removes_it(api):
    for provider in ("wechat", "zwding"):
        assert link(api, "wang", provider, "code-wang").status_code == 200
    listed = api.get("admin", "/people/wang/identities").json()["items"]
    assert [each["provider"] for each in listed] == ["wechat", "zwding"]
    for _ in range(2):
        assert api.post("admin", "/people/wang/identities/wechat/remove", None).status_code == 204
    problem(come(api, "code-wang"), 401, "auth.not_linked")
    assert come(api, "code-wang", "zwding").status_code == 200
    assert logged(api, "identity.unlinked") == [{"unlinked": "wechat"}]
    assert logged(api, "identity.linked") == [{"provider": "zwding"}, {"provider": "wechat"}]


def test_whoever_had_the_token_is_gone_after_a_reset_and_it_is_told_what_went(api):
    """A thief who knows password and token links their own account; the owner's reset ends that, and says so."""
    assert link(api, "wang", "wechat", "code-thief").status_code == 200
    assert come(api, "code-thief").status_code == 200
    ended = api.post("wang", "/auth/password", {"password": OWN, "new_password": "another one of their own"})
    assert (ended.status_code, ended.json()) == (200, {"unlinked": ["wechat"]})
    problem(come(api, "code-thief"), 401, "auth.not_linked")
    assert [facts["unlinked"] for facts in logged(api, "password.changed")] == ["wechat"]
    shown = {"password": "another one of their own"}
    assert link(api, "wang", "wechat", "code-thief", **shown).status_code == 200
    ended = api.post("admin", "/people/wang/devices/revoke", None)
    assert ended.json() == {"devices": 1, "unlinked": ["wechat"]}
    assert [facts["unlinked"] for facts in logged(api, "devices.revoked")] == ["wechat"]
    problem(come(api, "code-thief"), 401, "auth.not_linked")


def test_the_second_factor_is_asked_for_here_too(api, clock):
    assert link(api, "li", "wechat", "code-li").status_code == 200
    totp = pyotp.TOTP(api.post("li", "/me/totp", {"password": OWN}).json()["secret"])
    assert api.post("li", "/me/totp/confirm", {"code": totp.at(clock.now)}).status_code == 200
    clock.pass_(seconds=31)
    problem(api.post(None, "/auth/external/wechat", {"code": "code-li"}), 401, "auth.totp_required")
    assert api.post(None, "/auth/external/wechat", {"code": "code-li", "totp": totp.at(clock.now)}).status_code == 200
    problem(link(api, "li", "wechat", "code-li", totp=totp.at(clock.now)), 422, "step.needs")  # it was used
    clock.pass_(seconds=31)
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
def test_a_provider_that_fails_is_a_503_and_never_an_account(api, platform, provider, says):
    platform.says = says
    problem(api.post(None, f"/auth/external/{provider}", {"code": "code-wang"}), 503, "auth.provider_unavailable")


def test_who_guesses_codes_waits_longer_and_longer_and_others_do_not(api):
    for _ in range(5):
        problem(api.post(None, "/auth/external/wechat", {"code": "guess"}), 401, "auth.failed")
    problem(api.post(None, "/auth/external/wechat", {"code": "guess"}), 429, "auth.too_many")
    problem(api.post(None, "/auth/external/other", {"code": "guess"}), 404, "provider.not_found")


@pytest.mark.parametrize(
    "words", ["wechat=https://host", "other=https://a:b@host", "wechat", "wechat=https://a:b@", "wechat=ftp://a:b@h"]
)
def test_a_provider_that_is_not_whole_is_refused_at_the_start(words):
    with pytest.raises(BadSettings):
        open_providers(Settings(sign_in=words))
