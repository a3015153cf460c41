"""Runs a real server process, and clients that report to it while it is killed."""

import contextlib
import hashlib
import os
import signal
import socket
import ssl
import sys
import threading
import time
import uuid
from pathlib import Path

import httpx

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, body
from tests.builders.cleanup import launch
from tests.builders.waiting import PATIENCE, listens, poll_until

ANXUN = Path(sys.executable).parent / "anxun"
PASSWORD = "a-password-for-Tests"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: to read the authorities of the world takes as long as a hundred requests."""


class Process:
    """Runs an `anxun` command, by default `serve --demo`, on a folder and a free port."""

    def __init__(self, folder, *command, **settings):
        self.command = command or ("serve", "--demo")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.process = None
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ANXUN_")}
        given = {"ANXUN_DATA": folder, "ANXUN_PORT": self.port, "ANXUN_DEMO_PASSWORD": PASSWORD}
        given |= {"TMPDIR": folder.parent, **settings}  # one that is killed leaves there what it leaves
        self.environment = clean | {name: str(value) for name, value in given.items() if value is not None}
        self.log = folder.parent / "server.log"

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        log = self.log.open("ab")
        output = {"stdout": log, "stderr": log}
        self.process = launch([ANXUN, *self.command], instead_of=self.process, env=self.environment, **output)
        log.close()
        poll_until(lambda: self.ready() or self.process.poll() is not None, self.failure_message)
        assert self.process.poll() is None, self.failure_message()
        return self

    def ready(self):
        if not listens(self.port):
            return False
        with contextlib.suppress(httpx.TransportError):
            return self.ask("GET", "/health/ready").status_code == 200

    def ask(self, method, path, **options):
        """By a connection of its own."""
        return httpx.request(method, self.address + path, verify=NO_TLS, timeout=PATIENCE, **options)

    def failure_message(self):
        return f"not ready: {self.log.read_text()[-2000:]}"

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(PATIENCE)

    def client(self, username="inspector"):
        client = httpx.Client(base_url=f"{self.address}/api/v1", timeout=PATIENCE, verify=NO_TLS)
        answer = client.post("/auth/login", json={"username": username, "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        client.refresh_token = answer.json()["refresh_token"]
        return client

    @staticmethod
    def renew(client):
        answer = client.post("/auth/refresh", json={"refresh_token": client.refresh_token})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client


def report_while(goes_on, client, acknowledged, attempted, statuses=None):
    """Reports with a photo each, trying the same report again and again until it is acknowledged.

    `statuses`: a set that collects every status.
    """
    statuses = set() if statuses is None else statuses
    while goes_on():
        picture = draw_sample_photo(str(uuid.uuid4()), "EB-01", MONDAY)
        digest = hashlib.sha256(picture).hexdigest()
        sent = body(photos=[{"sha256": digest, "stage": "before"}])
        attempted.append(sent["id"])
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                photo = client.put(f"/photos/{digest}", content=picture)
                answer = client.post("/hazards", json=sent)
                statuses |= {photo.status_code, answer.status_code}
                if photo.status_code in {200, 201} and answer.status_code in {200, 201}:
                    acknowledged[sent["id"]] = (digest, answer.json()["hazard"]["number"])
                    break
            time.sleep(0.05)


@contextlib.contextmanager
def reporting(process, clients):
    """Phones that report as long as the block lasts: what was acknowledged, what was attempted, and every status."""
    acknowledged, attempted, statuses, over = {}, [], set(), threading.Event()
    phones = [process.client() for _ in range(clients)]
    told = (acknowledged, attempted, statuses)
    threads = [threading.Thread(target=report_while, args=(lambda: not over.is_set(), each, *told)) for each in phones]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        over.set()
        for thread in threads:
            thread.join()
        for phone in phones:
            phone.close()


def more_come(acknowledged, number):
    """Waits for so many more."""
    before = len(acknowledged)
    poll_until(lambda: len(acknowledged) >= before + number)


def kill_while_reporting(process, *, clients, kills, reports):
    """Kills the server again and again while phones report, after so many reports each time.

    Then checks what it had acknowledged.
    """
    with reporting(process, clients) as (acknowledged, attempted, _):
        for _ in range(kills):
            more_come(acknowledged, reports)
            process.stop(signal.SIGKILL)
            process.start()
        more_come(acknowledged, clients)
    check_acknowledged_reports(process.client("officer"), acknowledged, attempted)


def check_acknowledged_reports(officer, acknowledged, attempted):
    for hazard_id, (digest, number) in acknowledged.items():
        hazard = officer.get(f"/hazards/{hazard_id}").json()
        assert (hazard["number"], hazard["missing_photos"]) == (number, [])
        original = officer.get(f"/photos/{digest}").content
        assert hashlib.sha256(original).hexdigest() == digest
    total = officer.get("/statistics/communities").json()["total"]
    assert len(acknowledged) <= total["received"] <= len(set(attempted))
    assert len({number for _, number in acknowledged.values()}) == len(acknowledged)
    officer.close()
