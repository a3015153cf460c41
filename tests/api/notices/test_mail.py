"""Mails reach their recipients whatever a template makes of them, and tell no more than the recipients may see."""

import shutil

import pytest
from litestar.testing import TestClient

from api.app import build_app
from api.settings import Settings
from inspections.notices.templates import HIDDEN_TEXT
from tests.builders.api import MONDAY, PASSWORD, Api
from tests.builders.mail import mail_server
from tests.builders.people import sign_in_as
from tests.builders.waiting import poll_until


@pytest.fixture
def post():
    with mail_server() as (server, port, _):
        server.port = port
        yield server


@pytest.fixture
def api(tmp_path, demo_office, clock, post):
    """Runs the application with a mail server; officer and handler have addresses."""
    template, tokens = demo_office
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    mail = {"smtp": f"smtp://localhost:{post.port}", "mail_from": "anxun@example.cn"}
    with TestClient(build_app(Settings(data=str(folder), tick_seconds=0.05, **mail), clock)) as client:
        made = Api(client, clock, dict(tokens), folder)
        for username in ("officer", "handler"):
            change = {"version": 1, "email": f"{username}@example.cn"}
            assert made.post("admin", f"/people/{username}", change).status_code == 200
        yield made


def wait_for_mail(post, to, number=1):
    def found():
        mine = [each for each in post.messages if each["To"] == f"{to}@example.cn"]
        return mine if len(mine) >= number else None

    return poll_until(found)


def failing(api, state="failing"):
    return api.get("admin", f"/deliveries?state={state}").json()["items"]


def test_a_title_of_several_lines_loses_no_mail(api, post):
    """A subject is a header: a line break in it would make the message impossible."""
    own = {"version": 0, "title": "退单 {reason} {place}", "text": "{reason}"}
    assert api.post("admin", "/notice-templates/return", own).status_code == 200
    hazard = api.assign_report()
    api.take_step("handler", hazard, "return", reason="不归我管\nBcc: all@example.cn\r\n\t请重派")
    mails = wait_for_mail(post, "officer", 2)
    (mail,) = [each for each in mails if "退单" in each["Subject"]]
    assert mail["Subject"] == "【安巡】退单 不归我管 Bcc: all@example.cn 请重派 3幢2单元"
    assert mail["Bcc"] is None
    (entry,) = [each for each in api.get("officer", "/inbox").json()["items"] if each["kind"] == "return"]
    assert mail["Subject"] == f"【安巡】{entry['title']}"
    assert mail.get_content().split() == entry["text"].split()


def test_a_mail_that_waited_tells_nothing_of_a_hazard_that_its_recipient_no_longer_sees(api, post):
    post.answers["RCPT"] = "450 later"
    hazard = api.assign_report(place="保密路9号")
    poll_until(lambda: [each for each in failing(api) if each["username"] == "handler"])
    api.take_step("handler", hazard, "return", reason="不归我管")
    del post.answers["RCPT"]
    api.clock.advance(minutes=1)
    (mail,) = wait_for_mail(post, "handler")
    assert (mail["Subject"], mail.get_content().strip()) == ("【安巡】新派单", HIDDEN_TEXT)
    assert any("保密路9号" in each.get_content() for each in wait_for_mail(post, "officer"))


@pytest.mark.parametrize("change", [{"active": False}, {"erase": True}, {"email": ""}])
def test_a_mail_that_waited_is_not_sent_to_an_account_that_was_closed(api, post, change):
    post.answers["RCPT"] = "450 later"
    api.assign_report()
    poll_until(lambda: [each for each in failing(api) if each["username"] == "handler"])
    assert api.post("admin", "/people/handler", {"version": 2, **change}).status_code == 200
    del post.answers["RCPT"]
    api.clock.advance(minutes=1)
    dead = poll_until(lambda: [each for each in failing(api, "dead") if each["username"] == "handler"])
    assert "no account or address" in dead[0]["error"]  # at the next try, not after a day of tries
    assert dead[0]["tries"] < 9
    wait_for_mail(post, "officer")
    assert not [each for each in post.messages if "handler" in each["To"]]


def test_mail_held_until_morning_is_not_sent_to_a_colleague_who_left_in_the_night(api, post):
    api.clock.now = MONDAY.replace(hour=15)  # 23:00 in Shanghai
    api.sign_in_again()
    api.assign_report()
    poll_until(lambda: api.get("handler", "/inbox").json()["items"])  # the notice is on its way
    assert api.post("admin", "/people/handler", {"version": 2, "active": False}).status_code == 200
    assert post.messages == []
    api.clock.advance(hours=9)
    sign_in_as(api, "admin", PASSWORD)
    poll_until(lambda: [each for each in failing(api, "dead") if each["username"] == "handler"])
    assert not [each for each in post.messages if "handler" in each["To"]]
