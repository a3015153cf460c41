"""Notices reach a real sink that fails and hangs: each at least once, under one id, in order for each hazard."""

import asyncio
import shutil
import signal
import subprocess
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from litestar.testing import TestClient
from sqlalchemy import func, select

from api.app import build_app
from api.http.outbound import OutboundClient
from api.process.scheduler import run_notice_digests, send_heartbeat
from api.settings import Settings, parse_networks
from inspections.change import Change
from inspections.notices.outbox import Delivery, Notice
from inspections.office.actions import NewRules, edit_rules
from inspections.office.rules import Rules
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, Return
from storage.database import open_database
from storage.engine.connections import write_access
from storage.notices.tables import deliveries, notices
from tests.builders.api import HERE, MONDAY, PASSWORD, Api, body, prepare, problem
from tests.builders.cleanup import launch
from tests.builders.office import new_id
from tests.builders.people import sign_in_as
from tests.builders.postgres import new_database
from tests.builders.process import ANXUN, Process
from tests.builders.reports import report
from tests.builders.sink import sink
from tests.builders.waiting import PATIENCE, poll_until

SECRET = "0123456789abcdef"


def answer_poorly(number):
    """Fails three calls in ten, one of them after the sink has taken the event, and hangs now and then."""
    return "hang" if number % 50 == 25 else {1: 500, 4: "cut", 7: "taken, then cut"}.get(number % 10, 204)


def settings(folder, url, address, **more):
    return {
        "data": str(folder),
        "database": url,
        "webhook": address,
        "webhook_secret": SECRET,
        "intranet": "127.0.0.1",
        **more,
    }


async def report_and_assign_hazards(url, number, begin=0):
    """Reports hazards, then accepts, assigns, returns and assigns them again, twenty at a time."""
    database = open_database(url)
    people = await database.read(
        lambda repository: {name: repository.person(name) for name in ("inspector", "officer", "handler", "admin")}
    )
    if begin == 0:  # no quiet hours: the clock is the real one, at whatever hour this runs
        awake = partial(edit_rules, person=people["admin"], sent=NewRules(0, Rules(quiet_hours=None)))
        await database.transact(partial(awake, now=datetime.now(UTC)))

    async def one(at):
        now = datetime.now(UTC)
        sent = report(community=HERE, category="EB-01", found_at=now, description=f"第 {begin + at} 起")
        await database.transact(partial(report_hazard, person=people["inspector"], report=sent, now=now))
        steps = [
            ("officer", Accept, {}),
            ("officer", Assign, {"lead": "handler"}),
            ("handler", Return, {"reason": "不归我管"}),
            ("officer", Assign, {"lead": "handler"}),
        ]
        for version, (who, kind, facts) in enumerate(steps, 1):
            step = kind(id=new_id(), version=version, **facts)
            action = partial(take_step, person=people[who], hazard_id=sent.id, step=step, now=datetime.now(UTC))
            await database.transact(action)

    for first in range(0, number, 20):
        await asyncio.gather(*map(one, range(first, min(first + 20, number))))
    await database.close()


def count_undelivered(url):
    """Counts notices that are not told, deliveries that have not arrived, and all deliveries."""
    database = open_database(url)
    ask = [
        select(func.count()).where(notices.c.told_at.is_(None)),
        select(func.count()).where(deliveries.c.delivered_at.is_(None)),
        select(func.count()).select_from(deliveries),
    ]
    found = database.read_sync(lambda repository: [repository.rows(query)[0][0] for query in ask])
    asyncio.run(database.close())
    return found


def check_events(calls, number):
    """Checks that every event came under one id with the same facts, and those of a hazard in order."""
    by_id, order = {}, {}
    for call in calls:
        if call["hazard"] is None:
            continue
        by_id.setdefault(call["id"], []).append(call)
        told = order.setdefault(call["hazard"]["id"], [])
        if call["id"] not in [each["id"] for each in told]:
            told.append(call)
    assert len(by_id) == 4 * number
    for same in by_id.values():
        assert len({(each["kind"], each["at"], tuple(each["to"])) for each in same}) == 1
    assert len(order) == number
    for told in order.values():
        assert [each["kind"] for each in told] == ["report", "assign", "return", "assign"]
        assert [each["at"] for each in told] == sorted(each["at"] for each in told)


@pytest.fixture
def postgres():
    with new_database() as url:
        prepare(url)
        yield url


def deliver_and_kill(tmp_path, url, answer, *, number, workers, kills):
    quick = {"ANXUN_WEBHOOK_SECRET": SECRET, "ANXUN_INTRANET": "127.0.0.1", "ANXUN_DATABASE": url}
    with sink(answer) as poorly:
        server = Process(tmp_path / "data", ANXUN_WEBHOOK=poorly.url, **quick)

        def begin():
            return launch([ANXUN, "work"], env=server.environment)

        asyncio.run(report_and_assign_hazards(url, number // 2))
        working = [begin() for _ in range(workers)]
        try:
            asyncio.run(report_and_assign_hazards(url, number - number // 2, number // 2))
            for kill in range(kills):
                time.sleep(1.2)
                working[kill % workers].send_signal(signal.SIGKILL)
                working[kill % workers].wait()
                working[kill % workers] = begin()
            poll_until(lambda: count_undelivered(url)[:2] == [0, 0], lambda: count_undelivered(url))
        finally:
            for each in working:
                each.terminate()
            assert {each.wait(PATIENCE) for each in working} <= {0, -signal.SIGTERM}
        check_events(poorly.bodies(), number)
        return poorly


@pytest.mark.drill
def test_two_workers_deliver_all_events_in_order_though_one_is_killed(tmp_path, postgres):
    poorly = deliver_and_kill(tmp_path, postgres, answer_poorly, number=6, workers=2, kills=1)
    assert len(poorly.calls) > len(poorly.accepted)


@pytest.mark.drill
def test_three_workers_deliver_all_events_in_order_though_killed_repeatedly(tmp_path, postgres):
    deliver_and_kill(tmp_path, postgres, answer_poorly, number=150, workers=3, kills=8)


def test_a_killed_server_resumes_its_deliveries_on_sqlite(tmp_path):
    with sink(answer_poorly) as poorly:
        hook = {"ANXUN_WEBHOOK": poorly.url, "ANXUN_WEBHOOK_SECRET": SECRET, "ANXUN_INTRANET": "127.0.0.1"}
        server = Process(tmp_path / "data", ANXUN_TICK_SECONDS=0.1, **hook).start()
        with closing(server.client("admin")) as admin:  # no quiet hours, as above
            kept = admin.get("/rules").json()
            rules = {"version": kept["version"], "rules": {**kept["rules"], "quiet_hours": None}}
            assert admin.post("/rules", json=rules).status_code == 200
        with closing(server.client()) as client:
            sent = [client.post("/hazards", json=body()).json()["hazard"]["id"] for _ in range(6)]
        server.stop(signal.SIGKILL)
        server.start()

        def told():
            return {call["hazard"]["id"] for call in poorly.bodies() if call["hazard"]}

        poll_until(lambda: told() == set(sent), lambda: f"{len(told())} of {len(sent)}")
        server.stop()


@pytest.fixture
def api_with_hook(tmp_path, demo_office, clock):
    """Runs the application with a webhook to a sink; yields its API and the sink."""
    template, tokens = demo_office
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    with sink() as hook:
        made = Settings(**settings(folder, "", hook.url), tick_seconds=0.05)
        with TestClient(build_app(made, clock), raise_server_exceptions=False) as client:
            yield Api(client, clock, dict(tokens), folder), hook


def events(hook, number, meanwhile=lambda: None):
    """Waits until `number` events about hazards have arrived and returns all of them."""

    def found():
        meanwhile()
        told = [each for each in hook.bodies() if each["hazard"]]
        return told if len(told) >= number else None

    return poll_until(found)


def test_a_webhook_that_fails_for_a_day_gets_every_event_afterwards(api_with_hook):
    api, hook = api_with_hook
    assert len(hook.wait_for_bodies(1)) == 1  # the notice of the daily digest file
    hook.answer = lambda _: 500
    hazard = api.assign_report()
    failing = find_deliveries(api, "failing", 1)
    assert (failing[0]["kind"], failing[0]["error"], failing[0]["tries"]) == ("report", "answered 500", 1)
    for _ in range(24):
        api.clock.advance(hours=1)
        time.sleep(0.05)
    hook.answer = lambda _: 204
    api.clock.advance(hours=1)
    found = events(hook, 2, meanwhile=lambda: api.clock.advance(minutes=10))  # a try may still fail in the hour before
    assert [each["kind"] for each in found[:2]] == ["report", "assign"]
    assert {each["hazard"]["number"] for each in found} == {hazard["number"]}
    sign_in_as(api, "admin", PASSWORD)
    assert find_deliveries(api, "dead") == []


def find_deliveries(api, state, number=0, who="admin"):
    def listed():
        items = api.get(who, "/deliveries", params={"state": state}).json()["items"]
        return (items,) if len(items) >= number else None

    return poll_until(listed)[0]


def test_an_administrator_sees_dead_deliveries_and_sends_them_again(api_with_hook, monkeypatch):
    monkeypatch.setattr("inspections.notices.actions.delivery.TRIES", 2)
    api, hook = api_with_hook
    assert len(hook.wait_for_bodies(1)) == 1
    hook.answer = lambda _: 500
    hazard = api.report("inspector")
    find_deliveries(api, "failing", 1)
    api.clock.advance(minutes=1)
    (dead,) = find_deliveries(api, "dead", 1)
    assert (dead["hazard"], dead["tries"], dead["error"], dead["channel"]) == (
        hazard["id"],
        2,
        "answered 500",
        "webhook",
    )
    hook.answer = lambda _: 204
    problem(api.post("officer", f"/deliveries/{dead['id']}/replay", None), 403, "role.forbidden")
    problem(api.post("admin", f"/deliveries/{uuid.uuid4()}/replay", None), 404, "delivery.not_found")
    again = api.post("admin", f"/deliveries/{dead['id']}/replay", None)
    assert (again.status_code, again.json()["dead_at"], again.json()["event"]) == (200, None, dead["event"])
    assert [each["id"] for each in events(hook, 1)] == [dead["event"]]
    assert find_deliveries(api, "dead") == []
    assert api.get("admin", "/deliveries?cursor=x").status_code == 422
    assert api.get("admin", "/deliveries?state=lost").status_code == 422


def test_a_hanging_webhook_delays_no_inbox_and_no_request(api_with_hook, monkeypatch):
    monkeypatch.setattr("api.http.outbound.SECONDS", 2 * PATIENCE)  # the request to the hook is not given up meanwhile
    api, hook = api_with_hook
    assert len(hook.wait_for_bodies(1)) == 1
    hook.answer = lambda _: "hang"
    hazard = api.assign_report()
    (item,) = poll_until(lambda: api.get("handler", "/inbox").json()["items"])
    assert item["hazard"]["number"] == hazard["number"]
    poll_until(lambda: len(hook.calls) > 1)


def test_a_webhook_at_a_private_address_is_refused_with_a_reason(tmp_path, demo_office, clock):
    template, tokens = demo_office
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    with sink() as own:
        made = Settings(**settings(folder, "", own.url, intranet="10.0.0.0/8"), tick_seconds=0.05)
        with TestClient(build_app(made, clock), raise_server_exceptions=False) as client:
            api = Api(client, clock, dict(tokens), folder)
            api.report("inspector")
            assert "is not public" in find_deliveries(api, "failing", 1)[0]["error"]
        assert own.calls == []


def test_only_one_process_sends_a_heartbeat_per_interval(tmp_path, demo_office, clock):
    template, _ = demo_office
    folder = tmp_path / "data"
    shutil.copytree(template, folder)

    async def story():
        database = open_database(f"sqlite:///{folder}/anxun.db")
        outgoing = OutboundClient(parse_networks("127.0.0.1"))
        for _ in range(3):
            for _ in range(2):
                await send_heartbeat(database, outgoing, hook.url, timedelta(seconds=60), clock())
            clock.advance(seconds=60)
        hook.answer = lambda _: 500
        await send_heartbeat(database, outgoing, hook.url, timedelta(seconds=60), clock())
        clock.advance(seconds=60)
        await send_heartbeat(database, outgoing, "http://127.0.0.1:1/", timedelta(seconds=60), clock())
        await outgoing.close()
        await database.close()

    with sink() as hook:
        asyncio.run(story())
    assert len(hook.accepted) == 3


def test_only_one_of_two_processes_sends_the_daily_digest(tmp_path, demo_office, clock):
    template, _ = demo_office
    folder = tmp_path / "data"
    shutil.copytree(template, folder)

    async def story():
        database = open_database(f"sqlite:///{folder}/anxun.db")
        inspector = await database.read(lambda repository: repository.person("inspector"))
        sent = report(community=HERE, found_at=clock())
        await database.transact(partial(report_hazard, person=inspector, report=sent, now=clock()))
        told = [await run_notice_digests(database, clock())]
        clock.advance(hours=23)
        told += await asyncio.gather(*(run_notice_digests(database, clock()) for _ in range(2)))
        await database.close()
        return told

    assert asyncio.run(story()) == [0, 1, 0]


def test_a_running_server_sends_heartbeats(tmp_path, demo_office):
    template, _ = demo_office
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    with sink() as hook:
        made = Settings(data=str(folder), intranet="127.0.0.1", heartbeat=hook.url, heartbeat_seconds=1)
        with TestClient(build_app(made)):
            poll_until(lambda: len(hook.accepted) >= 2)
    assert hook.accepted[0] == b""


def test_the_command_lists_dead_deliveries_and_sends_them_again(tmp_path, demo_office):
    template, _ = demo_office
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    url = f"sqlite:///{folder}/anxun.db"

    async def given_up():
        database = open_database(url)
        notice = Notice(new_id(), "digest.history", MONDAY, facts={"file": "x.txt"}, told_at=MONDAY)
        lost = Delivery(
            new_id(), notice.id, "webhook", "", (), None, 0, MONDAY, tries=64, dead_at=MONDAY, error="answered 500"
        )
        await database.transact(lambda _: Change(None, (notice, lost)))
        await database.close()
        return str(lost.id)

    def anxun(*command):
        environment = Process(folder).environment
        done = subprocess.run(
            [ANXUN, "notices", *command], env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    lost = asyncio.run(given_up())
    status, output = anxun("dead")
    assert status == 0
    assert lost in output
    assert "answered 500" in output
    assert anxun("replay", str(uuid.uuid4()))[0] == 2
    assert anxun("replay")[0] == 2
    assert anxun("replay", lost) == (0, "1 deliveries are tried again\n")
    assert anxun("dead") == (0, "nothing was given up\n")
    assert anxun("replay", "--all") == (0, "0 deliveries are tried again\n")
    with write_access(url):
        assert anxun("replay", "--all")[0] == 2
