"""Officers at their desks: the board in a real Chromium, and an office with work on it."""

import hashlib
import uuid
from contextlib import closing

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, body
from tests.builders.phone import Phone
from tests.builders.process import PASSWORD

COLUMN = "section.column.of-{}"


class Board(Phone):
    """One officer's page. `presses` counts the keys that were pressed."""

    def __init__(self, context, address):
        super().__init__(context, address)
        self.presses = 0

    def open(self, path=""):
        self.page.goto(f"{self.address}/board{path}")
        self.page.wait_for_selector("h1")
        return self

    def sign_in(self, username, password=PASSWORD):
        self.page.fill("#username", username)
        self.page.fill("#password", password)
        self.page.click("form button.main")
        self.page.wait_for_selector("#username", state="detached")
        return self

    def wait_until_read(self):
        """Waits until every column has its count, and a row has the focus if there is one."""
        self.page.wait_for_function(
            "() => { const counts = [...document.querySelectorAll('.column h2 b')].map(each => each.textContent);"
            " return counts.length === 7 && !counts.includes('…'); }"
        )
        return self

    def press(self, *keys):
        for key in keys:
            self.presses += 1
            self.page.keyboard.press(key)
        return self

    def count(self, column):
        return int(self.page.locator(f"{COLUMN.format(column)} h2 b").inner_text())

    def counts(self):
        names = ("reported", "toAssign", "late", "recheck", "alarms", "sentBack", "majors")
        return {name: self.count(name) for name in names}

    def wait_for_count(self, column, number):
        self.page.wait_for_function(
            "([place, number]) => document.querySelector(place).textContent === String(number)",
            arg=[f"{COLUMN.format(column)} h2 b", number],
        )
        return self


def report_hazards(server, count, who="inspector", photos=0, **more):
    """Reports so many hazards, each with so many photos, or with one that is declared and never comes; returns them."""
    made = []
    with closing(server.client(who)) as client:
        for at in range(count):
            declared = [send_photo(client, f"{more} {at} {number}") for number in range(photos)]
            missing = [{"sha256": hashlib.sha256(uuid.uuid4().bytes).hexdigest(), "stage": "before"}]
            sent = body(**{"place": f"{at + 1}幢", "photos": declared or missing, **more})
            answer = client.post("/hazards", json=sent)
            assert answer.status_code == 201, answer.text
            made.append(answer.json()["hazard"])
    return made


def send_photo(client, seed, stage="before"):
    picture = draw_sample_photo(seed, "EB-01" if stage == "before" else "EV-03", MONDAY)
    digest = hashlib.sha256(picture).hexdigest()
    assert client.put(f"/photos/{digest}", content=picture).status_code in {200, 201}
    return {"sha256": digest, "stage": stage}


def take_step(server, who, hazard, step, **facts):
    """Takes a step that must succeed; returns the hazard after it."""
    with closing(server.client(who)) as client:
        there = client.get(f"/hazards/{hazard['id']}").json()
        sent = {"id": str(uuid.uuid4()), "version": there["version"], "step": step, **facts}
        answer = client.post(f"/hazards/{hazard['id']}/steps", json=sent)
        assert answer.status_code == 200, answer.text
        return answer.json()
