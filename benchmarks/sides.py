"""The servers that are compared: how each is started, asked, counted, cleared and stopped."""

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

from benchmarks.messages import PLACES, anxun_report, form_request, json_request, keep, rival_report, threes

ROOT = Path(__file__).resolve().parents[1]
RIVALS = ROOT / "benchmarks" / "rivals"
BENCH_BIN = ROOT / ".venv-bench" / "bin"
READY_SECONDS = 60
STOP_SECONDS = 15
_WITHOUT_UVLOOP = (
    "FastAPI ran without uvloop, so TCP_NODELAY is not set on its workers' connections: "
    "each small answer waits about 40 ms. Do not compare JSON reports with it."
)


class Broken(Exception):
    """A server or a tool did not do what the benchmark needs; says what."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Side(ABC):
    """A server in a folder of its own. `forms` and `jsons`: its requests, once it has started.

    `database_process`: that of the PostgreSQL it uses, where there is one to be seen, else 0.
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
    def count(self) -> int:
        """The reports that it has kept so far."""

    def backlog(self) -> int:
        """The photos still to be developed; a rival has none once it has answered."""
        return 0

    @abstractmethod
    def clear(self) -> None:
        """Removes the photos of the last window, so that a long run needs little disk."""

    def launch(self, command: list[str], cwd: Path, **environment: str) -> None:
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
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if self.process and self.process.poll() is not None:
                raise Broken(f"{self.name} ended at its start: {self.log_end()}")
            with suppress(OSError):
                self.ask(self.ready_path)
                return
            time.sleep(0.1)
        raise Broken(f"{self.name} was not ready within {READY_SECONDS} s: {self.log_end()}")

    def log_end(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-600:].strip()

    def ask(self, path: str, body: bytes | None = None, method: str = "GET", **headers: str) -> Any:
        """The JSON of the answer. Raises OSError for anything but a 2xx."""
        url = f"http://127.0.0.1:{self.port}{path}"
        message = urllib.request.Request(url, data=body, method=method, headers=headers)
        with urllib.request.urlopen(message, timeout=10) as answer:
            return json.loads(answer.read())

    @property
    def process_id(self) -> int:
        """Raises Broken where the server has ended."""
        if self.process is None or self.process.poll() is not None:
            code = self.process and self.process.returncode
            raise Broken(f"{self.name} has ended with {code}: {self.log_end()}")
        return self.process.pid

    def stop(self) -> None:
        """Ends the server with all of its workers; by force where it does not end by itself."""
        if self.process is None:
            return
        for ending in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, ending)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        self.process = None


class Anxun(Side):
    name = "Anxun"
    details = "one process, SQLite"
    ready_path = "/health/ready"
    _declared = ""
    _password = ""

    def open(self) -> None:
        """Starts it; nobody has asked for anything yet."""
        self._password = self._password or secrets.token_urlsafe(12)
        self.launch(
            [str(ROOT / ".venv/bin/anxun"), "serve", "--demo"],
            self.folder,
            ANXUN_DATA=str(self.folder / "data"),
            ANXUN_PORT=str(self.port),
            ANXUN_DEMO_PASSWORD=self._password,
            ANXUN_UPLOADS_AT_ONCE="1000",  # all of them come from one account
        )

    def sign_in(self, username: str = "inspector") -> str:
        """A bearer token."""
        who = json.dumps({"username": username, "password": self._password, "device": "benchmark"}).encode()
        kind = {"Content-Type": "application/json"}
        return self.ask("/api/v1/auth/login", who, "POST", **kind)["access_token"]

    def start(self) -> None:
        self.open()
        bearer = self.sign_in()
        self._declared = self._upload(self.photos[0].read_bytes(), bearer)
        mention = [{"sha256": self._declared, "stage": "before"}]
        path = "/api/v1/hazards"
        forms = [
            form_request(path, {"report": json.dumps(anxun_report(number))}, "photo", three, bearer)
            for number, three in enumerate(threes(self.photos))
        ]
        jsons = [json_request(path, anxun_report(place, photos=mention), bearer) for place in range(1, PLACES + 1)]
        self.forms, self.jsons = keep(self.folder, "form", forms), keep(self.folder, "json", jsons)

    def _upload(self, photo: bytes, bearer: str) -> str:
        digest = sha256(photo).hexdigest()
        headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {bearer}"}
        self.ask(f"/api/v1/photos/{digest}", photo, "PUT", **headers)
        return digest

    def count(self) -> int:
        return self._number("SELECT count(*) FROM hazards")

    def backlog(self) -> int:
        return self._number("SELECT count(*) FROM photos WHERE state = 'received'")

    def _number(self, query: str) -> int:
        database = sqlite3.connect(f"file:{self.folder}/data/anxun.db?mode=ro", uri=True, timeout=30)
        with closing(database):
            return database.execute(query).fetchone()[0]

    def clear(self) -> None:
        for file in (self.folder / "data/photos").glob("??/*"):
            if not (self._declared and file.name.startswith(self._declared)):
                file.unlink()


class Rival(Side):
    """What both rivals share: their routes, their fields and where their photos lie."""

    community_field: str
    count_field: str

    def prepare(self) -> None:
        self.media = self.folder / "media"
        self.media.mkdir()
        forms = []
        for number, three in enumerate(threes(self.photos), 1):
            report = rival_report(number)
            report[self.community_field] = report.pop("community_id")
            texts = {name: str(value) for name, value in report.items()}
            forms.append(form_request("/reports", texts, "photos", three))
        jsons = [json_request("/reports/json", rival_report(place)) for place in range(1, PLACES + 1)]
        self.forms, self.jsons = keep(self.folder, "form", forms), keep(self.folder, "json", jsons)

    def count(self) -> int:
        return sum(row[self.count_field] for row in self.ask("/stats"))

    def clear(self) -> None:
        for file in self.media.rglob("*"):
            if file.is_file():
                file.unlink()


class FastApi(Rival):
    name = "FastAPI"
    community_field = "community_id"
    count_field = "count"

    def __init__(self, folder: Path, photos: list[Path], database: str | None) -> None:
        """`database`: one of PostgreSQL; None falls back to SQLite."""
        super().__init__(folder, photos)
        self.details = "2 workers with threads, PostgreSQL" if database else "1 worker, SQLite"
        self._workers, self._thumbnails = ("2", "threadpool") if database else ("1", "inline")
        self._url = f"sqlite+aiosqlite:///{folder}/reports.db"
        if not list(BENCH_BIN.parent.glob("lib/python3*/site-packages/uvloop")):
            self.caveat = _WITHOUT_UVLOOP
        if database:
            self._url = f"postgresql+asyncpg://postgres@127.0.0.1:5432/{database}"

    def start(self) -> None:
        self.prepare()
        self._run("1", INIT="1")  # one worker makes the tables; two would meet in the middle
        self.stop()
        self._run(self._workers)

    def _run(self, workers: str, **more: str) -> None:
        self.launch(
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
        self.prepare()
        names = f"[Community(name=f'community-{{i:02d}}') for i in range(1, {PLACES + 1})]"
        self._manage("migrate", "--verbosity", "0")
        self._manage("shell", "-c", f"from hz.models import Community; Community.objects.bulk_create({names})")
        self.launch(
            [str(BENCH_BIN / "gunicorn"), "site_app:application", "-w", "3", "-b", f"127.0.0.1:{self.port}",
             "--no-control-socket"],
            RIVALS / "django_app",
            **self._settings(),
        )  # fmt: skip

    def _settings(self) -> dict[str, str]:
        return {"PGDATABASE": self._database, "MEDIA": str(self.media)}

    def _manage(self, *command: str) -> None:
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
            raise Broken(f"{self.name}: {command[0]} failed: {done.stderr[-600:]}")
