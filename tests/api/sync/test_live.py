"""Who listens hears what changes as it changes, what they may hear and nothing else."""

import asyncio
import contextlib
import http.client
import json
import queue
import shutil
import socket
import threading
import time
import uuid
from datetime import timedelta
from functools import partial

import httpx
import msgspec
import pytest
from msgspec.structs import replace

import api.sync.broadcaster
import api.sync.events
from api.accounts.authentication import SignIn
from api.app import running
from api.settings import Settings
from api.sync.broadcaster import LiveFeed, Reader
from api.sync.events import Listener
from api.sync.routes import Cursor
from inspections.accounts.people import Grant, Role
from inspections.change import Change
from inspections.errors import TooMany
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.steps import Report
from storage.sync.change_feed import head
from tests.builders.api import MONDAY, THERE, Clock, body
from tests.builders.postgres import new_database
from tests.builders.process import Process
from tests.builders.waiting import until


class Ear:
    """Listens in a thread; `next` gives the events one after the other."""

    def __init__(self, process, token, headers):
        self.token = token
        self.heard = queue.Queue()
        self.last = None
        self.line = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)
        self.line.request("GET", "/api/v1/live", headers={"Authorization": token, **headers})
        self.socket = self.line.sock
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()
        assert self.next()[0] == "begin"

    def _listen(self):
        said = self.line.getresponse()
        assert said.headers["content-type"].startswith("text/event-stream")
        event = {}
        with contextlib.suppress(http.client.IncompleteRead):
            for line in said:
                name, _, value = line.decode().strip().partition(": ")
                if name:
                    event[name] = value
                elif event:
                    self.heard.put(event)
                    event = {}
        self.heard.put(None)

    def next(self, seconds=5):
        """The name and the data of the next event; None where the stream has ended."""
        event = self.heard.get(timeout=seconds)
        if event is None:
            return None
        self.last = event.get("id", self.last)
        return event.get("event"), json.loads(event.get("data", "{}"))

    def silent(self, seconds=0.6):
        time.sleep(seconds)
        return self.heard.empty()

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.line.close()


class Street:
    """A server, and who speaks to it or listens: all of it is closed at the end."""

    def __init__(self, stack, folder, *command, **settings):
        self.stack = stack
        self.process = Process(folder, *command, **settings).start()
        stack.callback(self._end)

    def _end(self):
        if self.process.process.poll() is None:
            self.process.stop()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.process.port}/api/v1"

    def phone(self, username="inspector"):
        return self.stack.enter_context(contextlib.closing(self.process.client(username)))

    def ear(self, username, **headers):
        ear = Ear(self.process, self.phone(username).headers["Authorization"], headers)
        self.stack.callback(ear.close)
        return ear


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def street(stack, tmp_path):
    return Street(stack, tmp_path / "data")


def reported(phone, **facts):
    answer = phone.post("/hazards", json=body(**facts))
    assert answer.status_code == 201, answer.text
    return answer.json()["hazard"]


def taken(phone, hazard, step, **facts):
    sent = {"id": str(uuid.uuid4()), "step": step, "version": hazard["version"], **facts}
    answer = phone.post(f"/hazards/{hazard['id']}/steps", json=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_everybody_hears_their_own_within_a_second(street):
    ears = {who: street.ear(who) for who in ("officer", "handler", "officer2")}
    inspector, officer = street.phone(), street.phone("officer")
    began = time.monotonic()
    hazard = reported(inspector)
    name, said = ears["officer"].next()
    assert time.monotonic() - began < 1
    assert (name, said["id"], said["state"], said["version"]) == ("hazard", hazard["id"], "reported", 1)
    assert set(said) == {"id", "number", "state", "version", "community", "category"}
    accepted = taken(officer, hazard, "accept")
    assert ears["handler"].silent()
    assigned = taken(officer, accepted, "assign", lead="handler")
    assert ears["handler"].next() == ("hazard", {**said, "state": "assigned", "version": 3})
    handler = street.phone("handler")
    taken(handler, assigned, "return", reason="不归我管")
    assert ears["handler"].next() == ("gone", {"id": hazard["id"]})
    assert ears["officer2"].silent(0.1)


def test_who_comes_back_hears_what_they_missed(street):
    ear = street.ear("officer")
    inspector = street.phone()
    reported(inspector)
    ear.next()
    ear.close()
    missed = {reported(inspector)["id"] for _ in range(3)}
    again = street.ear("officer", **{"Last-Event-ID": ear.last})
    assert {again.next()[1]["id"] for _ in range(3)} == missed
    synced = street.phone("officer").get("/sync", params={"cursor": ear.last}).json()
    assert {each["id"] for each in synced["items"]} == missed
    assert street.phone("officer").get("/sync", params={"cursor": again.last}).json()["items"] == []


def test_a_server_that_stops_does_not_wait_for_who_listens(street):
    ear = street.ear("officer")
    began = time.monotonic()
    assert street.process.stop() == 0
    assert time.monotonic() - began < 5
    assert ear.next() is None


def test_who_is_signed_out_hears_no_more(street):
    ear = street.ear("officer")
    assert httpx.post(f"{street.address}/auth/logout", headers={"Authorization": ear.token}).is_success
    time.sleep(1)
    reported(street.phone())
    assert ear.next() is None


def test_a_place_that_is_none_is_refused_before_the_stream_begins(street):
    officer = street.phone("officer")
    assert officer.get("/live", headers={"Last-Event-ID": "nonsense"}).status_code == 422
    cursor = officer.get("/sync").json()["cursor"]
    assert street.phone("officer2").get("/live", params={"cursor": cursor}).status_code == 410
    assert httpx.get(f"{street.address}/live").status_code == 401


@pytest.fixture
def at_home(loaded, tmp_path):
    """Runs a story in a context of its own, without a server: it gets the context, an officer and their token."""
    template, tokens = loaded
    shutil.copytree(template, tmp_path / "data")

    def run(story):
        async def told():
            async with running(Settings(data=str(tmp_path / "data")), Clock(), works=False) as context:
                officer = await context.part(SignIn).person(tokens["officer"], "hazard.see")
                await story(context, officer, tokens["officer"])

        asyncio.run(told())

    return run


async def listener(context, person, token):
    present = await context.database.read(head)
    reader = Reader(person.username, None, MONDAY + timedelta(hours=1))
    return Listener(context, person, token, present.place, Cursor.at(present, person, present.place), reader).events()


def listens(context, username):
    return context.part(LiveFeed).reader(Reader(username, None, MONDAY + timedelta(hours=1)), MONDAY)


async def report_at(context):
    inspector = await context.database.read(lambda repository: repository.person("inspector"))
    report = msgspec.convert(body(), Report)
    await context.database.transact(partial(report_hazard, person=inspector, report=report, now=MONDAY))


def test_a_quiet_stream_is_kept_alive_and_its_cursor_moved(at_home, monkeypatch):
    monkeypatch.setattr(api.sync.events, "HEARTBEAT", timedelta(seconds=0.05))

    async def story(context, officer, token):
        async with contextlib.aclosing(await listener(context, officer, token)) as events:
            assert b"event: begin" in await anext(events)
            quiet = await anext(events)
            assert quiet.startswith(b"id: ")
            assert b"data" not in quiet

    at_home(story)


def test_who_sees_more_than_before_is_told_to_begin_anew(at_home):
    async def story(context, officer, token):
        async with contextlib.aclosing(await listener(context, officer, token)) as events:
            await anext(events)
            more = replace(officer, version=2, grants=(*officer.grants, Grant(Role.OFFICER, THERE)))
            await context.database.transact(lambda _: Change(None, changed=((officer, more),)))
            await asyncio.sleep(1)  # what is revoked or given counts within a second
            await report_at(context)
            assert b"event: restart" in await anext(events)
            with pytest.raises(StopAsyncIteration):
                await anext(events)

    at_home(story)


def test_who_reads_too_slowly_is_dropped_and_nobody_else(at_home, monkeypatch):
    monkeypatch.setattr(api.sync.broadcaster, "_BATCHES_WAITING", 2)

    async def story(context, *_):
        async with listens(context, "inspector") as slow, listens(context, "officer") as good:
            for _ in range(3):
                await report_at(context)
                assert await good.next()
            for _ in range(2):
                assert await slow.next()
            assert await slow.next() is None

    at_home(story)


@pytest.mark.parametrize(
    ("limit", "first", "second"),
    [
        ("READERS", ("officer", "192.0.2.1"), ("inspector", "192.0.2.2")),
        ("READERS_OF_PERSON", ("officer", "192.0.2.1"), ("officer", "192.0.2.2")),
        ("READERS_OF_ADDRESS", ("officer", "192.0.2.1"), ("inspector", "192.0.2.1")),
    ],
)
def test_more_than_a_process_a_person_and_an_address_may_have_are_refused(at_home, monkeypatch, limit, first, second):
    monkeypatch.setattr(api.sync.broadcaster, limit, 1)

    async def story(context, *_):
        live = LiveFeed(context.database)
        async with live.reader(Reader(*first, MONDAY + timedelta(seconds=90)), MONDAY):
            with pytest.raises(TooMany) as refused:
                async with live.reader(Reader(*second, MONDAY + timedelta(hours=1)), MONDAY):
                    pass
            assert refused.value.facts["retry_after"] == 90
            if limit == "READERS_OF_ADDRESS":  # nothing is counted of a trusted proxy
                async with live.reader(Reader("inspector", None, MONDAY + timedelta(hours=1)), MONDAY):
                    pass
        async with live.reader(Reader(*second, MONDAY + timedelta(hours=1)), MONDAY):
            pass

    at_home(story)


def test_a_person_has_32_streams_and_everybody_else_still_works(street):
    token = street.phone("officer").headers["Authorization"]
    ears = [Ear(street.process, token, {}) for _ in range(32)]
    for ear in ears:
        street.stack.callback(ear.close)
    refused = httpx.get(f"{street.address}/live", headers={"Authorization": token})
    assert (refused.status_code, refused.json()["code"]) == (429, "requests.too_many")
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60 + 15
    reported(street.phone())
    assert all(ear.next()[0] == "hazard" for ear in ears)
    ears[0].close()
    assert until(lambda: stream_opens(street, token))


def stream_opens(street, token):
    with httpx.stream("GET", f"{street.address}/live", headers={"Authorization": token}) as answer:
        return answer.status_code == 200


def test_a_stream_that_was_asked_for_and_not_read_gives_its_place_back(at_home):
    """As for HEAD, and for a client that goes away before the answer begins."""

    async def story(context, officer, token):
        events = await listener(context, officer, token)
        await anext(events)
        assert len(context.part(LiveFeed)._streams) == 1
        del events
        await asyncio.sleep(0.1)
        assert not context.part(LiveFeed)._streams

    at_home(story)


def test_what_one_process_commits_is_heard_at_another(stack, tmp_path):
    shared = {"ANXUN_DATABASE": stack.enter_context(new_database()), "ANXUN_PHOTOS": tmp_path / "photos"}
    here = Street(stack, tmp_path / "here", **shared)
    there = Street(stack, tmp_path / "there", "serve", **shared)
    ear = there.ear("officer")
    hazard = reported(here.phone())
    assert ear.next()[1]["id"] == hazard["id"]
