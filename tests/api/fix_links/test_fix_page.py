"""Proves the fix link in a real browser: open the URL, send a photo over a bad line, recheck, close."""

import hashlib
import uuid

import pytest

from tests.builders.api import body
from tests.builders.browser import Browser
from tests.builders.process import Process
from tests.builders.shops import SHOP


@pytest.fixture
def process(tmp_path):
    process = Process(tmp_path / "data").start()
    yield process
    process.stop()


class Office:
    """The officer and the inspector, each with a client of their own."""

    def __init__(self, process, before):
        self.officer, self.inspector = process.client("officer"), process.client("inspector")
        digest = self.upload_photo(before)
        photos = [{"sha256": digest, "stage": "before"}]
        reported = self.inspector.post("/hazards", json=body(photos=photos, responsible_party=SHOP))
        assert reported.status_code == 201, reported.text
        self.hazard = reported.json()["hazard"]
        self.take_step("accept")
        self.take_step("assign", lead="handler")

    def upload_photo(self, data):
        digest = hashlib.sha256(data).hexdigest()
        assert self.inspector.put(f"/photos/{digest}", content=data).status_code == 201
        return digest

    def take_step(self, step, by=None, **facts):
        fields = {"id": str(uuid.uuid4()), "step": step, "version": self.hazard["version"], **facts}
        answer = (by or self.officer).post(f"/hazards/{self.hazard['id']}/steps", json=fields)
        assert answer.status_code == 200, answer.text
        self.hazard = answer.json()

    def reload_hazard(self):
        self.hazard = self.officer.get(f"/hazards/{self.hazard['id']}").json()
        return self.hazard

    def create_link(self, **facts):
        made = self.officer.post(f"/hazards/{self.hazard['id']}/links", json={"id": str(uuid.uuid4()), **facts})
        assert made.status_code == 201, made.text
        return made.json()["addresses"]["url"]

    def close(self):
        self.officer.close()
        self.inspector.close()


def test_a_shop_fixes_and_the_office_closes(process, tmp_path, samples):
    before, after = samples / "photos" / "Portrait_6.jpg", samples / "photos" / "Nexus_4.jpg"
    with Browser(tmp_path) as browser:
        office = Office(process, before.read_bytes())
        url = office.create_link(measures="搬走电动车，不得在楼梯间充电")
        browser.go(url)
        assert office.hazard["number"] in browser.text()
        widths = "var i = document.querySelector('.photos img'); return [i.complete && i.naturalWidth > 0, "
        assert browser.run(widths + "document.documentElement.scrollWidth]") == [True, 360]
        small = "return [].filter.call(document.querySelectorAll('input:not([type=hidden]),button,select,.pick'), "
        visible = "function (e) { return e.offsetWidth > 1 && e.offsetHeight < 44; }).length"
        assert browser.run(small + visible) == 0
        browser.picture(tmp_path / "notice.png")
        browser.type("#method", "已搬到集中充电点")
        browser.network(bytes_per_second=400_000)
        browser.type("#file", str(after))
        browser.wait("正在上传 1")
        browser.network(offline=True)
        browser.wait("网络中断")
        browser.network()
        browser.wait("已上传")
        browser.run("window.scrollTo(0, document.body.scrollHeight)")
        browser.picture(tmp_path / "filled.png")
        browser.tap("#send")
        browser.wait("整改情况已收到")
        browser.picture(tmp_path / "done.png")
        browser.go(url)
        browser.wait("待街道复查")
        assert office.reload_hazard()["state"] == "pending_recheck"
        digest = hashlib.sha256(after.read_bytes()).hexdigest()
        assert [photo["sha256"] for photo in office.hazard["photos"]][-1] == digest
        office.take_step("recheck", result="pass", note="已整改")
        assert office.hazard["recheck_flag"]["kinds"] == ["same_network"]  # browser and office run on one machine
        office.take_step("recheck", by=office.inspector, result="pass", note="再次复查属实")
        assert (office.hazard["state"], office.hazard["fixed_by"]) == ("closed", "小王早餐店")
        browser.go(url)
        browser.wait("已办结（已整改）")
        assert browser.run("return document.documentElement.scrollWidth") == 360
        browser.picture(tmp_path / "evaluation.png")
        browser.run("document.querySelector('#score').value = '5'")
        browser.type("#words", "很及时")
        browser.tap("#send")
        browser.wait("感谢您的评价")
        browser.go(url)
        browser.wait("感谢您的评价")
        severe = [line for line in browser.complaints() if "Content Security Policy" in line or "Error:" in line]
        assert severe == []
    evaluation = office.reload_hazard()["evaluation"]
    assert (evaluation["score"], evaluation["words"]) == (5, "很及时")
    office.close()
    assert url.rsplit("/", 1)[1] not in process.log.read_text()
