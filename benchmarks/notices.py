"""Measures the delivery of notices to a local webhook, and requests meanwhile; see README.md."""

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
from benchmarks.clocks_data import Store
from benchmarks.figures import Figure, Run, console, run_benchmark
from benchmarks.sides import ROOT, Anxun, BenchmarkError, free_port
from benchmarks.storage_postgres import PostgresUnavailable, create_database
from inspections.accounts.people import Role
from storage.engine.connections import writing_engine
from storage.notices.tables import notices

NOTICES = 10_000
IDLE_SECONDS = 15.0
EACH_SECOND = 50
SETTLE = timedelta(seconds=45)
"""Time from filling the database until all notices are due; the server starts and is measured idle in it."""
LATEST_SECONDS = 300.0


class SinkCounts(NamedTuple):
    """The sink's counts: calls, distinct ids, and the monotonic instants of the first and last call."""

    calls: int
    events: int
    first: float
    last: float


class NoticeServer(Anxun):
    """A server with a webhook to the sink. On PostgreSQL (`url`), a second process does the background work."""

    def __init__(self, folder: Path, sink: int, url: str) -> None:
        super().__init__(folder, [])
        self._apart = url.startswith("postgresql")
        self._worker: subprocess.Popen[bytes] | None = None
        self._settings = {
            "ANXUN_DATABASE": url,
            "ANXUN_WEBHOOK": f"http://127.0.0.1:{sink}/hook",
            "ANXUN_WEBHOOK_SECRET": "of a benchmark alone",
            "ANXUN_INTRANET": "127.0.0.1",
        }

    def start_process(self, command: list[str], cwd: Path, **environment: str) -> None:
        variables = {**environment, **self._settings}
        super().start_process([*command, *(["--no-work"] if self._apart else [])], cwd, **variables)
        if self._apart:
            with (self.folder / "worker.log").open("ab") as log:
                self._worker = subprocess.Popen(
                    [command[0], "work"], cwd=cwd, env={**os.environ, **variables}, stdout=log, stderr=log
                )

    def stop(self) -> None:
        super().stop()
        if self._worker:
            self._worker.terminate()
            self._worker.wait()


@contextmanager
def run_sink() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.notices_sink", str(port)], cwd=ROOT)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with suppress(OSError):
                read_sink_counts(port)
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def read_sink_counts(port: int) -> SinkCounts:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/count")
    return SinkCounts(*json.loads(connection.getresponse().read()))


def insert_notices(store: Store, number: int) -> None:
    """Inserts a notice for officers for each of `number` hazards, held until SETTLE has passed."""
    now = utc_now()
    rows = [
        {"id": uuid4(), "kind": "report", "at": now, "hazard": hazard, "seq": 1, "tells": Role.OFFICER, "to": (),
         "facts": {}, "held_until": now + SETTLE}
        for hazard in store.take_hazards(number)
    ]  # fmt: skip
    engine = writing_engine(store.url)
    with engine.begin() as connection:
        connection.execute(insert(notices), rows)
    engine.dispose()


class Client:
    """Sends GET and POST requests in turn on one connection at a fixed rate. A wait counts from the planned instant."""

    def __init__(self, side: NoticeServer) -> None:
        self._bearer = {"Authorization": f"Bearer {side.sign_in()}", "Content-Type": "application/json"}
        self._connection = HTTPConnection("127.0.0.1", side.port, timeout=30)
        self._report = {
            "community": "330402009036", "category": "EV-03", "description": "楼道堆物", "place": "3幢2单元",
            "found_at": utc_now().isoformat(), "photos": [{"sha256": "0" * 64, "stage": "before"}],
        }  # fmt: skip

    def measure_waits(self, on: Callable[[], bool]) -> tuple[list[float], list[float]]:
        """Returns the milliseconds of GET /me and of POST /hazards while `on` holds."""
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
        content = answer.read()
        if answer.status != status:
            raise BenchmarkError(f"{method} {path}: {answer.status} {content[:200]!r}")


def run_parts(run: Run, folder: Path, number: int) -> None:
    (folder / "data").mkdir()
    _measure_database(run, folder / "sqlite", f"sqlite:///{folder}/data/anxun.db", "SQLite, one process", number)
    try:
        with create_database() as database:
            _measure_database(run, folder / "postgres", database.url, "PostgreSQL, separate `anxun work`", number)
    except PostgresUnavailable as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def _measure_database(run: Run, folder: Path, url: str, heading: str, number: int) -> None:
    with run_sink() as port:
        side = NoticeServer(folder, port, url)
        with closing(Store(url)) as store:
            run.show_progress(f"filling {heading}", number, store.fill(number))
            insert_notices(store, number)
        begun = time.monotonic()
        side.start_without_requests()
        try:
            client = Client(side)
            with run.watch_machine(heading, side.process_id):
                _measure(run, client, port, number, begun + SETTLE.total_seconds(), heading)
        finally:
            side.stop()


def _measure(run: Run, client: Client, port: int, number: int, due: float, heading: str) -> None:
    time.sleep(max(0.0, due - IDLE_SECONDS - time.monotonic() - 2))
    before = read_sink_counts(port).events  # notices of the reported hazards, and of the daily digest
    if before > number // 10:
        raise BenchmarkError("deliveries began before the server was measured idle")
    idle = client.measure_waits(lambda: time.monotonic() < due - 2)
    time.sleep(max(0.0, due - time.monotonic()))
    latest = time.monotonic() + LATEST_SECONDS
    done = _arrival_check(port, before + number, latest)
    busy = client.measure_waits(lambda: not done())
    came = read_sink_counts(port)
    if came.events < before + number:
        raise BenchmarkError(f"{came.events - before} of {number} notices came within {LATEST_SECONDS:g} s")
    run.figures += [
        Figure(f"{heading}: notices/min", [60 * number / (came.last - due)], [], least=10_000),
        Figure("… repeated calls", [came.calls - came.events], []),
    ]
    for name, alone, beside in zip(("GET /me", "POST /hazards"), idle, busy, strict=True):
        run.figures += [
            Figure(f"{name} while delivering / idle: p99 ms", [_p99(beside)], [_p99(alone)], most=1.1),
            Figure(f"{name} while delivering / idle: p50 ms", [_p50(beside)], [_p50(alone)]),
        ]


def _arrival_check(port: int, number: int, latest: float) -> Callable[[], bool]:
    """Returns a function that tells, every half second, if all notices have arrived or the time is over."""
    state: dict[str, Any] = {"next": 0.0, "done": False}

    def is_finished() -> bool:
        now = time.monotonic()
        if now >= state["next"]:
            state["next"], state["done"] = now + 0.5, read_sink_counts(port).events >= number or now > latest
        return state["done"]

    return is_finished


def _p99(waits: list[float]) -> float:
    return quantiles(waits, n=100)[98]


def _p50(waits: list[float]) -> float:
    return quantiles(waits, n=100)[49]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notices", type=int, default=NOTICES)
    return run_benchmark("Notices", "notices", partial(run_parts, number=parser.parse_args().notices))


if __name__ == "__main__":
    sys.exit(main())
