"""A supervisor decides a request between two meetings, by the one-time link of a notice, without signing in."""

import json
import shutil
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import pyotp
import pytest
from litestar.testing import TestClient

from api.app import build_app
from api.http.tokens import hash_token
from api.settings import Settings
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.throttling import PER_LINK
from inspections.change import Change
from tests.builders.api import MONDAY, Api, on_both
from tests.builders.chat_platforms import ChatPlatform
from tests.builders.decision_links import Decider, store_link
from tests.builders.mail import mail_server
from tests.builders.sink import run_server, sink
from tests.builders.waiting import poll_until

TOKEN = "token-of-one-supervisor-and-one-request-0001"


def days(number):
    return (MONDAY + timedelta(days=number)).isoformat()


def ask_extension(api, **facts):
    hazard = api.take_step("handler", api.assign_report(category="FF-01", **facts), "start")
    return api.take_step("handler", hazard, "request_extension", due_at=days(20), reason="配件未到")


def propose_major(api, **facts):
    hazard = api.take_step("officer", api.report("inspector", category="EV-03", **facts), "accept")
    return api.take_step("officer", hazard, "propose_major", basis="合用场所住人")


def decider(api, hazard, step="decide_extension", username="supervisor"):
    return Decider(api, store_link(api, username, hazard, step, TOKEN))


def current(api, hazard):
    return api.get("officer", f"/hazards/{hazard['id']}").json()


# what it shows and does -------------------------------------------------------------------------------------------


@on_both
def test_the_page_shows_the_facts_and_opening_it_changes_nothing(api):
    hazard = ask_extension(api, place="3幢2单元<b>")
    link, before = decider(api, hazard), current(api, hazard)
    for _ in range(3):  # as a chat program does that previews the link
        page = link.open()
    for words in (hazard["number"], "配件未到", "2026年12月13日 09:00", "2026年11月30日24时", "3幢2单元&lt;b&gt;"):
        assert words in page, words
    assert "同意延期至 2026年12月13日 09:00" in page
    assert current(api, hazard) == before
    assert len(page.encode()) < 30_000
    assert "<script" not in page


@on_both
def test_one_tap_grants_the_extension_and_spends_the_link(api):
    hazard = ask_extension(api)
    link = decider(api, hazard)
    done = link.send("approve")
    assert (done.status_code, "已同意延期" in done.text) == (200, True)
    after = current(api, hazard)
    assert (after["due_at"], after["times_extended"], after["extension"]) == ("2026-12-13T01:00:00Z", 1, None)
    line = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"][-1]
    assert (line["step"], line["by"]) == ("decide_extension", "supervisor")
    assert "您已通过本链接完成审批" in link.open(410)
    again = link.post(id="0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b", version=str(after["version"]), answer="approve")
    assert again.status_code == 410
    assert current(api, hazard) == after
    event = api.get("admin", "/security/events").json()["items"][0]
    assert (event["event"], event["by"], event["about"]) == ("decision.by_link", "supervisor", hazard["id"])


@on_both
def test_a_form_that_is_sent_twice_decides_once_and_gets_the_same_answer(api):
    hazard = ask_extension(api)
    link = decider(api, hazard)
    fields = {**link.hidden_fields(), "answer": "approve"}
    first, second = link.post(**fields), link.post(**fields)
    assert (first.status_code, first.text) == (second.status_code, second.text) == (200, first.text)
    assert current(api, hazard)["times_extended"] == 1


@on_both
def test_a_refusal_needs_a_reason_and_the_page_stays_filled_in(api):
    hazard = ask_extension(api)
    link = decider(api, hazard)
    without = link.send("reject")
    assert (without.status_code, "请写明不同意延期的原因" in without.text) == (422, True)
    nothing = link.send("", reason="再等等")
    assert (nothing.status_code, "请选择同意或不同意" in nothing.text) == (422, True)
    assert "再等等</textarea>" in nothing.text
    assert "未同意延期" in link.send("reject", reason="先断电").text
    after = current(api, hazard)
    assert (after["extension"], after["due_at"]) == (None, hazard["due_at"])


@on_both
def test_a_major_hazard_is_confirmed_with_authority_and_document(api):
    hazard = propose_major(api)
    link = decider(api, hazard, "confirm_major")
    assert "合用场所住人" in link.open()
    without = link.send("approve")
    assert (without.status_code, "认定单位：请写明认定单位" in without.text) == (422, True)
    assert "已认定为重大隐患" in link.send("approve", authority="街道", document="新街〔2026〕1号").text
    assert current(api, hazard)["severity"] == "major"


@on_both
def test_a_proposal_is_declined_with_a_reason(api):
    hazard = propose_major(api)
    link = decider(api, hazard, "confirm_major")
    assert "不予认定" in link.send("reject", reason="依据不足", authority="", document="").text
    after = current(api, hazard)
    assert (after["severity"], after["major_proposed"]) == ("general", False)


@on_both
def test_a_second_extension_asks_for_a_reason_on_the_page(api):
    first = api.take_step("supervisor", ask_extension(api), "decide_extension", granted=True)
    again = api.take_step("handler", first, "request_extension", due_at=days(40), reason="仍未到")
    link = decider(api, again)
    assert "已延期 1 次" in link.open()
    assert "再次延期须写明原因" in link.send("approve").text
    assert "已同意延期" in link.send("approve", reason="厂家停产").text


@on_both
def test_the_photos_of_the_page_are_those_of_the_hazard_alone(api):
    hazard, other = ask_extension(api), api.report("inspector")
    link = decider(api, hazard)
    mine, foreign = (each["photos"][0]["sha256"] for each in (hazard, other))
    assert f"{link.path}/photos/{mine}/320" in link.open()

    def status(sha256, size="320"):
        return api.call(None, "GET", f"{link.path}/photos/{sha256}/{size}", root=True).status_code

    assert [status(mine), status(mine, "1280"), status(mine, "original"), status(foreign)] == [200, 200, 404, 404]
    assert api.call(None, "GET", f"/d/nothing/photos/{mine}/320", root=True).status_code == 404


# what ends it -----------------------------------------------------------------------------------------------------


def lose_role(api, _):
    change = {"version": 1, "grants": [{"role": "officer", "scope": "330402009036"}]}
    assert api.post("admin", "/people/supervisor", change).status_code == 200


def deactivate(api, _):
    assert api.post("admin", "/people/supervisor", {"version": 1, "active": False}).status_code == 200


def decide_otherwise(api, hazard):
    api.take_step("supervisor", hazard, "decide_extension", granted=False, reason="先断电")


def change_hazard(api, hazard):
    api.take_step("officer", hazard, "note", note="配件已到货")


ENDS = {
    "the person loses the role": (lose_role, 410, "本链接已作废"),
    "the account is deactivated": (deactivate, 404, "链接无效"),
    "the request was decided otherwise": (decide_otherwise, 410, "该事项已有变化"),
    "the hazard has changed": (change_hazard, 410, "该事项已有变化"),
    "three days have passed": (lambda api, _: api.clock.advance(days=3), 410, "本链接已过期"),
}


@on_both
@pytest.mark.parametrize("event", ENDS)
def test_the_link_ends_when(api, event):
    hazard = ask_extension(api)
    link, (happen, status, words) = decider(api, hazard), ENDS[event]
    fields = {**link.hidden_fields(), "answer": "approve"}
    happen(api, hazard)
    late = link.post(**fields)
    assert (late.status_code, words in late.text) == (status, True), late.text
    shown = link.open(status)
    assert words in shown
    for fact in (hazard["number"], hazard["place"], "配件未到"):
        assert fact not in shown + late.text
    api.sign_in_again() if event == "three days have passed" else None
    assert current(api, hazard)["times_extended"] == 0


@on_both
def test_a_lent_role_ends_with_its_delegation(api):
    hazard = ask_extension(api)
    lent = {
        "id": "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2c",
        "to": "officer",
        "role": "supervisor",
        "scope": "330402009036",
    }
    period = {"since": MONDAY.isoformat(), "until": days(2), "reason": "出差"}
    assert api.post("supervisor", "/delegations", {**lent, **period}).status_code == 201
    link = decider(api, hazard, username="officer")
    fields = {**link.hidden_fields(), "answer": "approve"}
    api.clock.advance(days=2)
    assert link.post(**fields).status_code == 410
    assert "本链接已作废" in link.open(410)


@on_both
def test_nobody_decides_their_own_work_by_a_link(api):
    """A supervisor who is also the handler of the hazard is told so on the page."""
    change = {"version": 1, "grants": [{"role": role, "scope": "330402009036"} for role in ("handler", "supervisor")]}
    assert api.post("admin", "/people/handler", change).status_code == 200
    hazard = ask_extension(api)
    answer = decider(api, hazard, username="handler").send("approve")
    assert (answer.status_code, 'role="alert"' in answer.text) == (403, True)
    assert current(api, hazard)["times_extended"] == 0


def test_an_unknown_link_is_a_page_and_requests_are_limited(api):
    missing = api.call(None, "GET", "/d/nothing", root=True)
    assert (missing.status_code, "没有这个链接" in missing.text) == (404, True)
    link = decider(api, ask_extension(api))
    for _ in range(PER_LINK):
        link.open()
    limited = api.call(None, "GET", link.path, root=True)
    assert (limited.status_code, "retry-after" in limited.headers) == (429, True)
    api.clock.advance(minutes=11)
    link.open()


def test_the_page_is_private_and_runs_nothing(api):
    hazard = ask_extension(api)
    link = decider(api, hazard)
    answer = api.call(None, "GET", link.path, root=True, params={"from": "singlemessage"})
    assert answer.headers["cache-control"] == "no-store"
    assert "noindex" in answer.headers["x-robots-tag"]
    policy = answer.headers["content-security-policy"]
    assert ("default-src 'none'" in policy, "form-action 'self'" in policy) == (True, True)
    assert "unsafe-inline" not in policy
    for form in ({"answer": "approve", "who": "me"}, {"photo": "x"}):
        assert link.post(**{**link.hidden_fields(), **form}).status_code in {400, 422}
    assert current(api, hazard)["version"] == hazard["version"]


# the second factor ------------------------------------------------------------------------------------------------


RECOVERY = "RECOVERYCODE"


def enrol(api):
    """Stores a second factor of the supervisor, as a demo account may not set one up; returns the app."""
    app = pyotp.TOTP(pyotp.random_base32())
    factor = SecondFactor("supervisor", app.secret, MONDAY, MONDAY, recovery=(hash_token(RECOVERY),))
    database = api.client.app.state.context.database
    api.client.blocking_portal.call(database.transact, lambda _: Change(None, (factor,)))
    return app


@on_both
def test_an_account_with_a_second_factor_decides_with_its_code(api):
    app = enrol(api)
    hazard = ask_extension(api)
    link = decider(api, hazard)
    assert 'autocomplete="one-time-code"' in link.open()
    missing = link.send("approve")
    assert (missing.status_code, "请输入动态验证码" in missing.text) == (422, True)
    wrong = link.send("approve", totp="000000")
    assert (wrong.status_code, "验证码不正确或已使用过" in wrong.text) == (422, True)
    assert "000000" not in wrong.text
    assert current(api, hazard)["times_extended"] == 0
    fields, code = {**link.hidden_fields(), "answer": "approve"}, app.at(api.clock.now)
    first, second = link.post(**fields, totp=code), link.post(**fields, totp=code)  # the form is sent twice
    assert (first.status_code, first.text) == (second.status_code, second.text) == (200, first.text)
    again = api.take_step("handler", current(api, hazard), "request_extension", due_at=days(40), reason="仍未到")
    other = Decider(api, store_link(api, "supervisor", again, "decide_extension", "another token of the supervisor"))
    spent = other.send("approve", reason="厂家停产", totp=code)
    assert (spent.status_code, "验证码不正确或已使用过" in spent.text) == (422, True)
    assert "已同意延期" in other.send("approve", reason="厂家停产", totp=RECOVERY).text
    assert current(api, hazard)["times_extended"] == 2


def test_codes_cannot_be_guessed_by_a_link(api):
    enrol(api)
    link = decider(api, ask_extension(api))
    fields = {**link.hidden_fields(), "answer": "approve"}
    statuses = [link.post(**fields, totp=f"{number:06}").status_code for number in range(8)]
    assert statuses[0] == 422
    assert statuses[-1] == 429


def test_the_strict_profile_shows_nothing_before_the_second_factor_is_set_up(api):
    hazard = ask_extension(api)
    link = decider(api, hazard)
    api.change_settings(profile="strict")
    page = link.open(403)
    assert hazard["number"] not in page
    assert "请先" in page


# the notice -------------------------------------------------------------------------------------------------------


@pytest.fixture
def post():
    with mail_server() as (server, port, _):
        server.port = port
        yield server


@pytest.fixture
def gateway():
    with run_server(ChatPlatform()) as gateway:
        yield gateway


@pytest.fixture
def hook():
    with sink() as hook:
        yield hook


@pytest.fixture(params=["https://anxun.example/office", ""])
def telling(request, tmp_path, demo_office, clock, post, hook, gateway):
    """Runs the application with mail, a webhook and a chat group; the supervisor has an address."""
    template, tokens = demo_office
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    settings = Settings(
        data=str(folder),
        tick_seconds=0.05,
        public_url=request.param,
        smtp=f"smtp://localhost:{post.port}",
        mail_from="anxun@example.cn",
        webhook=hook.url,
        webhook_secret="0123456789abcdef",
        robots=f"dingtalk://group?server=http://127.0.0.1:{gateway.port}",
        intranet="127.0.0.1",
    )
    with TestClient(build_app(settings, clock)) as client:
        client.headers["Host"] = "anxun.example" if request.param else "testserver.local"
        api = Api(client, clock, dict(tokens), folder)
        change = {"version": 1, "email": "supervisor@example.cn"}
        assert api.post("admin", "/people/supervisor", change).status_code == 200
        yield api


def find_told(telling, post, hook, gateway):
    """Returns the texts about the request: in the mail, by the webhook, in the group and in the inbox."""
    (mail,) = poll_until(lambda: [each for each in post.messages if "延期申请待审批" in each["Subject"]])
    calls = poll_until(lambda: [body for _, _, body in hook.calls if b"request_extension" in body])
    group = poll_until(lambda: [each for each in gateway.texts.get("group", ()) if "延期申请待审批" in each])
    items = telling.get("supervisor", "/inbox").json()["items"]
    (entry,) = [each for each in items if each["kind"] == "request_extension"]
    return mail.get_content().strip(), json.loads(calls[0]), group[0], entry["text"]


def test_a_link_goes_to_one_person_by_mail_or_webhook_and_to_no_group(telling, post, hook, gateway):
    hazard = ask_extension(telling)
    mail, called, group, inbox = find_told(telling, post, hook, gateway)
    for text in (mail, called["text"], group, inbox):
        assert "原因：配件未到" in text
    assert not any("/d/" in text for text in (called["text"], group, inbox))
    if not telling.client.app.state.context.settings.public_url:
        assert (mail, called["decision_links"]) == (inbox, {})  # no request is there, and its Host proves nothing
        return
    addresses = [mail.split()[-1], called["decision_links"].pop("supervisor")]
    assert (called["decision_links"], len(set(addresses))) == ({}, 2)
    links = []
    for url in addresses:
        assert url.startswith("https://anxun.example/office/d/")
        links.append(Decider(telling, urlsplit(url).path.removeprefix("/office")))
    assert f'action="/office{links[0].path}"' in links[0].open()
    links[1].open()
    assert "已同意延期" in links[0].send("approve").text
    assert current(telling, hazard)["times_extended"] == 1
    assert "该事项已有变化" in links[1].open(410)  # the decision has spent both


def test_no_link_is_made_for_a_request_that_was_decided_before_the_mail_left(telling, post, hook, gateway):
    post.answers["RCPT"] = "450 later"
    hazard = ask_extension(telling)
    find_failing = partial(telling.get, "admin", "/deliveries?state=failing")
    poll_until(lambda: [each for each in find_failing().json()["items"] if each["kind"] == "request_extension"])
    telling.take_step("supervisor", hazard, "decide_extension", granted=False, reason="先断电")
    del post.answers["RCPT"]
    telling.clock.advance(minutes=1)
    mail, *_ = find_told(telling, post, hook, gateway)
    assert "/d/" not in mail
