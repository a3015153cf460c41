"""Sends the requests of the hot path to the ASGI application in this process; started by `benchmarks.hot`.

Under callgrind it counts instructions; without, it counts what is sent to the database. There is no network, no
background task and no second client, and the clock stands still, so that the same code gives the same counts.
"""

import argparse
import asyncio
import ctypes
import gc
import json
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import uvloop
from litestar import Litestar
from sqlalchemy import Engine, event

from api.app import build_app
from api.commands.server import configure_collector
from api.demo.office import load_office
from api.http.request_limits import limit_requests
from api.notices.dispatcher import Notifier
from api.photos.processor import PhotoProcessor
from api.process.scheduler import run_rollup
from api.settings import Settings
from benchmarks.messages import anxun_report
from storage.database import open_database
from storage.migration import migrate
from storage.photos.sample_images import draw_sample_photo

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
PREPARED, WARM, MEASURED, TOGETHER = 160, 6, 24, 8
_PASSWORD = "a password for this benchmark"  # the office exists only during this run
_POINT = {"lat": 30.7622, "lon": 120.7511, "crs": "wgs84"}


class Answer(NamedTuple):
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Calls an ASGI application as one signed-in person."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self._bearer = b""

    async def sign_in(self, username: str) -> None:
        who = {"username": username, "password": _PASSWORD, "device": "benchmark"}
        self._bearer = f"Bearer {(await self.send('POST', '/auth/login', who)).json()['access_token']}".encode()

    async def send(
        self, method: str, path: str, body: Any = None, kind: bytes = b"application/json", coding: bytes = b""
    ) -> Answer:
        """Sends a request, which may accept one coding. Raises AssertionError for a status other than 2xx."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        url, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
            "method": method, "path": f"/api/v1{url}", "raw_path": f"/api/v1{url}".encode(),
            "query_string": query.encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
            "headers": [(b"host", b"127.0.0.1"), (b"authorization", self._bearer), (b"content-type", kind),
                        *([(b"accept-encoding", coding)] if coding else []),
                        (b"content-length", str(len(data)).encode())],
        }  # fmt: skip
        status, parts = 0, list[bytes]()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": data, "more_body": False}

        async def collect(message: dict[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))

        await self._app(scope, receive, collect)
        answer = Answer(status, b"".join(parts))
        if not 200 <= status < 300:
            raise AssertionError(f"{method} {path}: {status} {answer.body[:300]!r}")
        return answer


class Counter:
    """Counts what happens in a cell: instructions under callgrind, else statements and commits."""

    def __init__(self, library: Path) -> None:
        self._callgrind = ctypes.CDLL(str(library))
        self._statements: list[str] = []
        self.found: dict[str, dict[str, float]] = {}
        self.instructions = bool(self._callgrind.under_valgrind())

    def watch(self) -> None:
        """Notes every statement that a driver executes from now on, also BEGIN and COMMIT.

        A row of an `executemany` counts on SQLite, where it is a statement; on PostgreSQL all its rows share a round
        trip.
        """
        if self.instructions:
            return
        event.listen(Engine, "connect", self._watch_driver)

    def _watch_driver(self, connection: Any, _: Any) -> None:
        note = self._statements.append
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(note)
            return

        class Cursor(connection.cursor_factory):
            def execute(self, query: Any, *args: Any, **options: Any) -> Any:
                note(str(query))
                return super().execute(query, *args, **options)

            def executemany(self, query: Any, *args: Any, **options: Any) -> Any:
                note(str(query))
                return super().executemany(query, *args, **options)

        connection.cursor_factory = Cursor
        commit = connection.commit
        connection.commit = lambda: (note("begin"), note("commit"), commit())

    @contextmanager
    def measure(self, cell: str, times: int) -> Generator[None]:
        """Counts the block, which does the work of the cell `times` times."""
        gc.collect()
        self._statements.clear()
        if self.instructions:
            self._callgrind.begin_counting()
        yield
        if self.instructions:
            self._callgrind.end_counting(f"{cell} {times}".encode())
        else:
            self.found[cell] = {"statements": round(len(self._statements) / times, 2)}


class Office:
    """The office under measurement: its people, and what they do."""

    def __init__(self, app: Litestar, inspector: Client, officer: Client) -> None:
        self._context = app.state.context
        self._inspector, self._officer = inspector, officer
        self._photo = ""
        self._number = 0

    async def upload_photo(self) -> None:
        photo = draw_sample_photo("hot", "EB-01", NOW)
        self._photo = sha256(photo).hexdigest()
        await self._inspector.send("PUT", f"/photos/{self._photo}", photo, b"image/jpeg")
        developer: PhotoProcessor = self._context.part(PhotoProcessor)
        while await developer.process_batch():
            pass

    async def report(self, **more: Any) -> dict[str, Any]:
        """Reports a hazard with a declared photo; one place has one to three reports."""
        self._number += 1
        photos = [{"sha256": self._photo, "stage": "before"}]
        body = anxun_report(self._number % 97, photos=photos, **more) | {"id": str(uuid4())}
        return (await self._inspector.send("POST", "/hazards", body)).json()["hazard"]

    async def accept(self, hazard: dict[str, Any]) -> None:
        body = {"step": "accept", "id": str(uuid4()), "version": hazard["version"]}
        await self._officer.send("POST", f"/hazards/{hazard['id']}/steps", body)

    async def read(self, path: str, coding: bytes = b"") -> None:
        await self._inspector.send("GET", path, coding=coding)

    async def work_behind(self) -> None:
        """Does what reports and steps left behind: notices, the comparison of photos, the counters."""
        database, clock = self._context.database, self._context.clock
        notifier = Notifier(database, [], clock, 60, lambda _: None, yields=False)
        developer: PhotoProcessor = self._context.part(PhotoProcessor)
        while await notifier.dispatch_batch() or await developer.examine_batch():
            pass
        await run_rollup(database, clock())


@asynccontextmanager
async def open_office(url: str, folder: Path, watch: Callable[[], None] = lambda: None) -> AsyncGenerator[Office]:
    """Opens the demo office over a database, in this process and without background work; its photo is uploaded.

    `watch`: called before the application is built.
    """
    settings = Settings(data=str(folder), database=url, tick_seconds=60)
    migrate(settings.database_url)
    database = open_database(settings.database_url)
    await load_office(database, _PASSWORD)
    await database.close()
    watch()
    app = build_app(settings, lambda: NOW, background_work=False)
    configure_collector()
    async with app.lifespan():
        inspector, officer = (Client(limit_requests(app, settings, app.path_methods.allow_header)) for _ in range(2))
        await inspector.sign_in("inspector")
        await officer.sign_in("officer")
        office = Office(app, inspector, officer)
        await office.upload_photo()
        yield office


async def measure(counter: Counter, url: str, folder: Path) -> None:
    async with open_office(url, folder, counter.watch) as office:
        known = [await office.report() for _ in range(PREPARED)]
        await office.work_behind()
        # This opens all reading connections.
        await asyncio.gather(*(office.read("/hazards?limit=1") for _ in range(TOGETHER)))
        await _measure_cells(counter, office, known)


async def _measure_cells(counter: Counter, office: Office, known: list[dict[str, Any]]) -> None:
    async def take(cell: str, work: Callable[[], Awaitable[Any]]) -> None:
        for _ in range(WARM):
            await work()
        with counter.measure(cell, MEASURED):
            for _ in range(MEASURED):
                await work()

    async def take_together(cell: str, work: Callable[[], Awaitable[Any]]) -> None:
        await asyncio.gather(*(work() for _ in range(TOGETHER)))
        with counter.measure(cell, 3 * TOGETHER):
            for _ in range(3):
                await asyncio.gather(*(work() for _ in range(TOGETHER)))

    async def accept_next() -> None:
        await office.accept(known.pop(0))

    await take("report", office.report)
    await take_together(f"report, {TOGETHER} at once", office.report)
    await take("report with a point", lambda: office.report(point=_POINT))
    await take("step", accept_next)
    await take_together(f"step, {TOGETHER} at once", accept_next)
    await take("list of 100", lambda: office.read("/hazards?limit=100"))
    for coding in (b"gzip", b"zstd"):
        await take(f"list of 100, {coding.decode()}", lambda coding=coding: office.read("/hazards?limit=100", coding))
    await take("one hazard", lambda: office.read(f"/hazards/{known[0]['id']}"))
    await take("GET /me", lambda: office.read("/me"))
    await office.work_behind()
    for _ in range(4 * MEASURED):
        await office.report()
    with counter.measure("behind a report", 4 * MEASURED):
        await office.work_behind()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("library", type=Path)
    asked = parser.parse_args()
    counter = Counter(asked.library)
    uvloop.run(measure(counter, asked.url, asked.folder))
    (asked.folder / "statements.json").write_text(json.dumps(counter.found))


if __name__ == "__main__":
    main()
