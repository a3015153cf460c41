"""Several workers on one PostgreSQL share the broker's messages, and none is lost when a worker ends."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import closing

import psycopg
import pytest

from tests.builders.api import HERE
from tests.builders.broker import has_session
from tests.builders.cleanup import launch
from tests.builders.mqtt import publish_batches
from tests.builders.postgres import new_database
from tests.builders.process import ANXUN, Process
from tests.builders.waiting import PATIENCE, poll_until

DEVICES = [f"D-{number}" for number in range(30)]


class Crew:
    """Runs a server without background work, and workers that consume from the broker."""

    def __init__(self, folder, url, broker):
        self.url, self.broker = url, broker
        self.server = Process(folder / "data", "serve", "--demo", "--no-work", ANXUN_DATABASE=url).start()
        self.environment = self.server.environment | {"ANXUN_MQTT": f"mqtt://127.0.0.1:{broker.port}"}
        self.workers = []
        with closing(self.server.client("admin")) as admin:
            for name in DEVICES:
                device = {"id": name, "name": "总箱", "kind": "mains", "community": HERE, "place": name}
                assert admin.post("/devices", json=device).status_code == 201

    def start_worker(self):
        session = f"anxun-{len(self.leases())}"
        worker = self.spawn_worker()
        poll_until(lambda: self.broker.has_subscribed(session))
        return worker

    def spawn_worker(self):
        self.workers.append(launch([ANXUN, "work"], env=self.environment, stderr=subprocess.DEVNULL))
        return self.workers[-1]

    def leases(self):
        with psycopg.connect(self.url) as connection:
            return [number for (number,) in connection.execute("select number from slots order by number")]

    def alerts(self):
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
        crew = Crew(tmp_path, url, broker)
        yield crew
        crew.end()


def check_all_are_counted(crew, number):
    valid = Counter(DEVICES[at % len(DEVICES)] for at in range(number))
    poll_until(lambda: sum(each["count"] for each in crew.alerts()) >= number, crew.alerts)
    time.sleep(1)
    found = crew.alerts()
    assert Counter({each["device"]: each["count"] for each in found}) == valid
    assert len(found) == len({each["case"]["id"] for each in found}) == len(DEVICES)


def test_a_worker_that_stops_leaves_no_message_in_its_session(crew, broker, publisher):
    first, second = crew.start_worker(), crew.start_worker()
    assert crew.leases() == [0, 1]
    publishing = threading.Thread(target=publish_batches, args=(publisher, DEVICES, 0, 600))
    publishing.start()
    time.sleep(0.3)
    second.send_signal(signal.SIGTERM)
    assert second.wait(PATIENCE) == 0
    publishing.join()
    assert crew.leases() == [0]
    check_all_are_counted(crew, 600)
    assert has_session(broker.port, "anxun-1") is False
    first.send_signal(signal.SIGTERM)
    assert first.wait(PATIENCE) == 0
    assert crew.leases() == [0]  # the last worker keeps its session for later messages
    publish_batches(publisher, DEVICES, 600, 300)
    crew.spawn_worker()
    check_all_are_counted(crew, 900)


@pytest.mark.drill
def test_another_worker_takes_over_the_session_of_a_killed_one(crew, broker, publisher):
    crew.start_worker()
    crew.start_worker()
    publishing = threading.Thread(target=publish_batches, args=(publisher, DEVICES, 0, 3000))
    publishing.start()
    time.sleep(0.5)
    os.kill(crew.workers[0].pid, signal.SIGKILL)
    publishing.join()
    check_all_are_counted(crew, 3000)
    poll_until(lambda: crew.leases() == [1])
    assert has_session(broker.port, "anxun-0") is False
