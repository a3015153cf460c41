"""Several processes on one PostgreSQL: some that answer, some that work, and any of them may be killed."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from storage.engine.postgres import CONNECTIONS
from storage.photos.sample_images import draw
from tests.builders.api import MONDAY, body
from tests.builders.commands import anxun
from tests.builders.postgres import administer, cut_connections, new_database
from tests.builders.process import ANXUN, Process, check_kept, kill_while_reporting, report_until
from tests.builders.waiting import until


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


def workers_of(server):
    pid = server.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def sessions(database, state):
    """How many sessions of PostgreSQL are in a state."""
    return administer(f"select 1 from pg_stat_activity where datname = '{database}' and state = '{state}'")  # noqa: S608


def work_beside(server):
    return subprocess.Popen([ANXUN, "work"], env=server.environment)


def test_servers_leave_the_work_to_workers_and_one_that_is_killed_to_the_next(server):
    phone = server.client()
    picture = draw("worked on", "EB-01", MONDAY)
    digest = hashlib.sha256(picture).hexdigest()
    assert phone.put(f"/photos/{digest}", content=picture).status_code == 201
    assert phone.post("/hazards", json=body(photos=[{"sha256": digest, "stage": "before"}])).status_code == 201

    def state():
        return phone.head(f"/photos/{digest}").headers["anxun-photo-state"]

    time.sleep(1)
    assert state() == "received"
    first = work_beside(server)
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = work_beside(server)
    assert until(lambda: state() == "developed")
    second.terminate()
    assert second.wait(30) == 0
    phone.close()


def test_a_worker_that_dies_is_replaced_and_all_end_with_their_server(server):
    first, *_ = before = workers_of(server)
    assert len(before) == 2
    os.kill(first, signal.SIGKILL)
    assert until(lambda: len(alive := workers_of(server)) == 2 and first not in alive)
    after = workers_of(server)
    server.stop(signal.SIGKILL)
    assert until(lambda: all(map(gone, after)))
    server.start()
    assert server.stop() == 0


def test_several_workers_on_sqlite_are_refused(tmp_path):
    process = Process(tmp_path / "data")
    assert "several workers need PostgreSQL" in anxun(process, "serve", "--workers", "2", code=2)


def test_a_worker_waits_for_a_schema(tmp_path, url):
    process = Process(tmp_path / "data", ANXUN_DATABASE=url)
    assert "run anxun migrate" in anxun(process, "work", code=2)
    assert "is not there" in anxun(Process(tmp_path / "nothing"), "work", code=2)


def test_killed_in_the_middle_on_postgresql_nothing_acknowledged_is_gone(server):
    kill_while_reporting(server, clients=4, kills=2, every=1.5)
    assert "everything is whole" in anxun(server, "verify")


def cut_while_reporting(server, url, *, clients, cuts, every):
    acknowledged, attempted, statuses = {}, [], set()
    deadline = time.monotonic() + cuts * every + 2
    phones = [server.client() for _ in range(clients)]
    told = (acknowledged, attempted, statuses)
    threads = [threading.Thread(target=report_until, args=(deadline, phone, *told)) for phone in phones]
    for thread in threads:
        thread.start()
    for _ in range(cuts):
        time.sleep(every)
        cut_connections(url.rpartition("/")[2])
    for thread in threads:
        thread.join()
    for phone in phones:
        phone.close()
    assert 201 in statuses
    assert statuses <= {200, 201, 503}
    check_kept(server.client("officer"), acknowledged, attempted)
    assert "everything is whole" in anxun(server, "verify")


def test_connections_that_are_cut_cost_a_503_and_nothing_that_was_acknowledged(server, url):
    cut_while_reporting(server, url, clients=4, cuts=4, every=0.7)


@pytest.mark.drill
def test_all_connections_cut_twenty_times_under_sixteen_phones(server, url):
    cut_while_reporting(server, url, clients=16, cuts=20, every=1.0)


@pytest.mark.drill
def test_killed_twenty_times_on_postgresql_nothing_acknowledged_is_gone(server):
    kill_while_reporting(server, clients=16, kills=20, every=2.0)
    assert "everything is whole" in anxun(server, "verify")


def test_phones_that_hang_up_leave_no_transaction_open_and_no_connection_behind(server, url):
    """In the headers, in the middle of the body, and after it without waiting for the answer."""
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
    assert until(lambda: sessions(name, "idle in transaction") == 0)
    assert sessions(name, "idle") + sessions(name, "active") <= 2 * (CONNECTIONS + 1)
    assert {inspector.post("/hazards", content=report).status_code for report in sent} <= {200, 201}
    inspector.close()
    officer.close()
    assert "everything is whole" in anxun(server, "verify")
