"""The live stream sends each listener the changes that they may see at once, and nothing else."""

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
from api.accounts.sign_in.authentication import Authenticator
from api.app import app_lifespan
from api.settings import Settings
from api.sync.broadcaster import POLL_INTERVAL, LiveFeed, Reader
from api.sync.events import EventStream
from api.sync.routes import SyncCursor
from inspections.accounts.people import Grant, Role
from inspections.change import Change
from inspections.errors import TooManyRequests
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.steps import Report
from storage.sync.change_feed import read_head
from tests.builders.api import MONDAY, THERE, Clock, body
from tests.builders.postgres import new_database
from tests.builders.process import NO_TLS, Process
from tests.builders.waiting import PATIENCE, poll_in_loop, poll_until


class Listener:
    """Listens to the live stream in a thread; `next` returns the events one after the other."""

    def __init__(self, process, token, headers):
        self.token = token
        self.heard = queue.Queue()
        self.last = None
        self.line = http.client.HTTPConnection("127.0.0.1", process.port, timeout=PATIENCE)
        self.line.request("GET", "/api/v1/live", headers={"Authorization": token, **headers})
        self.socket = self.line.sock
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()
        assert self.next()[0] == "begin"

    def _listen(self):
        response = self.line.getresponse()
        assert response.headers["content-type"].startswith("text/event-stream")
        event = {}
        with contextlib.suppress(http.client.IncompleteRead):
            for line in response:
                name, _, value = line.decode().strip().partition(": ")
                if name:
                    event[name] = value
                elif event:
                    self.heard.put(event)
                    event = {}
        self.heard.put(None)

    def next(self):
        """Returns the name and the data of the next event, or None where the stream has ended."""
        event = self.heard.get(timeout=PATIENCE)
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


class LiveServer:
    """Runs a server with its clients and listeners, and closes all of them at the end."""

    def __init__(self, stack, folder, *command, **settings):
        self.stack = stack
        self.process = Process(folder, *command, **settings).start()
        stack.callback(self._end)

    def _end(self):
        if self.process.process.poll() is None:
            self.process.stop()

    def phone(self, username="inspector"):
        return self.stack.enter_context(contextlib.closing(self.process.client(username)))

    def listen(self, username, **headers):
        ear = Listener(self.process, self.phone(username).headers["Authorization"], headers)
        self.stack.callback(ear.close)
        return ear


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def server(stack, tmp_path):
    return LiveServer(stack, tmp_path / "data")


def send_report(phone, **facts):
    answer = phone.post("/hazards", json=body(**facts))
    assert answer.status_code == 201, answer.text
    return answer.json()["hazard"]


def take_step(phone, hazard, step, **facts):
    sent = {"id": str(uuid.uuid4()), "step": step, "version": hazard["version"], **facts}
    answer = phone.post(f"/hazards/{hazard['id']}/steps", json=sent)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_listener_hears_visible_changes_within_a_second(server):
    assert timedelta(seconds=1) > POLL_INTERVAL  # nothing else is waited for
    ears = {who: server.listen(who) for who in ("officer", "handler", "officer2")}
    inspector, officer = server.phone(), server.phone("officer")
    hazard = send_report(inspector)
    name, data = ears["officer"].next()
    assert (name, data["id"], data["state"], data["version"]) == ("hazard", hazard["id"], "reported", 1)
    assert set(data) == {"id", "number", "state", "version", "community", "category"}
    accepted = take_step(officer, hazard, "accept")
    assert ears["handler"].silent()
    assigned = take_step(officer, accepted, "assign", lead="handler")
    assert ears["handler"].next() == ("hazard", {**data, "state": "assigned", "version": 3})
    handler = server.phone("handler")
    take_step(handler, assigned, "return", reason="不归我管")
    assert ears["handler"].next() == ("gone", {"id": hazard["id"]})
    assert ears["officer2"].silent(0.1)


def test_a_returning_listener_hears_the_missed_changes(server):
    ear = server.listen("officer")
    inspector = server.phone()
    send_report(inspector)
    ear.next()
    ear.close()
    missed = {send_report(inspector)["id"] for _ in range(3)}
    again = server.listen("officer", **{"Last-Event-ID": ear.last})
    assert {again.next()[1]["id"] for _ in range(3)} == missed
    synced = server.phone("officer").get("/sync", params={"cursor": ear.last}).json()
    assert {each["id"] for each in synced["items"]} == missed
    assert server.phone("officer").get("/sync", params={"cursor": again.last}).json()["items"] == []


def test_a_stopping_server_does_not_wait_for_its_listeners(server):
    ear = server.listen("officer")
    assert server.process.stop() == 0
    assert ear.next() is None


def test_a_signed_out_listener_hears_no_more(server):
    ear = server.listen("officer")
    assert server.process.ask("POST", "/api/v1/auth/logout", headers={"Authorization": ear.token}).is_success
    time.sleep(1)
    send_report(server.phone())
    assert ear.next() is None


def test_an_invalid_cursor_is_refused_before_the_stream_begins(server):
    officer = server.phone("officer")
    assert officer.get("/live", headers={"Last-Event-ID": "nonsense"}).status_code == 422
    cursor = officer.get("/sync").json()["cursor"]
    assert server.phone("officer2").get("/live", params={"cursor": cursor}).status_code == 410
    assert server.process.ask("GET", "/api/v1/live").status_code == 401


@pytest.fixture
def run_in_context(demo_office, tmp_path):
    """Runs a story in an application context, without a server, with the context, an officer and their token."""
    template, tokens = demo_office
    shutil.copytree(template, tmp_path / "data")

    def run(story):
        async def told():
            async with app_lifespan(Settings(data=str(tmp_path / "data")), Clock(), background_work=False) as context:
                officer = await context.part(Authenticator).authenticate(tokens["officer"], "hazard.see")
                await story(context, officer, tokens["officer"])

        asyncio.run(told())

    return run


async def open_stream(context, person, token):
    present = await context.database.read(read_head)
    reader = Reader(person.username, None, MONDAY + timedelta(hours=1))
    return EventStream(
        context, person, token, present.cursor, SyncCursor.create(present, person, present.cursor), reader
    ).events()


def open_reader(context, username):
    return context.part(LiveFeed).reader(Reader(username, None, MONDAY + timedelta(hours=1)), MONDAY)


async def commit_report(context):
    inspector = await context.database.read(lambda repository: repository.person("inspector"))
    report = msgspec.convert(body(), Report)
    await context.database.transact(partial(report_hazard, person=inspector, report=report, now=MONDAY))


def test_a_quiet_stream_is_kept_alive_and_its_cursor_moved(run_in_context, monkeypatch):
    monkeypatch.setattr(api.sync.events, "HEARTBEAT", timedelta(seconds=0.05))

    async def story(context, officer, token):
        async with contextlib.aclosing(await open_stream(context, officer, token)) as events:
            assert b"event: begin" in await anext(events)
            quiet = await anext(events)
            assert quiet.startswith(b"id: ")
            assert b"data" not in quiet

    run_in_context(story)


def test_a_listener_with_new_rights_is_told_to_restart(run_in_context):
    async def story(context, officer, token):
        async with contextlib.aclosing(await open_stream(context, officer, token)) as events:
            await anext(events)
            more = replace(officer, version=2, grants=(*officer.grants, Grant(Role.OFFICER, THERE)))
            await context.database.transact(lambda _: Change(None, changed=((officer, more),)))
            await asyncio.sleep(1)  # changed rights take effect within a second
            await commit_report(context)
            assert b"event: restart" in await anext(events)
            with pytest.raises(StopAsyncIteration):
                await anext(events)

    run_in_context(story)


def test_only_a_slow_reader_is_dropped(run_in_context, monkeypatch):
    monkeypatch.setattr(api.sync.broadcaster, "_BATCHES_WAITING", 2)

    async def story(context, *_):
        async with open_reader(context, "inspector") as slow, open_reader(context, "officer") as good:
            for _ in range(3):
                await commit_report(context)
                assert await good.next_batch()
            for _ in range(2):
                assert await slow.next_batch()
            assert await slow.next_batch() is None

    run_in_context(story)


@pytest.mark.parametrize(
    ("limit", "first", "second"),
    [
        ("READERS", ("officer", "192.0.2.1"), ("inspector", "192.0.2.2")),
        ("READERS_OF_PERSON", ("officer", "192.0.2.1"), ("officer", "192.0.2.2")),
        ("READERS_OF_ADDRESS", ("officer", "192.0.2.1"), ("inspector", "192.0.2.1")),
    ],
)
def test_streams_over_a_process_person_or_address_limit_are_refused(run_in_context, monkeypatch, limit, first, second):
    monkeypatch.setattr(api.sync.broadcaster, limit, 1)

    async def story(context, *_):
        live = LiveFeed(context.database)
        async with live.reader(Reader(*first, MONDAY + timedelta(seconds=90)), MONDAY):
            with pytest.raises(TooManyRequests) as refused:
                async with live.reader(Reader(*second, MONDAY + timedelta(hours=1)), MONDAY):
                    pass
            assert refused.value.facts["retry_after"] == 90
            if limit == "READERS_OF_ADDRESS":  # requests of a trusted proxy are not counted by address
                async with live.reader(Reader("inspector", None, MONDAY + timedelta(hours=1)), MONDAY):
                    pass
        async with live.reader(Reader(*second, MONDAY + timedelta(hours=1)), MONDAY):
            pass

    run_in_context(story)


def test_a_person_has_32_streams_and_the_server_still_works(server):
    token = server.phone("officer").headers["Authorization"]
    ears = [Listener(server.process, token, {}) for _ in range(32)]
    for ear in ears:
        server.stack.callback(ear.close)
    refused = server.process.ask("GET", "/api/v1/live", headers={"Authorization": token})
    assert (refused.status_code, refused.json()["code"]) == (429, "requests.too_many")
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60 + 15
    send_report(server.phone())
    assert all(ear.next()[0] == "hazard" for ear in ears)
    ears[0].close()
    poll_until(lambda: stream_opens(server, token))


def stream_opens(server, token):
    headers = {"Authorization": token}
    with httpx.stream(
        "GET", f"{server.process.address}/api/v1/live", headers=headers, verify=NO_TLS, timeout=PATIENCE
    ) as answer:
        return answer.status_code == 200


def test_an_unread_stream_frees_its_slot(run_in_context):
    """This happens for HEAD, and for a client that disconnects before the response begins."""

    async def story(context, officer, token):
        events = await open_stream(context, officer, token)
        await anext(events)
        assert len(context.part(LiveFeed)._streams) == 1
        del events
        await poll_in_loop(lambda: not context.part(LiveFeed)._streams)

    run_in_context(story)


def test_a_commit_of_one_process_is_heard_at_another(stack, tmp_path):
    shared = {"ANXUN_DATABASE": stack.enter_context(new_database()), "ANXUN_PHOTOS": tmp_path / "photos"}
    here = LiveServer(stack, tmp_path / "here", **shared)
    there = LiveServer(stack, tmp_path / "there", "serve", **shared)
    ear = there.listen("officer")
    hazard = send_report(here.phone())
    assert ear.next()[1]["id"] == hazard["id"]
