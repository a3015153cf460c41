"""Several workers on one PostgreSQL share what a broker has; whoever goes leaves nothing behind."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import closing

import psycopg
import pytest

from inspections.monitoring.broker_leases import LEASE
from tests.builders.api import HERE
from tests.builders.broker import waits_for
from tests.builders.mqtt import _publish, until
from tests.builders.postgres import new_database
from tests.builders.process import ANXUN, Process

DEVICES = [f"D-{number}" for number in range(30)]


class Crew:
    """A server that only answers, and workers that listen."""

    def __init__(self, folder, url, port):
        self.url = url
        self.server = Process(folder / "data", "serve", "--demo", "--no-work", ANXUN_DATABASE=url).start()
        self.environment = self.server.environment | {"ANXUN_MQTT": f"mqtt://127.0.0.1:{port}"}
        self.workers = []
        with closing(self.server.client("admin")) as admin:
            for name in DEVICES:
                said = {"id": name, "name": "总箱", "kind": "mains", "community": HERE, "place": name}
                assert admin.post("/devices", json=said).status_code == 201

    def hire(self):
        there = len(self.slots())
        worker = self.begin()
        until(lambda: len(self.slots()) > there)
        time.sleep(0.5)  # until it has subscribed
        return worker

    def begin(self):
        self.workers.append(subprocess.Popen([ANXUN, "work"], env=self.environment, stderr=subprocess.DEVNULL))
        return self.workers[-1]

    def slots(self):
        with psycopg.connect(self.url) as connection:
            return [number for (number,) in connection.execute("select number from slots order by number")]

    def counted(self):
        with closing(self.server.client("officer")) as officer:
            return officer.get("/alerts?limit=500").json()["items"]

    def end(self):
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        self.server.stop(signal.SIGKILL)


@pytest.fixture
def crew(tmp_path, broker):
    with new_database() as url:
        crew = Crew(tmp_path, url, broker.port)
        yield crew
        crew.end()


def check_all_are_counted(crew, number):
    valid = Counter(DEVICES[at % len(DEVICES)] for at in range(number))
    until(lambda: sum(each["count"] for each in crew.counted()) >= number, 90, crew.counted)
    time.sleep(1)
    found = crew.counted()
    assert Counter({each["device"]: each["count"] for each in found}) == valid
    assert len(found) == len({each["case"]["id"] for each in found}) == len(DEVICES)


def test_of_two_workers_one_goes_and_nothing_waits_in_its_session(crew, broker, publisher):
    first, second = crew.hire(), crew.hire()
    assert crew.slots() == [0, 1]
    publishing = threading.Thread(target=_publish, args=(publisher, DEVICES, 0, 600))
    publishing.start()
    time.sleep(0.3)
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0
    publishing.join()
    assert crew.slots() == [0]
    check_all_are_counted(crew, 600)
    assert waits_for(broker.port, "anxun-1") is False
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    assert crew.slots() == [0]  # the last one's stays, for what comes now
    _publish(publisher, DEVICES, 600, 300)
    crew.begin()
    check_all_are_counted(crew, 900)


@pytest.mark.drill
def test_what_waits_in_the_session_of_one_that_was_killed_is_taken_by_the_other(crew, broker, publisher):
    crew.hire()
    crew.hire()
    publishing = threading.Thread(target=_publish, args=(publisher, DEVICES, 0, 3000))
    publishing.start()
    time.sleep(0.5)
    os.kill(crew.workers[0].pid, signal.SIGKILL)
    publishing.join()
    check_all_are_counted(crew, 3000)
    until(lambda: crew.slots() == [1], 2 * LEASE.total_seconds())
    assert waits_for(broker.port, "anxun-0") is False
