"""Measures /sync for a phone that is far behind or up to date, and /live for a thousand readers; see README.md."""

import argparse
import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import msgspec

from api.app import utc_now
from benchmarks.figures import Figure, Run, console, run_benchmark
from benchmarks.photos_memory import memory_mebibytes
from benchmarks.sides import Anxun, BenchmarkError
from benchmarks.storage_postgres import PostgresUnavailable, create_database

CHANGES = 10_000
PAGE = 500
ROUNDS = 3
EMPTY = 300
READERS = 1_000
EACH_READS = 25
"""Streams of one account: a server accepts at most 32."""
LIVE_REPORTS = 10
_WRITERS = 8
_AT_ONCE = 200
_LATEST_SECONDS = 20.0


class FeedServer(Anxun):
    """A server on the database `url`. This machine counts as a proxy, so that readers are limited by account only."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, [])
        self._url = url

    def start_process(self, command: list[str], cwd: Path, **environment: str) -> None:
        super().start_process(command, cwd, **environment, ANXUN_DATABASE=self._url, ANXUN_TRUSTED_PROXIES="127.0.0.1")

    def create_officer(self, number: int) -> str:
        """Creates an officer and returns a bearer token of theirs."""
        name, headers = f"reader{number}", {"Authorization": f"Bearer {self.sign_in('admin')}"}
        grants = [{"role": "officer", "scope": "330402009036"}]
        wanted = {"username": name, "name": name, "password": self._password, "grants": grants}
        self.request_json("/api/v1/people", json.dumps(wanted).encode(), "POST", **headers)
        return self.sign_in(name)


class Page(msgspec.Struct):
    """The parts of a response that a phone needs for its next request; the hazards stay undecoded."""

    items: list[msgspec.Raw]
    cursor: str
    more: bool


_PAGE = msgspec.json.Decoder(Page)


class Phone:
    """A phone of an inspector, with one connection."""

    def __init__(self, side: Anxun) -> None:
        self._port = side.port
        self._bearer = {"Authorization": f"Bearer {side.sign_in()}", "Content-Type": "application/json"}
        self._open()

    def _open(self) -> None:
        self._connection = HTTPConnection("127.0.0.1", self._port, timeout=30)

    def reconnect(self) -> None:
        """Reconnects, because the server closes idle connections."""
        self._connection.close()
        self._open()

    def _call(self, method: str, path: str, body: bytes = b"") -> Any:
        self._connection.request(method, f"/api/v1{path}", body, self._bearer)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in {200, 201}:
            raise BenchmarkError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return content

    def report(self) -> None:
        body = {
            "id": str(uuid4()), "community": "330402009036", "category": "EV-03", "description": "楼道堆物",
            "place": f"{uuid4().hex[:6]}幢2单元", "found_at": utc_now().isoformat(),
            "photos": [{"sha256": "0" * 64, "stage": "before"}],
        }  # fmt: skip
        self._call("POST", "/hazards", json.dumps(body).encode())

    def list_hazards(self, limit: int) -> None:
        self._call("GET", f"/hazards?limit={limit}")

    def follow(self, cursor: str | None) -> tuple[str, int]:
        """Reads all pages. Returns the last cursor and the number of hazards."""
        came = 0
        while True:
            asked = f"?limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
            page = _PAGE.decode(self._call("GET", f"/sync{asked}"))
            cursor, came = page.cursor, came + len(page.items)
            if not page.more:
                return cursor, came


def send_reports(side: Anxun) -> Iterator[int]:
    """Sends CHANGES reports by several phones at once. Yields the size of each batch."""
    phones = [Phone(side) for _ in range(_WRITERS)]

    def send_share(phone: Phone) -> None:
        for _ in range(_AT_ONCE // _WRITERS):
            phone.report()

    with ThreadPoolExecutor(_WRITERS) as pool:
        for _ in range(CHANGES // _AT_ONCE):
            list(pool.map(send_share, phones))
            yield _AT_ONCE


def measure_phone(run: Run, side: FeedServer, heading: str) -> None:
    phone = Phone(side)
    begun, _ = phone.follow(None)
    run.show_progress(f"{heading}: reports", CHANGES, send_reports(side))
    phone.reconnect()
    took = list[float]()
    for _ in range(ROUNDS):
        at = time.perf_counter()
        end, came = phone.follow(begun)
        took.append(time.perf_counter() - at)
        if came != CHANGES:
            raise BenchmarkError(f"{came} of {CHANGES} changes arrived")
    empty = list[float]()
    for _ in range(EMPTY):
        at = time.perf_counter()
        phone.follow(end)
        empty.append(1000 * (time.perf_counter() - at))
    run.figures += [
        Figure(f"{heading}: {CHANGES:,} changes by pages of {PAGE}, s", took, [], most=1),
        Figure("… nothing new, ms", [median(empty)], [], most=2),
    ]


def measure_readers(run: Run, side: FeedServer, heading: str) -> None:
    bearers, phone = [side.create_officer(number) for number in range(READERS // EACH_READS)], Phone(side)
    before = memory_mebibytes(side, "VmRSS")
    with ExitStack() as opened, selectors.DefaultSelector() as selector:
        for number in range(READERS):
            bearer = bearers[number // EACH_READS]
            reader = opened.enter_context(closing(socket.create_connection(("127.0.0.1", side.port), timeout=10)))
            asked = f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\r\n"
            reader.sendall(asked.encode())
            selector.register(reader, selectors.EVENT_READ, bytearray())
        _wait_for_events(selector, b"event: begin", 1)
        mebibytes = memory_mebibytes(side, "VmRSS") - before
        seconds = list[float]()
        for number in range(1, LIVE_REPORTS + 1):
            at = time.perf_counter()
            phone.report()
            _wait_for_events(selector, b"event: hazard", number)
            seconds.append(time.perf_counter() - at)
    run.figures += [
        Figure(f"{heading}: {READERS:,} readers of /live, MiB", [mebibytes], [], most=60),
        Figure("… until the last has received a report, s", seconds, [], most=1),
    ]


def _wait_for_events(selector: selectors.BaseSelector, words: bytes, times: int) -> None:
    """Waits until every reader has received `words` that many times. Raises BenchmarkError after _LATEST_SECONDS."""
    keys = list(selector.get_map().values())
    until, left = time.monotonic() + _LATEST_SECONDS, {key.fd for key in keys if key.data.count(words) < times}
    while left:
        for key, _ in selector.select(1):
            key.data.extend(os.read(key.fd, 65536))
            if key.data.count(words) >= times:
                left.discard(key.fd)
        if time.monotonic() > until:
            raise BenchmarkError(f"{len(left)} of {READERS} readers have not received {words!r} {times} times")


def _measure_database(run: Run, folder: Path, url: str, heading: str) -> None:
    side = FeedServer(folder, url)
    try:
        side.start_without_requests()
        with run.watch_machine(heading, side.process_id):
            measure_readers(run, side, heading)
            measure_phone(run, side, heading)
    finally:
        side.stop()


def run_parts(run: Run, folder: Path) -> None:
    (folder / "data").mkdir()
    _measure_database(run, folder / "sqlite", f"sqlite:///{folder}/data/anxun.db", "SQLite")
    try:
        with create_database() as database:
            _measure_database(run, folder / "postgres", database.url, "PostgreSQL")
    except PostgresUnavailable as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    return run_benchmark("The feed", "feed", run_parts)


if __name__ == "__main__":
    sys.exit(main())
