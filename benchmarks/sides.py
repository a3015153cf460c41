"""The compared servers: starting, requests, counting, removing photos and stopping."""

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.messages import (
    PLACES,
    anxun_report,
    form_request,
    groups_of_three,
    json_request,
    rival_report,
    write_files,
)

ROOT = Path(__file__).resolve().parents[1]
RIVALS = ROOT / "benchmarks" / "rivals"
BENCH_BIN = ROOT / ".venv-bench" / "bin"
READY_SECONDS = 60
STOP_SECONDS = 15
_WITHOUT_UVLOOP = (
    "FastAPI ran without uvloop, so TCP_NODELAY is not set on its workers' connections: "
    "each small answer waits about 40 ms. Do not compare JSON reports with it."
)


class BenchmarkError(Exception):
    """A server or a tool did not do what the benchmark needs; the message tells what."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server(ABC):
    """A server in its own folder. `forms` and `jsons`: the files of its requests, after the start.

    `database_process`: the id of its PostgreSQL process if it runs on this machine, else 0.
    """

    name: str
    details: str
    caveat = ""
    ready_path = "/stats"
    forms: list[Path]
    jsons: list[Path]

    def __init__(self, folder: Path, photos: list[Path]) -> None:
        self.folder = folder
        self.photos = photos
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.database_process = 0
        folder.mkdir()

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def stored_count(self) -> int:
        """Returns the number of reports stored so far."""

    def backlog(self) -> int:
        """Returns the number of photos still to be developed; a rival has none after its response."""
        return 0

    @abstractmethod
    def remove_photos(self) -> None:
        """Removes the photos of the last window, so that a long run needs little disk space."""

    def start_process(self, command: list[str], cwd: Path, **environment: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANXUN_")}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**inherited, "PYTHONDONTWRITEBYTECODE": "1", **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_for_start()

    def _wait_for_start(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if self.process and self.process.poll() is not None:
                raise BenchmarkError(f"{self.name} ended at its start: {self.log_end()}")
            with suppress(OSError):
                self.request_json(self.ready_path)
                return
            time.sleep(0.1)
        raise BenchmarkError(f"{self.name} was not ready within {READY_SECONDS} s: {self.log_end()}")

    def log_end(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-600:].strip()

    def request_json(self, path: str, body: bytes | None = None, method: str = "GET", **headers: str) -> Any:
        """Sends a request and returns the JSON of its response. Raises OSError for a status other than 2xx."""
        url = f"http://127.0.0.1:{self.port}{path}"
        message = urllib.request.Request(url, data=body, method=method, headers=headers)
        with urllib.request.urlopen(message, timeout=10) as answer:
            return json.loads(answer.read())

    @property
    def process_id(self) -> int:
        """The id of the running server. Raises BenchmarkError if it has ended."""
        if self.process is None or self.process.poll() is not None:
            code = self.process and self.process.returncode
            raise BenchmarkError(f"{self.name} has ended with {code}: {self.log_end()}")
        return self.process.pid

    def stop(self) -> None:
        """Stops the server with all of its workers, by SIGKILL if SIGTERM does not."""
        if self.process is None:
            return
        for ending in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, ending)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        self.process = None


class Anxun(Server):
    name = "Anxun"
    details = "one process, SQLite"
    ready_path = "/health/ready"
    _declared = ""
    _password = ""

    def start_without_requests(self) -> None:
        """Starts the server without preparing requests."""
        self._password = self._password or secrets.token_urlsafe(12)
        self.start_process(
            [str(ROOT / ".venv/bin/anxun"), "serve", "--demo"],
            self.folder,
            ANXUN_DATA=str(self.folder / "data"),
            ANXUN_PORT=str(self.port),
            ANXUN_DEMO_PASSWORD=self._password,
            ANXUN_UPLOADS_AT_ONCE="1000",  # all uploads come from one account
        )

    def sign_in(self, username: str = "inspector") -> str:
        """Signs in and returns a bearer token."""
        who = json.dumps({"username": username, "password": self._password, "device": "benchmark"}).encode()
        kind = {"Content-Type": "application/json"}
        return self.request_json("/api/v1/auth/login", who, "POST", **kind)["access_token"]

    def start(self) -> None:
        self.start_without_requests()
        bearer = self.sign_in()
        self._declared = self._upload(self.photos[0].read_bytes(), bearer)
        mention = [{"sha256": self._declared, "stage": "before"}]
        path = "/api/v1/hazards"
        forms = [
            form_request(path, {"report": json.dumps(anxun_report(number))}, "photo", three, bearer)
            for number, three in enumerate(groups_of_three(self.photos))
        ]
        jsons = [json_request(path, anxun_report(place, photos=mention), bearer) for place in range(1, PLACES + 1)]
        self.forms, self.jsons = write_files(self.folder, "form", forms), write_files(self.folder, "json", jsons)

    def _upload(self, photo: bytes, bearer: str) -> str:
        digest = sha256(photo).hexdigest()
        headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {bearer}"}
        self.request_json(f"/api/v1/photos/{digest}", photo, "PUT", **headers)
        return digest

    def stored_count(self) -> int:
        return self._query_number("SELECT count(*) FROM hazards")

    def backlog(self) -> int:
        return self._query_number("SELECT count(*) FROM photos WHERE state = 'received'")

    def _query_number(self, query: str) -> int:
        database = sqlite3.connect(f"file:{self.folder}/data/anxun.db?mode=ro", uri=True, timeout=30)
        with closing(database):
            return database.execute(query).fetchone()[0]

    def remove_photos(self) -> None:
        for file in (self.folder / "data/photos").glob("??/*"):
            if not (self._declared and file.name.startswith(self._declared)):
                file.unlink()


class Rival(Server):
    """A rival: both have the same routes, fields and folder of photos."""

    community_field: str
    count_field: str

    def prepare_requests(self) -> None:
        self.media = self.folder / "media"
        self.media.mkdir()
        forms = []
        for number, three in enumerate(groups_of_three(self.photos), 1):
            report = rival_report(number)
            report[self.community_field] = report.pop("community_id")
            texts = {name: str(value) for name, value in report.items()}
            forms.append(form_request("/reports", texts, "photos", three))
        jsons = [json_request("/reports/json", rival_report(place)) for place in range(1, PLACES + 1)]
        self.forms, self.jsons = write_files(self.folder, "form", forms), write_files(self.folder, "json", jsons)

    def stored_count(self) -> int:
        return sum(row[self.count_field] for row in self.request_json("/stats"))

    def remove_photos(self) -> None:
        for file in self.media.rglob("*"):
            if file.is_file():
                file.unlink()


class FastApi(Rival):
    name = "FastAPI"
    community_field = "community_id"
    count_field = "count"

    def __init__(self, folder: Path, photos: list[Path], database: str | None) -> None:
        """Chooses workers and database. `database`: the name of a PostgreSQL database, or None for SQLite."""
        super().__init__(folder, photos)
        self.details = "2 workers with threads, PostgreSQL" if database else "1 worker, SQLite"
        self._workers, self._thumbnails = ("2", "threadpool") if database else ("1", "inline")
        self._url = f"sqlite+aiosqlite:///{folder}/reports.db"
        if not list(BENCH_BIN.parent.glob("lib/python3*/site-packages/uvloop")):
            self.caveat = _WITHOUT_UVLOOP
        if database:
            self._url = f"postgresql+asyncpg://postgres@127.0.0.1:5432/{database}"

    def start(self) -> None:
        self.prepare_requests()
        self._run("1", INIT="1")  # one worker creates the tables; two would collide
        self.stop()
        self._run(self._workers)

    def _run(self, workers: str, **more: str) -> None:
        self.start_process(
            [str(BENCH_BIN / "uvicorn"), "fastapi_app:app", "--no-access-log",
             "--host", "127.0.0.1", "--port", str(self.port), "--workers", workers],
            RIVALS,
            DB_URL=self._url,
            MEDIA=str(self.media),
            THUMB=self._thumbnails,
            **more,
        )  # fmt: skip


class Django(Rival):
    name = "Django"
    details = "3 gunicorn workers, PostgreSQL"
    community_field = "community"
    count_field = "n"

    def __init__(self, folder: Path, photos: list[Path], database: str) -> None:
        super().__init__(folder, photos)
        self._database = database

    def start(self) -> None:
        self.prepare_requests()
        names = f"[Community(name=f'community-{{i:02d}}') for i in range(1, {PLACES + 1})]"
        self._run_management_command("migrate", "--verbosity", "0")
        self._run_management_command(
            "shell", "-c", f"from hz.models import Community; Community.objects.bulk_create({names})"
        )
        self.start_process(
            [str(BENCH_BIN / "gunicorn"), "site_app:application", "-w", "3", "-b", f"127.0.0.1:{self.port}",
             "--no-control-socket"],
            RIVALS / "django_app",
            **self._settings(),
        )  # fmt: skip

    def _settings(self) -> dict[str, str]:
        return {"PGDATABASE": self._database, "MEDIA": str(self.media)}

    def _run_management_command(self, *command: str) -> None:
        done = subprocess.run(
            [str(BENCH_BIN / "python"), "site_app.py", *command],
            cwd=RIVALS / "django_app",
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **self._settings()},
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=False,
        )
        if done.returncode:
            raise BenchmarkError(f"{self.name}: {command[0]} failed: {done.stderr[-600:]}")
