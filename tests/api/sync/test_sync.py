"""A phone fetches the changes since its last request and misses none."""

import base64
import hashlib
import json

import pytest

from storage.photos.sample_images import draw_sample_photo
from storage.sync.change_feed import read_head
from tests.builders.api import HERE, MONDAY, THERE, on_both, problem
from tests.builders.delegations import lend_role
from tests.builders.people import new_person, sign_in_as
from tests.builders.waiting import poll_until


class Phone:
    """Syncs as one person; `hazards` is its current state, `received` every item in the order of arrival."""

    def __init__(self, api, who):
        self.api, self.who = api, who
        self.cursor, self.hazards, self.received = None, {}, []

    def ask(self, **query):
        given = {"cursor": self.cursor} if self.cursor else {}
        return self.api.get(self.who, "/sync", params={**given, **query})

    def sync(self, **query):
        """Fetches all changes; returns the numbers of the received hazards and the ids of the gone ones.

        First waits until all photos are processed, which is a change too, and until every commit can be read: a feed
        waits for other open transactions.
        """
        poll_until(lambda: not unprocessed_photos(self.api))
        poll_until(lambda: is_settled(self.api))
        received, gone, more = [], [], True
        while more:
            answer = self.ask(**query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            received += page["items"]
            gone += page["gone"]
            self.hazards |= {each["id"]: each for each in page["items"]}
            for each in page["gone"]:
                self.hazards.pop(each, None)
            self.cursor, more = page["cursor"], page["more"]
        self.received += received
        return [each["number"] for each in received], gone


def unprocessed_photos(api):
    """Lists the photos of visible hazards that are not processed yet."""
    seen = [each for who in ("supervisor", "officer2") for each in api.get(who, "/hazards").json().get("items", ())]
    return [photo for each in seen for photo in each["photos"] if photo["state"] == "received"]


def is_settled(api):
    """Tells whether the newest change can be read now."""
    found = api.client.blocking_portal.call(api.client.app.state.context.database.read, read_head)
    return found.cursor == found.newest


@pytest.fixture
def officer(api):
    phone = Phone(api, "officer")
    phone.sync()
    return phone


@on_both
def test_a_changed_hazard_arrives_once_in_its_current_state(api, officer):
    hazard = api.report("inspector")
    api.take_step("officer", hazard, "accept")
    assert officer.sync() == ([hazard["number"]], [])
    assert officer.hazards[hazard["id"]] == api.get("officer", f"/hazards/{hazard['id']}").json()
    assert officer.hazards[hazard["id"]]["state"] == "accepted"
    assert officer.sync() == ([], [])


@on_both
def test_a_new_phone_gets_all_visible_hazards_page_by_page(api):
    mine = {api.report("inspector")["number"] for _ in range(5)}
    foreign = api.report("inspector2", community=THERE)["number"]
    closed = api.close_report()
    phone = Phone(api, "officer")
    assert set(phone.sync(limit=2)[0]) == {*mine, closed["number"]}
    assert Phone(api, "officer2").sync()[0] == [foreign]
    api.clock.advance(days=91)
    sign_in_as(api, "officer", "a-password-for-Tests")
    assert set(Phone(api, "officer").sync()[0]) == mine, "what ended long ago is not given"


@on_both
def test_a_change_during_the_first_sync_is_not_lost(api):
    for _ in range(3):
        api.report("inspector")
    phone = Phone(api, "officer")
    page = phone.ask(limit=1).json()
    assert page["more"]
    phone.cursor = page["cursor"]
    hazard = api.take_step("officer", page["items"][0], "accept")
    api.report("inspector")
    phone.sync(limit=1)
    assert phone.hazards[hazard["id"]]["state"] == "accepted"
    assert len(phone.hazards) == 4


@on_both
def test_a_returned_hazard_is_gone_from_the_handlers_phone(api, officer):
    phone = Phone(api, "handler")
    phone.sync()
    hazard = api.assign_report()
    other = api.report("inspector")
    assert phone.sync() == ([hazard["number"]], [])
    api.take_step("handler", hazard, "return", reason="不归我管")
    assert phone.sync() == ([], [hazard["id"]])
    assert phone.hazards == {}
    assert phone.sync() == ([], [])
    assert set(officer.sync()[0]) == {hazard["number"], other["number"]}


@on_both
def test_a_reassigned_hazard_stays_on_the_handlers_phone(api):
    phone = Phone(api, "handler")
    phone.sync()
    hazard = api.assign_report()
    phone.sync()
    back = api.take_step("handler", hazard, "return", reason="不归我管")
    api.take_step("officer", back, "assign", lead="handler")
    assert phone.sync() == ([hazard["number"]], [])


@on_both
def test_an_arriving_photo_changes_its_hazard(api, officer):
    data = draw_sample_photo("late", "EB-01", MONDAY)
    digest = hashlib.sha256(data).hexdigest()
    hazard = api.report("inspector", photos=[{"sha256": digest, "stage": "before"}])
    officer.sync()
    assert officer.hazards[hazard["id"]]["missing_photos"] == [digest]
    api.photo("inspector", data)
    assert officer.sync()[0] == [hazard["number"]]
    assert officer.hazards[hazard["id"]]["missing_photos"] == []


@on_both
def test_changed_rights_restart_the_sync(api):
    grants = [{"role": "inspector", "scope": HERE}]
    assert api.post("admin", "/people", new_person(username="han", grants=grants)).status_code == 201
    sign_in_as(api, "han", "correct horse battery")
    lend_role(api, to="han")
    phone = Phone(api, "han")
    phone.sync()
    api.clock.advance(minutes=6)
    problem(phone.ask(), 410, "sync.restart")
    phone.cursor = None
    phone.sync()
    api.clock.advance(minutes=5)
    problem(phone.ask(), 410, "sync.restart")


@on_both
def test_a_foreign_or_invalid_cursor_is_refused(api, officer):
    epoch, *rest = json.loads(base64.urlsafe_b64decode(officer.cursor))
    assert epoch
    for cursor, status, code in (
        (["0" * 16, *rest], 410, "sync.restart"),
        ([epoch, rest[0], 10**18, 10**18, None], 410, "sync.restart"),
        ([epoch, rest[0], 10**30, 1, None], 410, "sync.restart"),
        ([epoch, rest[0], -1, -1, None], 410, "sync.restart"),
        ([epoch, rest[0], 0], 422, "step.needs"),
        ([epoch, rest[0], 0, 1, None, None], 422, "step.needs"),
        ({"a": 1}, 422, "step.needs"),
    ):
        phone = Phone(api, "officer")
        phone.cursor = base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode()
        problem(phone.ask(), status, code)
    for cursor in ("", "nonsense", "é", "=" * 4000, "\x00"):
        problem(api.get("officer", "/sync", params={"cursor": cursor}), 422, "step.needs")
    problem(api.get("officer2", "/sync", params={"cursor": officer.cursor}), 410, "sync.restart")
    problem(api.get(None, "/sync"), 401, "auth.required")
