"""Calls the application over HTTP as the people of the demo office."""

import asyncio
import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from api.accounts.security_log import SecurityLog
from api.accounts.sign_in.authentication import AttemptOrigin, Authenticator
from api.demo.office import USERNAMES, load_office
from api.http.client_address import parse_network
from api.messages.languages import find_english
from inspections.accounts.security_profile import STANDARD
from storage.database import open_database
from storage.migration import migrate
from storage.photos.sample_images import draw_sample_photo
from tests.builders.answers import record_answer

PASSWORD = "a-password-for-Tests"
MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
HERE, THERE = "330402009036", "330402009025"


class Clock:
    """A clock for the tested server, set by the test."""

    def __init__(self):
        self.now = MONDAY

    def __call__(self):
        return self.now

    def advance(self, **delta):
        self.now += timedelta(**delta)


def prepare(url):
    migrate(url)
    return asyncio.run(_load(url))


async def _load(url):
    database = open_database(url)
    await load_office(database, PASSWORD)
    clock = Clock()
    sign_in = Authenticator(database, clock, SecurityLog(database, clock), STANDARD)
    tokens = {}
    for username in USERNAMES:
        _, pair = await sign_in.open_with_password(username, PASSWORD, "test", AttemptOrigin(parse_network("here")))
        tokens[username] = pair.access
    await database.close()
    return tokens


class Api:
    """Sends requests as a named person; the test checks the status of each response."""

    def __init__(self, client, clock, tokens, folder):
        self.client = client
        self.clock = clock
        self.tokens = tokens
        self.folder = folder

    def call(self, who, method, path, *, root=False, **options):
        headers = dict(options.pop("headers", {}))
        if who:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        path = path if root else f"/api/v1{path}"
        answer = self.client.request(method, path, headers=headers, **options)
        record_answer(self.client.app, method, path, answer)
        return answer

    def get(self, who, path, **options):
        return self.call(who, "GET", path, **options)

    def post(self, who, path, body, **options):
        return self.call(who, "POST", path, json=body, **options)

    def change_settings(self, **changed):
        """Gives the running application other settings; only what is read for each request notices."""
        context = self.client.app.state.context
        object.__setattr__(context, "settings", replace(context.settings, **changed))

    def sign_in_again(self):
        """Signs everybody in again, for stories that last longer than a token."""
        for username in USERNAMES:
            answer = self.post(None, "/auth/login", {"username": username, "password": PASSWORD})
            self.tokens[username] = answer.json()["access_token"]

    def photo(self, who, data=None):
        """Sends a photo; returns its digest."""
        data = data or draw_sample_photo(str(uuid.uuid4()), "EB-01", MONDAY)
        digest = hashlib.sha256(data).hexdigest()
        answer = self.call(who, "PUT", f"/photos/{digest}", content=data)
        assert answer.status_code in {200, 201}, answer.text
        return digest

    def report(self, who, **facts):
        """Reports a hazard with a photo; returns the hazard."""
        photos = facts.pop("photos", None) or [{"sha256": self.photo(who), "stage": "before"}]
        answer = self.post(who, "/hazards", body(photos=photos, **facts))
        assert answer.status_code == 201, answer.text
        return answer.json()["hazard"]

    def step(self, who, hazard, step, **facts):
        sent = {"id": str(uuid.uuid4()), "step": step, "version": hazard["version"], **facts}
        return self.post(who, f"/hazards/{hazard['id']}/steps", sent)

    def take_step(self, who, hazard, step, **facts):
        """Takes a step that must succeed; returns the hazard after it."""
        answer = self.step(who, hazard, step, **facts)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def assign_report(self, **facts):
        hazard = self.take_step("officer", self.report("inspector", **facts), "accept")
        return self.take_step("officer", hazard, "assign", lead="handler")

    def submit_report(self, **facts):
        hazard = self.assign_report(**facts)
        photos = [{"sha256": self.photo("handler"), "stage": "after"}]
        return self.take_step(
            "handler", hazard, "submit_fix", method="清理", quantity_done=hazard["quantity"], photos=photos
        )

    def close_report(self, **facts):
        return self.take_step("officer", self.submit_report(**facts), "recheck", result="pass", note="已整改")

    def counts(self, who="analyst", **query):
        answer = self.get(who, "/statistics/communities", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


def body(**facts):
    return {
        "id": str(uuid.uuid4()),
        "community": HERE,
        "category": "EB-01",
        "description": "楼梯间给电动车充电",
        "place": "3幢2单元",
        "quantity": 1,
        "found_at": "2026-11-23T09:00:00+08:00",
        "photos": [{"sha256": "0" * 64, "stage": "before"}],
        **facts,
    }


def problem(answer, status, code):
    """Asserts an RFC 9457 problem with Chinese words, each of which has English ones; returns its body."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["type"].startswith("urn:anxun:problem:")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in document["title"])
    assert (answer.headers["content-language"], find_english(document["title"]) is None) == ("zh-CN", False), document
    untold = [each["message"] for each in document.get("errors", ()) if not find_english(each["message"])]
    assert not untold, untold
    assert document.get("errors") or find_english(document["detail"]), document
    return document


on_both = pytest.mark.parametrize("api", ["sqlite", "postgresql"], indirect=True)
"""Runs a story on SQLite and on PostgreSQL, where it must end the same."""
