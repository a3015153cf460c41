"""Proves that servers and workers share one PostgreSQL database, and that any of them may be killed."""

import hashlib
import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from storage.engine.postgres import CONNECTIONS
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, body
from tests.builders.cleanup import launch
from tests.builders.commands import anxun
from tests.builders.postgres import administer, cut_connections, new_database
from tests.builders.process import (
    ANXUN,
    Process,
    check_acknowledged_reports,
    kill_while_reporting,
    more_come,
    reporting,
)
from tests.builders.waiting import PATIENCE, poll_until


@pytest.fixture
def url():
    with new_database() as url:
        yield url


@pytest.fixture
def server(tmp_path, url):
    server = Process(tmp_path / "data", "serve", "--demo", "--workers", "2", "--no-work", ANXUN_DATABASE=url).start()
    yield server
    if server.process.poll() is None:
        server.stop(signal.SIGKILL)


def worker_pids(server):
    pid = server.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def has_ended(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def count_sessions(database, state):
    """Count the sessions of PostgreSQL in a state."""
    return administer(f"select 1 from pg_stat_activity where datname = '{database}' and state = '{state}'")  # noqa: S608


def start_worker(server):
    return launch([ANXUN, "work"], env=server.environment)


def test_a_worker_takes_over_from_a_killed_one_while_servers_only_answer(server):
    phone = server.client()
    picture = draw_sample_photo("worked on", "EB-01", MONDAY)
    digest = hashlib.sha256(picture).hexdigest()
    assert phone.put(f"/photos/{digest}", content=picture).status_code == 201
    assert phone.post("/hazards", json=body(photos=[{"sha256": digest, "stage": "before"}])).status_code == 201

    def state():
        return phone.head(f"/photos/{digest}").headers["anxun-photo-state"]

    time.sleep(1)
    assert state() == "received"
    first = start_worker(server)
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = start_worker(server)
    poll_until(lambda: state() == "developed")
    second.terminate()
    assert second.wait(PATIENCE) == 0
    phone.close()


def test_a_worker_that_dies_is_replaced_and_all_end_with_their_server(server):
    first, *_ = before = worker_pids(server)
    assert len(before) == 2
    os.kill(first, signal.SIGKILL)
    poll_until(lambda: len(alive := worker_pids(server)) == 2 and first not in alive)
    after = worker_pids(server)
    server.stop(signal.SIGKILL)
    poll_until(lambda: all(map(has_ended, after)))
    server.start()
    assert server.stop() == 0


def test_several_workers_on_sqlite_are_refused(tmp_path):
    process = Process(tmp_path / "data")
    assert "several workers need PostgreSQL" in anxun(process, "serve", "--workers", "2", code=2)


def test_a_worker_does_not_start_without_a_schema(tmp_path, url):
    process = Process(tmp_path / "data", ANXUN_DATABASE=url)
    assert "run anxun migrate" in anxun(process, "work", code=2)
    assert "is not there" in anxun(Process(tmp_path / "nothing"), "work", code=2)


def test_a_server_killed_on_postgresql_keeps_every_acknowledged_report(server):
    kill_while_reporting(server, clients=4, kills=2, reports=20)
    assert "everything is whole" in anxun(server, "verify")


def cut_while_reporting(server, url, *, clients, cuts, reports):
    with reporting(server, clients) as (acknowledged, attempted, statuses):
        for _ in range(cuts):
            more_come(acknowledged, reports)
            cut_connections(url.rpartition("/")[2])
        more_come(acknowledged, clients)
    assert 201 in statuses
    assert statuses <= {200, 201, 503}
    check_acknowledged_reports(server.client("officer"), acknowledged, attempted)
    assert "everything is whole" in anxun(server, "verify")


def test_cut_connections_give_503_and_lose_no_acknowledged_report(server, url):
    cut_while_reporting(server, url, clients=4, cuts=4, reports=20)


@pytest.mark.drill
def test_connections_cut_twenty_times_under_sixteen_phones_lose_no_acknowledged_report(server, url):
    cut_while_reporting(server, url, clients=16, cuts=20, reports=60)


@pytest.mark.drill
def test_a_server_killed_twenty_times_on_postgresql_keeps_every_acknowledged_report(server):
    kill_while_reporting(server, clients=16, kills=20, reports=80)
    assert "everything is whole" in anxun(server, "verify")


def test_phones_that_hang_up_leave_no_transaction_open_and_no_connection_behind(server, url):
    """Phones hang up in the headers, in the middle of the body, and after it without waiting for the answer."""
    inspector = server.client()
    token = inspector.headers["Authorization"]
    sent = [json.dumps(body()).encode() for _ in range(60)]
    for at, report in enumerate(sent):
        phone = socket.create_connection(("127.0.0.1", server.port))
        lines = (
            "POST /api/v1/hazards HTTP/1.1",
            "Host: x",
            f"Authorization: {token}",
            f"Content-Length: {len(report)}",
        )
        whole = "\r\n".join((*lines, "", "")).encode() + report
        phone.sendall(whole[: (50, len(whole) - 9, len(whole))[at % 3]])
        phone.close()
    officer = server.client("officer")
    kept = [officer.get(f"/hazards/{json.loads(report)['id']}").status_code for report in sent]
    assert kept[0::3] + kept[1::3] == [404] * 40
    name = url.rpartition("/")[2]
    poll_until(lambda: count_sessions(name, "idle in transaction") == 0)
    assert count_sessions(name, "idle") + count_sessions(name, "active") <= 2 * (CONNECTIONS + 1)
    assert {inspector.post("/hazards", content=report).status_code for report in sent} <= {200, 201}
    inspector.close()
    officer.close()
    assert "everything is whole" in anxun(server, "verify")
