"""Notices reach a real sink that fails, hangs and repeats: each at least once, under one id, of a hazard in order."""

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

from api.app import build
from api.http.outbound import Outgoing
from api.process.scheduler import beat, digest
from api.settings import Settings, networks
from inspections.change import Change
from inspections.notices.outbox import Delivery, Notice
from inspections.office.actions import NewRules, edit_rules
from inspections.office.rules import Rules
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, Return
from storage.database import open_database
from storage.engine.connections import owned
from storage.notices.tables import deliveries, notices
from tests.builders.api import HERE, MONDAY, PASSWORD, Api, body, prepare, problem
from tests.builders.office import new_id
from tests.builders.people import signed_in
from tests.builders.postgres import new_database
from tests.builders.process import ANXUN, Process
from tests.builders.reports import report
from tests.builders.sink import sink

SECRET = "0123456789abcdef"


def poor(number):
    """Three calls in ten go wrong, each in its way: one of them was taken, and comes again. Now and then one hangs."""
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


async def works(url, number, begin=0):
    """Hazards that are reported, accepted, assigned, returned and assigned again, by people side by side."""
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


def waiting(url):
    """Notices that are not told, and deliveries that have not arrived; and how many there are of each."""
    database = open_database(url)
    ask = [
        select(func.count()).where(notices.c.told_at.is_(None)),
        select(func.count()).where(deliveries.c.delivered_at.is_(None)),
        select(func.count()).select_from(deliveries),
    ]
    found = database.ask(lambda repository: [repository.rows(query)[0][0] for query in ask])
    asyncio.run(database.close())
    return found


def check(calls, number):
    """Every event came, each under one id and with one body's worth of facts, those of a hazard in their order."""
    by_id, order = {}, {}
    for said in calls:
        if said["hazard"] is None:
            continue
        by_id.setdefault(said["id"], []).append(said)
        told = order.setdefault(said["hazard"]["id"], [])
        if said["id"] not in [each["id"] for each in told]:
            told.append(said)
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
            return subprocess.Popen([ANXUN, "work"], env=server.environment)

        asyncio.run(works(url, number // 2))
        working = [begin() for _ in range(workers)]
        try:
            asyncio.run(works(url, number - number // 2, number // 2))
            for kill in range(kills):
                time.sleep(1.2)
                working[kill % workers].send_signal(signal.SIGKILL)
                working[kill % workers].wait()
                working[kill % workers] = begin()
            until = time.monotonic() + 240
            while (left := waiting(url))[:2] != [0, 0] and time.monotonic() < until:
                time.sleep(0.3)
            assert left[:2] == [0, 0]
        finally:
            for each in working:
                each.terminate()
            assert {each.wait(30) for each in working} <= {0, -signal.SIGTERM}
        check(poorly.until(0), number)
        return poorly


@pytest.mark.drill
def test_two_workers_one_of_them_killed_tell_a_poor_sink_everything_in_order(tmp_path, postgres):
    poorly = deliver_and_kill(tmp_path, postgres, poor, number=6, workers=2, kills=1)
    assert len(poorly.calls) > len(poorly.accepted)


@pytest.mark.drill
def test_three_workers_killed_again_and_again_tell_a_poor_sink_everything_in_order(tmp_path, postgres):
    deliver_and_kill(tmp_path, postgres, poor, number=150, workers=3, kills=8)


def test_a_server_that_is_killed_goes_on_where_it_was_on_sqlite(tmp_path):
    with sink(poor) as poorly:
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
        until = time.monotonic() + 60
        while (told := {said["hazard"]["id"] for said in poorly.until(0) if said["hazard"]}) != set(sent):
            assert time.monotonic() < until, f"{len(told)} of {len(sent)}"
            time.sleep(0.1)
        server.stop()


@pytest.fixture
def hooked(tmp_path, loaded, clock):
    """The application with a webhook to a sink, its people, and what the sink is to answer."""
    template, tokens = loaded
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    with sink() as hook:
        made = Settings(**settings(folder, "", hook.url), tick_seconds=0.05)
        with TestClient(build(made, clock), raise_server_exceptions=False) as client:
            yield Api(client, clock, dict(tokens), folder), hook


def events(hook, number, meanwhile=lambda: None):
    """The first so many events about hazards, once they are there."""
    until = time.monotonic() + 20
    while len(found := [each for each in hook.until(0) if each["hazard"]]) < number and time.monotonic() < until:
        meanwhile()
        time.sleep(0.05)
    return found


def test_a_hook_that_answers_500_for_a_day_gets_everything_after_it(hooked):
    api, hook = hooked
    assert len(hook.until(1)) == 1  # the file of the day
    hook.answer = lambda _: 500
    hazard = api.assigned()
    failing = stuck(api, "failing", 1)
    assert (failing[0]["kind"], failing[0]["error"], failing[0]["tries"]) == ("report", "answered 500", 1)
    for _ in range(24):
        api.clock.pass_(hours=1)
        time.sleep(0.05)
    hook.answer = lambda _: 204
    api.clock.pass_(hours=1)
    found = events(hook, 2, meanwhile=lambda: api.clock.pass_(minutes=10))  # a try may still fail in the hour before
    assert [each["kind"] for each in found[:2]] == ["report", "assign"]
    assert {each["hazard"]["number"] for each in found} == {hazard["number"]}
    signed_in(api, "admin", PASSWORD)
    assert stuck(api, "dead") == []


def stuck(api, state, number=0, who="admin"):
    until = time.monotonic() + 20
    while True:
        items = api.get(who, "/deliveries", params={"state": state}).json()["items"]
        if len(items) >= number or time.monotonic() > until:
            return items
        time.sleep(0.05)


def test_what_was_given_up_is_seen_and_sent_again_by_an_administrator(hooked, monkeypatch):
    monkeypatch.setattr("inspections.notices.actions.delivery.TRIES", 2)
    api, hook = hooked
    assert len(hook.until(1)) == 1
    hook.answer = lambda _: 500
    hazard = api.report("inspector")
    stuck(api, "failing", 1)
    api.clock.pass_(minutes=1)
    (dead,) = stuck(api, "dead", 1)
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
    assert stuck(api, "dead") == []
    assert api.get("admin", "/deliveries?cursor=x").status_code == 422
    assert api.get("admin", "/deliveries?state=lost").status_code == 422


def test_a_hook_that_hangs_holds_up_no_inbox_and_no_request(hooked):
    api, hook = hooked
    assert len(hook.until(1)) == 1
    hook.answer = lambda _: "hang"
    began = time.monotonic()
    hazard = api.assigned()
    until = time.monotonic() + 5
    while not (items := api.get("handler", "/inbox").json()["items"]) and time.monotonic() < until:
        time.sleep(0.05)
    assert items[0]["hazard"]["number"] == hazard["number"]
    assert time.monotonic() - began < 5


def test_a_hook_at_a_private_address_is_refused_and_said_so(tmp_path, loaded, clock):
    template, tokens = loaded
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    with sink() as own:
        made = Settings(**settings(folder, "", own.url, intranet="10.0.0.0/8"), tick_seconds=0.05)
        with TestClient(build(made, clock), raise_server_exceptions=False) as client:
            api = Api(client, clock, dict(tokens), folder)
            api.report("inspector")
            assert "is not public" in stuck(api, "failing", 1)[0]["error"]
        assert own.calls == []


def test_a_heartbeat_goes_out_on_its_interval_from_one_process_of_all(tmp_path, loaded, clock):
    template, _ = loaded
    folder = tmp_path / "data"
    shutil.copytree(template, folder)

    async def story():
        database = open_database(f"sqlite:///{folder}/anxun.db")
        outgoing = Outgoing(networks("127.0.0.1"))
        for _ in range(3):
            for _ in range(2):
                await beat(database, outgoing, hook.url, timedelta(seconds=60), clock())
            clock.pass_(seconds=60)
        hook.answer = lambda _: 500
        await beat(database, outgoing, hook.url, timedelta(seconds=60), clock())
        clock.pass_(seconds=60)
        await beat(database, outgoing, "http://127.0.0.1:1/", timedelta(seconds=60), clock())
        await outgoing.close()
        await database.close()

    with sink() as hook:
        asyncio.run(story())
    assert len(hook.accepted) == 3


def test_of_two_processes_one_tells_the_digest_of_the_day(tmp_path, loaded, clock):
    template, _ = loaded
    folder = tmp_path / "data"
    shutil.copytree(template, folder)

    async def story():
        database = open_database(f"sqlite:///{folder}/anxun.db")
        inspector = await database.read(lambda repository: repository.person("inspector"))
        sent = report(community=HERE, found_at=clock())
        await database.transact(partial(report_hazard, person=inspector, report=sent, now=clock()))
        told = [await digest(database, clock())]
        clock.pass_(hours=23)
        told += await asyncio.gather(*(digest(database, clock()) for _ in range(2)))
        await database.close()
        return told

    assert asyncio.run(story()) == [0, 1, 0]


def test_a_running_server_beats(tmp_path, loaded):
    template, _ = loaded
    folder = tmp_path / "data"
    shutil.copytree(template, folder)
    with sink() as hook:
        made = Settings(data=str(folder), intranet="127.0.0.1", heartbeat=hook.url, heartbeat_seconds=1)
        with TestClient(build(made)):
            until = time.monotonic() + 10
            while len(hook.accepted) < 2 and time.monotonic() < until:
                time.sleep(0.05)
    assert len(hook.accepted) >= 2
    assert hook.accepted[0] == b""


def test_the_command_lists_what_was_given_up_and_sends_it_again(tmp_path, loaded):
    template, _ = loaded
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
    status, said = anxun("dead")
    assert status == 0
    assert lost in said
    assert "answered 500" in said
    assert anxun("replay", str(uuid.uuid4()))[0] == 2
    assert anxun("replay")[0] == 2
    assert anxun("replay", lost) == (0, "1 deliveries are tried again\n")
    assert anxun("dead") == (0, "nothing was given up\n")
    assert anxun("replay", "--all") == (0, "0 deliveries are tried again\n")
    with owned(url):
        assert anxun("replay", "--all")[0] == 2
