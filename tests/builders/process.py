"""A real server process, and phones that report to it while it is killed."""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import httpx
import pytest

from storage.photos.sample_images import draw
from tests.builders.api import MONDAY, body

ANXUN = Path(sys.executable).parent / "anxun"
PASSWORD = "a-password-for-Tests"


class Process:
    """A command of ours, by default `anxun serve --demo`, on a folder and a free port."""

    def __init__(self, folder, *command, **settings):
        self.command = command or ("serve", "--demo")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ANXUN_")}
        given = {"ANXUN_DATA": folder, "ANXUN_PORT": self.port, "ANXUN_DEMO_PASSWORD": PASSWORD, **settings}
        self.environment = clean | {name: str(value) for name, value in given.items() if value is not None}
        self.log = folder.parent / "server.log"

    def start(self):
        log = self.log.open("ab")
        self.process = subprocess.Popen([ANXUN, *self.command], env=self.environment, stdout=log, stderr=log)
        log.close()
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/health/ready").status_code == 200:
                    return self
            time.sleep(0.05)
        pytest.fail(f"not ready: {self.log.read_text()[-2000:]}")

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait(30)  # its own limit is 20, for workers that were told while they started

    def client(self, username="inspector"):
        client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=20)
        answer = client.post("/auth/login", json={"username": username, "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        client.refresh_token = answer.json()["refresh_token"]
        return client

    @staticmethod
    def renew(client):
        answer = client.post("/auth/refresh", json={"refresh_token": client.refresh_token})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client


def report_until(deadline, client, acknowledged, attempted, statuses=None):
    """Reports with a photo each, retrying the same report until it is acknowledged or the time is over.

    `statuses`: a set that is told every status there was.
    """
    statuses = set() if statuses is None else statuses
    while time.monotonic() < deadline:
        picture = draw(str(uuid.uuid4()), "EB-01", MONDAY)
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


def kill_while_reporting(process, *, clients, kills, every):
    """Kills the server again and again while phones report, then checks what it had acknowledged."""
    acknowledged, attempted = {}, []
    deadline = time.monotonic() + kills * every * 2 + 2
    phones = [process.client() for _ in range(clients)]
    threads = [
        threading.Thread(target=report_until, args=(deadline, phone, acknowledged, attempted)) for phone in phones
    ]
    for thread in threads:
        thread.start()
    for _ in range(kills):
        time.sleep(every)
        process.stop(signal.SIGKILL)
        process.start()
    for thread in threads:
        thread.join()
    for phone in phones:
        phone.close()
    assert len(acknowledged) > clients
    check_kept(process.client("officer"), acknowledged, attempted)


def check_kept(officer, acknowledged, attempted):
    for hazard_id, (digest, number) in acknowledged.items():
        hazard = officer.get(f"/hazards/{hazard_id}").json()
        assert (hazard["number"], hazard["missing_photos"]) == (number, [])
        original = officer.get(f"/photos/{digest}").content
        assert hashlib.sha256(original).hexdigest() == digest
    total = officer.get("/statistics/communities").json()["total"]
    assert len(acknowledged) <= total["received"] <= len(set(attempted))
    assert len({number for _, number in acknowledged.values()}) == len(acknowledged)
    officer.close()
