"""The address of a photo in the ledger opens a page that asks for the sign-in and shows the photo, in a browser."""

import csv
import hashlib
import io
from contextlib import closing

import pytest

from tests.builders.api import body
from tests.builders.browser import Browser
from tests.builders.process import PASSWORD, Process
from tests.builders.waiting import poll_until


@pytest.fixture
def process(tmp_path):
    process = Process(tmp_path / "data", ANXUN_PUBLIC_URL=None)
    yield process.start()
    process.stop()


def report_photo(process, photo):
    """Reports a hazard with this photo; returns its address in the ledger."""
    digest = hashlib.sha256(photo).hexdigest()
    with closing(process.client("inspector")) as inspector, closing(process.client("officer")) as officer:
        assert inspector.put(f"/photos/{digest}", content=photo).status_code == 201
        reported = inspector.post("/hazards", json=body(photos=[{"sha256": digest, "stage": "before"}]))
        assert reported.status_code == 201, reported.text
        text = officer.get("/ledger.csv").content.decode("utf-8-sig")
    (line,) = csv.DictReader(io.StringIO(text))
    return line["整改前照片"]


def test_a_photo_of_the_ledger_is_shown_after_the_sign_in(process, tmp_path, samples):
    address = report_photo(process, (samples / "photos" / "Portrait_6.jpg").read_bytes())
    assert address.startswith(process.address)
    with Browser(tmp_path) as browser:
        browser.go(address)
        browser.wait("登录后查看照片")
        assert browser.run("return document.documentElement.scrollWidth") == 360
        browser.type("input[name=username]", "officer")
        browser.type("input[name=password]", "wrong password")
        browser.tap("button")
        browser.wait("用户名或密码不正确")
        browser.picture(tmp_path / "refused.png")
        browser.run("document.querySelector('input[name=password]').value = ''")
        browser.type("input[name=password]", PASSWORD)
        browser.tap("button")
        poll_until(lambda: browser.run("return document.querySelector('#shown img')?.naturalWidth > 0"), browser.text)
        browser.picture(tmp_path / "shown.png")
        assert browser.run("return document.querySelector('form').hidden")
        assert browser.run("return document.documentElement.scrollWidth") == 360
