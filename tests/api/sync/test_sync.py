"""A phone asks what has changed since it last asked, and misses nothing."""

import base64
import hashlib
import json

import pytest

from storage.photos.sample_images import draw
from storage.sync.change_feed import head
from tests.builders.api import HERE, MONDAY, THERE, on_both, problem
from tests.builders.lent_roles import lent
from tests.builders.main_job import wait_for
from tests.builders.people import new, signed_in


class Phone:
    """Follows as one person; `hazards` is what it has, `came` every item in the order in which it came."""

    def __init__(self, api, who):
        self.api, self.who = api, who
        self.cursor, self.hazards, self.came = None, {}, []

    def ask(self, **query):
        given = {"cursor": self.cursor} if self.cursor else {}
        return self.api.get(self.who, "/sync", params={**given, **query})

    def sync(self, **query):
        """Asks until there is no more; answers the numbers of what came and of what went.

        Only when the photos are developed, which is a change too, and when everything that was committed can be read:
        where other transactions are open, a feed waits for them.
        """
        wait_for(lambda: not waiting(self.api))
        wait_for(lambda: settled(self.api))
        came, gone, more = [], [], True
        while more:
            answer = self.ask(**query)
            assert answer.status_code == 200, answer.text
            said = answer.json()
            came += said["items"]
            gone += said["gone"]
            self.hazards |= {each["id"]: each for each in said["items"]}
            for each in said["gone"]:
                self.hazards.pop(each, None)
            self.cursor, more = said["cursor"], said["more"]
        self.came += came
        return [each["number"] for each in came], gone


def waiting(api):
    """Photos of hazards that are there and not developed yet."""
    seen = [each for who in ("supervisor", "officer2") for each in api.get(who, "/hazards").json().get("items", ())]
    return [photo for each in seen for photo in each["photos"] if photo["state"] == "received"]


def settled(api):
    """Whether the last change that there is may be read now."""
    found = api.client.blocking_portal.call(api.client.app.state.context.database.read, head)
    return found.place == found.newest


@pytest.fixture
def officer(api):
    phone = Phone(api, "officer")
    phone.sync()
    return phone


@on_both
def test_what_changed_comes_once_and_as_it_is_now(api, officer):
    hazard = api.report("inspector")
    api.taken("officer", hazard, "accept")
    assert officer.sync() == ([hazard["number"]], [])
    assert officer.hazards[hazard["id"]] == api.get("officer", f"/hazards/{hazard['id']}").json()
    assert officer.hazards[hazard["id"]]["state"] == "accepted"
    assert officer.sync() == ([], [])


@on_both
def test_a_phone_that_begins_gets_what_it_may_see_page_by_page(api):
    mine = {api.report("inspector")["number"] for _ in range(5)}
    foreign = api.report("inspector2", community=THERE)["number"]
    closed = api.closed()
    phone = Phone(api, "officer")
    assert set(phone.sync(limit=2)[0]) == {*mine, closed["number"]}
    assert Phone(api, "officer2").sync()[0] == [foreign]
    api.clock.pass_(days=91)
    signed_in(api, "officer", "a-password-for-Tests")
    assert set(Phone(api, "officer").sync()[0]) == mine, "what ended long ago is not given"


@on_both
def test_what_changes_while_a_phone_begins_is_not_lost(api):
    for _ in range(3):
        api.report("inspector")
    phone = Phone(api, "officer")
    said = phone.ask(limit=1).json()
    assert said["more"]
    phone.cursor = said["cursor"]
    hazard = api.taken("officer", said["items"][0], "accept")
    api.report("inspector")
    phone.sync(limit=1)
    assert phone.hazards[hazard["id"]]["state"] == "accepted"
    assert len(phone.hazards) == 4


@on_both
def test_what_leaves_a_handlers_hands_is_gone_from_the_phone(api, officer):
    phone = Phone(api, "handler")
    phone.sync()
    hazard = api.assigned()
    other = api.report("inspector")
    assert phone.sync() == ([hazard["number"]], [])
    api.taken("handler", hazard, "return", reason="不归我管")
    assert phone.sync() == ([], [hazard["id"]])
    assert phone.hazards == {}
    assert phone.sync() == ([], [])
    assert set(officer.sync()[0]) == {hazard["number"], other["number"]}


@on_both
def test_who_gets_it_back_keeps_it(api):
    phone = Phone(api, "handler")
    phone.sync()
    hazard = api.assigned()
    phone.sync()
    back = api.taken("handler", hazard, "return", reason="不归我管")
    api.taken("officer", back, "assign", lead="handler")
    assert phone.sync() == ([hazard["number"]], [])


@on_both
def test_a_photo_that_arrives_is_a_change_of_its_hazard(api, officer):
    data = draw("late", "EB-01", MONDAY)
    digest = hashlib.sha256(data).hexdigest()
    hazard = api.report("inspector", photos=[{"sha256": digest, "stage": "before"}])
    officer.sync()
    assert officer.hazards[hazard["id"]]["missing_photos"] == [digest]
    api.photo("inspector", data)
    assert officer.sync()[0] == [hazard["number"]]
    assert officer.hazards[hazard["id"]]["missing_photos"] == []


@on_both
def test_a_change_of_what_one_may_see_begins_anew(api):
    grants = [{"role": "inspector", "scope": HERE}]
    assert api.post("admin", "/people", new(username="han", grants=grants)).status_code == 201
    signed_in(api, "han", "correct horse battery")
    lent(api, to="han")
    phone = Phone(api, "han")
    phone.sync()
    api.clock.pass_(minutes=6)
    problem(phone.ask(), 410, "sync.restart")
    phone.cursor = None
    phone.sync()
    api.clock.pass_(minutes=5)
    problem(phone.ask(), 410, "sync.restart")


@on_both
def test_a_cursor_of_another_store_or_of_nobody_is_refused(api, officer):
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
