"""Notices through a local webhook, and what requests wait meanwhile; see README.md."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import insert

from api.app import utc_now
from benchmarks.clocks_filling import Store
from benchmarks.figures import Figure, Run, console, measured
from benchmarks.sides import ROOT, Anxun, Broken, free_port
from benchmarks.storage_postgres import Absent, own_database
from inspections.accounts.people import Role
from storage.engine.connections import writing_engine
from storage.notices.tables import notices

NOTICES = 10_000
IDLE_SECONDS = 15.0
EACH_SECOND = 50
SETTLE = timedelta(seconds=45)
"""From the filling to the moment that all of them are due: the server starts, tells them, and is measured idle."""
LATEST_SECONDS = 300.0


class Seen(NamedTuple):
    """What the sink says: calls, ids, monotonic instants of the first and the last call."""

    calls: int
    events: int
    first: float
    last: float


class Hooked(Anxun):
    """With a webhook to the sink. `url`: on PostgreSQL, where a second process does what nobody waits for."""

    def __init__(self, folder: Path, sink: int, url: str) -> None:
        super().__init__(folder, [])
        self._apart = url.startswith("postgresql")
        self._worker: subprocess.Popen[bytes] | None = None
        self._said = {
            "ANXUN_DATABASE": url,
            "ANXUN_WEBHOOK": f"http://127.0.0.1:{sink}/hook",
            "ANXUN_WEBHOOK_SECRET": "of a benchmark alone",
            "ANXUN_INTRANET": "127.0.0.1",
        }

    def launch(self, command: list[str], cwd: Path, **environment: str) -> None:
        said = {**environment, **self._said}
        super().launch([*command, *(["--no-work"] if self._apart else [])], cwd, **said)
        if self._apart:
            with (self.folder / "worker.log").open("ab") as log:
                self._worker = subprocess.Popen(
                    [command[0], "work"], cwd=cwd, env={**os.environ, **said}, stdout=log, stderr=log
                )

    def stop(self) -> None:
        super().stop()
        if self._worker:
            self._worker.terminate()
            self._worker.wait()


@contextmanager
def sink() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.notices_sink", str(port)], cwd=ROOT)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with suppress(OSError):
                seen(port)
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def seen(port: int) -> Seen:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/count")
    return Seen(*json.loads(connection.getresponse().read()))


def have_told(store: Store, number: int) -> None:
    """So many hazards, each with a notice for its officers that is held until SETTLE is over."""
    now = utc_now()
    rows = [
        {"id": uuid4(), "kind": "report", "at": now, "hazard": hazard, "seq": 1, "tells": Role.OFFICER, "to": (),
         "facts": {}, "held_until": now + SETTLE}
        for hazard in store.taken(number)
    ]  # fmt: skip
    engine = writing_engine(store.url)
    with engine.begin() as connection:
        connection.execute(insert(notices), rows)
    engine.dispose()


class Client:
    """Asks and reports by turns on one connection, at a steady pace: a wait is counted from when it was due."""

    def __init__(self, side: Hooked) -> None:
        self._bearer = {"Authorization": f"Bearer {side.sign_in()}", "Content-Type": "application/json"}
        self._connection = HTTPConnection("127.0.0.1", side.port, timeout=30)
        self._report = {
            "community": "330402009036", "category": "EV-03", "description": "楼道堆物", "place": "3幢2单元",
            "found_at": utc_now().isoformat(), "photos": [{"sha256": "0" * 64, "stage": "before"}],
        }  # fmt: skip

    def waits(self, on: Callable[[], bool]) -> tuple[list[float], list[float]]:
        """Milliseconds of GET /me and of POST /hazards, as long as `on`."""
        asked, reported = list[float](), list[float]()
        due = time.perf_counter()
        while on():
            due += 1 / EACH_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            self._call("GET", "/api/v1/me", b"", 200)
            asked.append(1000 * (time.perf_counter() - due))
            due += 1 / EACH_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            body = json.dumps({**self._report, "id": str(uuid4())}).encode()
            self._call("POST", "/api/v1/hazards", body, 201)
            reported.append(1000 * (time.perf_counter() - due))
        return asked, reported

    def _call(self, method: str, path: str, body: bytes, status: int) -> None:
        self._connection.request(method, path, body, self._bearer)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != status:
            raise Broken(f"{method} {path}: {answer.status} {said[:200]!r}")


def parts(run: Run, folder: Path, number: int) -> None:
    (folder / "data").mkdir()
    _part(run, folder / "sqlite", f"sqlite:///{folder}/data/anxun.db", "SQLite, one process", number)
    try:
        with own_database() as database:
            _part(run, folder / "postgres", database.url, "PostgreSQL, `anxun work` apart", number)
    except Absent as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def _part(run: Run, folder: Path, url: str, heading: str, number: int) -> None:
    with sink() as port:
        side = Hooked(folder, port, url)
        with closing(Store(url)) as store:
            run.followed(f"filling {heading}", number, store.fill(number))
            have_told(store, number)
        begun = time.monotonic()
        side.open()
        try:
            client = Client(side)
            with run.watching(heading, side.process_id):
                _measure(run, client, port, number, begun + SETTLE.total_seconds(), heading)
        finally:
            side.stop()


def _measure(run: Run, client: Client, port: int, number: int, due: float, heading: str) -> None:
    time.sleep(max(0.0, due - IDLE_SECONDS - time.monotonic() - 2))
    before = seen(port).events  # of the filling, and the file of the day's heads
    if before > number // 10:
        raise Broken("deliveries began before the server was measured idle")
    idle = client.waits(lambda: time.monotonic() < due - 2)
    time.sleep(max(0.0, due - time.monotonic()))
    latest = time.monotonic() + LATEST_SECONDS
    done = _until(port, before + number, latest)
    busy = client.waits(lambda: not done())
    came = seen(port)
    if came.events < before + number:
        raise Broken(f"{came.events - before} of {number} notices came within {LATEST_SECONDS:g} s")
    run.figures += [
        Figure(f"{heading}: notices/min", [60 * number / (came.last - due)], [], least=10_000),
        Figure("… calls that came twice", [came.calls - came.events], []),
    ]
    for name, alone, beside in zip(("GET /me", "POST /hazards"), idle, busy, strict=True):
        run.figures += [
            Figure(f"{name} while delivering / idle: p99 ms", [_p99(beside)], [_p99(alone)], most=1.1),
            Figure(f"{name} while delivering / idle: p50 ms", [_p50(beside)], [_p50(alone)]),
        ]


def _until(port: int, number: int, latest: float) -> Callable[[], bool]:
    """Whether all have come, or the time is over; asked every half second."""
    state: dict[str, Any] = {"next": 0.0, "done": False}

    def done() -> bool:
        now = time.monotonic()
        if now >= state["next"]:
            state["next"], state["done"] = now + 0.5, seen(port).events >= number or now > latest
        return state["done"]

    return done


def _p99(waits: list[float]) -> float:
    return quantiles(waits, n=100)[98]


def _p50(waits: list[float]) -> float:
    return quantiles(waits, n=100)[49]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notices", type=int, default=NOTICES)
    return measured("Notices", "notices", partial(parts, number=parser.parse_args().notices))


if __name__ == "__main__":
    sys.exit(main())
