"""Proves the decision link in a real browser: a supervisor opens the link of a mail on a small phone and taps once."""

import hashlib
import uuid
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from tests.builders.api import body
from tests.builders.browser import Browser
from tests.builders.mail import mail_server
from tests.builders.process import Process
from tests.builders.waiting import poll_until

WIDTH = 320


@pytest.fixture
def post():
    with mail_server() as (server, port, _):
        server.port = port
        yield server


@pytest.fixture
def process(tmp_path, post):
    mail = {"ANXUN_SMTP": f"smtp://localhost:{post.port}", "ANXUN_MAIL_FROM": "anxun@example.cn"}
    process = Process(tmp_path / "data", **mail)
    process.environment["ANXUN_PUBLIC_URL"] = process.address
    process.start()
    yield process
    process.stop()


def take_step(client, hazard, step, **facts):
    fields = {"id": str(uuid.uuid4()), "step": step, "version": hazard["version"], **facts}
    answer = client.post(f"/hazards/{hazard['id']}/steps", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def report_with_photo(process, photo):
    with closing(process.client("inspector")) as inspector:
        digest = hashlib.sha256(photo).hexdigest()
        assert inspector.put(f"/photos/{digest}", content=photo).status_code == 201
        photos = [{"sha256": digest, "stage": "before"}]
        facts = {"category": "FF-01", "place": "3幢2单元", "description": "消火栓无水带"}
        answer = inspector.post("/hazards", json=body(photos=photos, **facts))
        assert answer.status_code == 201, answer.text
        return answer.json()["hazard"]


def link_in_mail(post, title):
    mails = poll_until(lambda: [each for each in post.messages if title in each["Subject"]])
    return mails[-1].get_content().split()[-1]


def test_a_supervisor_decides_on_a_small_phone(process, post, tmp_path, samples):
    photo = (samples / "photos" / "Portrait_6.jpg").read_bytes()
    with closing(process.client("admin")) as admin:
        change = {"version": 1, "email": "supervisor@example.cn"}
        assert admin.post("/people/supervisor", json=change).status_code == 200
    with (
        closing(process.client("officer")) as officer,
        closing(process.client("handler")) as handler,
        Browser(tmp_path, WIDTH) as browser,
    ):
        hazard = take_step(officer, report_with_photo(process, photo), "accept")
        hazard = take_step(officer, hazard, "assign", lead="handler")
        wanted = (datetime.fromisoformat(hazard["due_at"]) + timedelta(days=10)).isoformat()
        hazard = take_step(handler, hazard, "request_extension", due_at=wanted, reason="水带需定制，厂家七天后到货")
        url = link_in_mail(post, "延期申请待审批")
        assert url.startswith(f"{process.address}/d/")
        browser.go(url)
        assert "水带需定制" in browser.text()
        assert browser.run("return document.documentElement.scrollWidth") == WIDTH
        shown = "var i = document.querySelector('.photos img'); return i.complete && i.naturalWidth > 0"
        poll_until(lambda: browser.run(shown))
        small = "return [].filter.call(document.querySelectorAll('input:not([type=hidden]),button,textarea'), "
        assert browser.run(small + "function (e) { return e.offsetHeight < 44; }).length") == 0
        browser.picture(tmp_path / "decision.png")
        browser.run("window.scrollTo(0, document.body.scrollHeight)")
        browser.picture(tmp_path / "buttons.png")
        browser.tap("button[value=reject]")
        browser.wait("请写明不同意延期的原因")
        reach = "return document.querySelector('[role=alert]').getBoundingClientRect().bottom < window.innerHeight"
        assert browser.run(reach)  # without scrolling
        browser.picture(tmp_path / "refused.png")
        browser.tap("button[value=approve]")
        browser.wait("已同意延期")
        browser.picture(tmp_path / "decided.png")
        after = officer.get(f"/hazards/{hazard['id']}").json()
        assert (datetime.fromisoformat(after["due_at"]), after["times_extended"]) == (datetime.fromisoformat(wanted), 1)
        browser.go(url)
        browser.wait("您已通过本链接完成审批")
        take_step(officer, after, "propose_major", basis="合用场所住人")
        browser.go(link_in_mail(post, "拟定重大隐患待确认"))
        browser.wait("合用场所住人")
        assert browser.run("return document.documentElement.scrollWidth") == WIDTH
        browser.run("window.scrollTo(0, document.body.scrollHeight)")
        browser.picture(tmp_path / "major.png")
        browser.type("#reason", "依据不足")
        browser.tap("button[value=reject]")  # which needs neither authority nor document
        browser.wait("不予认定为重大隐患")
        severe = [line for line in browser.complaints() if "Content Security Policy" in line or "Error:" in line]
        assert severe == []
    assert url.rpartition("/")[2] not in process.log.read_text()
