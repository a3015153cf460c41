"""The servers of the yardstick: Anxun on either database, another checkout of Anxun, and the equal rival.

Each prepares the requests of every cell, and says how much work its requests have left behind.
"""

import json
import os
import secrets
import sqlite3
import subprocess
import time
from abc import abstractmethod
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from benchmarks.messages import PLACES, anxun_report, form_request, groups_of_three, json_request, write_files
from benchmarks.sides import BENCH_BIN, READY_SECONDS, RIVALS, ROOT, BenchmarkError, Server

RENEW_SECONDS = 600.0
"""Requests are written anew with fresh tokens after this time; a token is valid for fifteen minutes."""
_ACCEPT = {"step": "accept", "version": 1, "id": "TOKENTOK-ENTO-KENT-OKEN-TOKENTOKENTO"}


class YardstickSide(Server):
    """A server under comparison, whose routes differ from others' only by their paths."""

    reports_path: str
    forms_path: str
    photos_path: str
    list_path: str
    waiting_query: str
    """Counts the rows that background work has still to process."""
    unstepped_query: str
    """Selects the ids of reports on which no step was taken."""
    count_query: str

    def __init__(self, name: str, folder: Path, photos: list[Path], database: str = "", process: int = 0) -> None:
        """`database`: the URL of a PostgreSQL database, whose server is this `process`; empty for SQLite."""
        super().__init__(folder, photos)
        self.name = name
        self.details = name
        self.database = database
        self.database_process = process
        self._written_at = 0.0
        self._bearers: dict[str, str] = {}
        self._declared = ""

    @abstractmethod
    def sign_in(self, username: str) -> str:
        """Returns a bearer token."""

    def prepare_requests(self) -> None:
        """Writes the files of all requests, if there are none or their tokens are about to expire."""
        if self._written_at and time.monotonic() - self._written_at < RENEW_SECONDS:
            return
        self._bearers = {name: self.sign_in(name) for name in ("inspector", "officer")}
        inspector = self._bearers["inspector"]
        self._declared = self._declared or self._upload(self.photos[0].read_bytes(), inspector)
        mention = [{"sha256": self._declared, "stage": "before"}]
        forms = [
            form_request(self.forms_path, {"report": json.dumps(anxun_report(number))}, "photo", three, inspector)
            for number, three in enumerate(groups_of_three(self.photos))
        ]
        jsons = [
            json_request(self.reports_path, anxun_report(place, photos=mention), inspector)
            for place in range(1, PLACES + 1)
        ]
        self.forms, self.jsons = write_files(self.folder, "form", forms), write_files(self.folder, "json", jsons)
        self._written_at = time.monotonic()

    def lists(self) -> list[Path]:
        bearer = self._bearers["inspector"]
        message = f"GET {self.list_path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {bearer}\r\n\r\n"
        return write_files(self.folder, "list", [message.encode()])

    def steps(self, number: int) -> list[Path]:
        """Returns a request for each of `number` reports on which no step was taken. Raises BenchmarkError if fewer."""
        found = [UUID(str(row[0])) for row in self.query(f"{self.unstepped_query} LIMIT {number}")]
        if len(found) < number:
            raise BenchmarkError(f"{self.name}: {len(found)} of {number} reports to accept")
        bearer = self._bearers["officer"]
        paths = [f"{self.reports_path.removesuffix('/json')}/{each}/steps" for each in found]
        return write_files(self.folder, "step", [json_request(path, _ACCEPT, bearer) for path in paths])

    def _upload(self, photo: bytes, bearer: str) -> str:
        digest = sha256(photo).hexdigest()
        headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {bearer}"}
        self.request_json(f"{self.photos_path}/{digest}", photo, "PUT", **headers)
        return digest

    def query(self, sql: str) -> list[Any]:
        if self.database:
            with psycopg.connect(self.database) as connection:
                return connection.execute(sql.encode()).fetchall()
        file = sqlite3.connect(f"file:{self.folder}/data/anxun.db?mode=ro", uri=True, timeout=30)
        with closing(file):
            return file.execute(sql).fetchall()

    def renew_statistics(self) -> None:
        """Does what PostgreSQL's autovacuum would do by now, on a machine where it may be off."""
        if self.database:
            with psycopg.connect(self.database, autocommit=True) as connection:
                connection.execute("ANALYZE")

    def stored_count(self) -> int:
        return self.query(self.count_query)[0][0]

    def backlog(self) -> int:
        return self.query(self.waiting_query)[0][0]

    @abstractmethod
    def photo_folder(self) -> Path: ...

    def remove_photos(self) -> None:
        for file in self.photo_folder().glob("??/*"):
            if not file.name.startswith(self._declared):
                file.unlink()


class AnxunSide(YardstickSide):
    """Anxun of a checkout: one process on SQLite, or two workers on PostgreSQL."""

    ready_path = "/health/ready"
    reports_path = forms_path = "/api/v1/hazards"
    photos_path = "/api/v1/photos"
    list_path = "/api/v1/hazards?limit=100"
    count_query = "SELECT count(*) FROM hazards"
    waiting_query = (
        "SELECT (SELECT count(*) FROM notices WHERE told_at IS NULL) + (SELECT count(*) FROM counter_deltas)"
        " + (SELECT count(*) FROM photos WHERE state = 'received')"
        " + (SELECT count(*) FROM mentions WHERE NOT examined)"
    )
    unstepped_query = "SELECT id FROM hazards WHERE state = 'reported' AND version = 1"

    def __init__(self, name: str, folder: Path, photos: list[Path], checkout: Path = ROOT, **database: Any) -> None:
        super().__init__(name, folder, photos, **database)
        self._checkout = checkout
        self._password = secrets.token_urlsafe(12)

    def start(self) -> None:
        workers = ["--workers", "2"] if self.database else []
        self.start_process(
            [str(self._checkout / ".venv/bin/anxun"), "serve", "--demo", *workers],
            self.folder,
            ANXUN_DATA=str(self.folder / "data"),
            ANXUN_DATABASE=self.database,
            ANXUN_PORT=str(self.port),
            ANXUN_DEMO_PASSWORD=self._password,
            ANXUN_UPLOADS_AT_ONCE="1000",  # all uploads come from one account
        )
        self.prepare_requests()

    def sign_in(self, username: str) -> str:
        who = json.dumps({"username": username, "password": self._password, "device": "benchmark"}).encode()
        return self.request_json("/api/v1/auth/login", who, "POST", **{"Content-Type": "application/json"})[
            "access_token"
        ]

    def photo_folder(self) -> Path:
        return self.folder / "data/photos"


class EqualRival(YardstickSide):
    """rivals/equal: the mainstream stack with the same promises on the hot path, two workers on PostgreSQL."""

    reports_path, forms_path, photos_path, list_path = "/reports/json", "/reports", "/photos", "/reports?limit=100"
    count_query = "SELECT count(*) FROM hazards"
    waiting_query = (
        "SELECT (SELECT count(*) FROM counter_deltas) + (SELECT count(*) FROM photos WHERE state = 'received')"
    )
    unstepped_query = "SELECT id FROM hazards WHERE state = 'reported' AND version = 1"

    def start(self) -> None:
        self._tokens = {name: secrets.token_urlsafe(24) for name in ("inspector", "officer")}
        environment = {
            "DB_URL": self.database.replace("postgresql://", "postgresql+asyncpg://", 1),
            "MEDIA": str(self.photo_folder()),
            "TOKENS": ",".join(f"{name}:{token}" for name, token in self._tokens.items()),
        }
        seeded = subprocess.run(
            [str(BENCH_BIN / "python"), "seed.py"],
            cwd=RIVALS / "equal",
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=False,
        )
        if seeded.returncode:
            raise BenchmarkError(f"{self.name}: seed.py failed: {seeded.stderr[-600:]}")
        self.start_process(
            [str(BENCH_BIN / "uvicorn"), "app:app", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "2",
             "--loop", "uvloop", "--http", "httptools", "--no-access-log"],
            RIVALS / "equal",
            **environment,
        )  # fmt: skip
        self.prepare_requests()

    def sign_in(self, username: str) -> str:
        return self._tokens[username]

    def photo_folder(self) -> Path:
        return self.folder / "media"
