"""Proves sign-in through WeChat and 浙政钉, against fake providers on this machine."""

from itertools import count

import pyotp
import pytest
from sqlalchemy import select

from api.accounts.sign_in.authentication import HASHER
from api.accounts.sign_in.identity_providers import IdentityProviders, open_providers
from api.process.scheduler import run_expiry_cleanup
from api.settings import BadSettings, Settings
from inspections.accounts.external_identities import EXCHANGED_CODE_LIFETIME
from inspections.accounts.people import Grant, Person, Role
from inspections.change import Change
from storage.accounts.tables import exchanged_codes
from tests.builders.addresses import FromManyAddresses
from tests.builders.api import HERE, PASSWORD, on_both, problem
from tests.builders.platforms import OWN, Platform
from tests.builders.sink import run_server


@pytest.fixture
def platform():
    with run_server(Platform()) as platform:
        yield platform


NUMBERS = count()


@pytest.fixture
def api(api, platform):
    """Give the application both providers, two people who are not of the demo office, and clients of many addresses."""
    context, call = api.client.app.state.context, api.client.blocking_portal.call
    at = f"http://app:s3cret%2F@127.0.0.1:{platform.port}"
    settings = Settings(sign_in=f"wechat={at}/wx zwding={at}", intranet="127.0.0.0/8")
    context.part(IdentityProviders).update(call(open_providers, settings))
    people = tuple(
        Person(name, name, (Grant(role, HERE),), HASHER.hash(OWN))
        for name, role in (("wang", Role.INSPECTOR), ("li", Role.OFFICER))
    )
    call(context.database.transact, lambda _: Change(None, people))
    api.client.app = FromManyAddresses(api.client.app)
    for person in people:
        answer = api.post(None, "/auth/login", {"username": person.username, "password": OWN})
        api.tokens[person.username] = answer.json()["access_token"]
    return api


def fresh(code):
    """Another code of the same person, as a provider gives one for each visit."""
    return f"{code}/{next(NUMBERS)}"


def link(api, who, provider, code, **shown):
    return show_to_link(api, who, fresh(code), provider, **shown)


def show_to_link(api, who, code, provider="wechat", sender="198.51.100.7", **shown):
    asked = {"code": code, **(shown or {"password": OWN})}
    return api.post(who, f"/me/identities/{provider}", asked, headers={"x-from": sender})


def sign_in_externally(api, code, provider="wechat"):
    return api.post(None, f"/auth/external/{provider}", {"code": fresh(code)})


def show(api, code, provider="wechat", **more):
    return api.post(None, f"/auth/external/{provider}", {"code": code, **more})


@pytest.mark.parametrize("provider", ["wechat", "zwding"])
def test_a_linked_account_signs_in_without_a_password(api, provider):
    problem(sign_in_externally(api, "code-wang", provider), 401, "auth.not_linked")
    assert link(api, "wang", provider, "code-wang").status_code == 200
    came = show(api, fresh("code-wang"), provider, device="浙政钉")
    assert came.status_code == 200, came.text
    assert came.json()["user"]["username"] == "wang"
    api.tokens["phone"] = came.json()["access_token"]
    listed = api.get("phone", "/me/identities").json()
    assert ([each["provider"] for each in listed["items"]], listed["providers"]) == ([provider], ["wechat", "zwding"])
    problem(sign_in_externally(api, "made up", provider), 401, "auth.failed")
    assert api.post("wang", f"/me/identities/{provider}/remove", None).status_code == 204
    problem(sign_in_externally(api, "code-wang", provider), 401, "auth.not_linked")


def kept_codes(api):
    database = api.client.app.state.context.database
    return database.read_sync(lambda repository: repository.rows(select(exchanged_codes)))


@on_both
@pytest.mark.parametrize("provider", ["wechat", "zwding"])
def test_the_code_of_a_refused_sign_in_links_the_identity_once(api, provider):
    code = fresh("code-wang")
    problem(show(api, code, provider), 401, "auth.not_linked")
    problem(show_to_link(api, "wang", code, provider, password="a guess"), 422, "step.needs")
    (kept,) = kept_codes(api)
    assert code not in kept
    assert show_to_link(api, "wang", code, provider).status_code == 200
    assert kept_codes(api) == []
    problem(show_to_link(api, "wang", code, provider), 401, "auth.failed")
    problem(show(api, code, provider), 401, "auth.failed")
    assert sign_in_externally(api, "code-wang", provider).json()["user"]["username"] == "wang"


@on_both
def test_a_code_that_another_person_shows_links_nothing(api):
    code = fresh("code-li")
    problem(show(api, code), 401, "auth.not_linked")
    problem(show_to_link(api, "wang", code, sender="203.0.113.9"), 401, "auth.failed")
    problem(show_to_link(api, "wang", code, "zwding"), 401, "auth.failed")
    assert show_to_link(api, "li", code).status_code == 200
    problem(show_to_link(api, "wang", code), 401, "auth.failed")
    assert [each["provider"] for each in api.get("li", "/me/identities").json()["items"]] == ["wechat"]
    assert api.get("wang", "/me/identities").json()["items"] == []


@on_both
def test_an_exchanged_code_expires_and_is_swept(api, clock):
    code, other = fresh("code-wang"), fresh("code-li")
    problem(show(api, code), 401, "auth.not_linked")
    clock.advance(seconds=EXCHANGED_CODE_LIFETIME.total_seconds() - 1)
    problem(show(api, other), 401, "auth.not_linked")
    problem(show(api, code), 401, "auth.not_linked")  # which does not lengthen its time
    clock.advance(seconds=1)
    database, call = api.client.app.state.context.database, api.client.blocking_portal.call
    call(run_expiry_cleanup, database, clock.now)
    assert [each.subject for each in kept_codes(api)] == ["o-li"]
    problem(show_to_link(api, "wang", code), 401, "auth.failed")
    assert show_to_link(api, "li", other).status_code == 200


def test_a_code_that_expired_before_the_sweep_links_nothing(api, clock):
    code = fresh("code-wang")
    problem(show(api, code), 401, "auth.not_linked")
    clock.advance(seconds=EXCHANGED_CODE_LIFETIME.total_seconds())
    problem(show_to_link(api, "wang", code), 401, "auth.failed")
    assert kept_codes(api) == []


def test_a_refused_link_keeps_the_code_for_another_try(api):
    assert link(api, "wang", "wechat", "code-wang").status_code == 200
    code = fresh("code-wang")
    problem(show_to_link(api, "li", code), 409, "identity.taken")
    assert api.post("wang", "/me/identities/wechat/remove", None).status_code == 204
    assert show_to_link(api, "li", code).status_code == 200


def test_an_identity_cannot_be_linked_to_a_second_account(api):
    assert link(api, "wang", "wechat", "code-wang").status_code == 200
    problem(link(api, "li", "wechat", "code-wang"), 409, "identity.taken")
    problem(link(api, "officer", "wechat", "code-li", password=PASSWORD), 403, "role.forbidden")


def test_linking_needs_a_password_or_code_and_guesses_are_slowed_down(api):
    problem(api.post("wang", "/me/identities/wechat", {"code": fresh("code-wang")}), 403, "auth.confirm_needed")
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
        problem(show(api, fresh("code-li"), totp="12345x"), 401, "auth.failed")
    clock.advance(seconds=31)
    for _ in range(5):
        if show(api, fresh("code-li"), totp="12345x").status_code == 429:
            break
    problem(show(api, fresh("code-li"), totp=totp.at(clock.now)), 429, "auth.too_many")


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
    code = fresh("code-li")
    problem(show(api, code), 401, "auth.totp_required")
    problem(show(api, code, totp="12345x"), 401, "auth.failed")
    assert show(api, code, totp=totp.at(clock.now)).status_code == 200
    problem(show(api, code, totp=totp.at(clock.now)), 401, "auth.failed")  # it has opened a session
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
    problem(sign_in_externally(api, "code-wang", provider), 503, "auth.provider_unavailable")


@pytest.mark.parametrize(
    "words", ["wechat=https://host", "other=https://a:b@host", "wechat", "wechat=https://a:b@", "wechat=ftp://a:b@h"]
)
def test_an_incomplete_provider_setting_is_refused_at_the_start(words):
    with pytest.raises(BadSettings):
        open_providers(Settings(sign_in=words))
