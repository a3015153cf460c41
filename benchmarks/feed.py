"""What changed, for phones and screens: far behind, not behind at all, and a thousand who listen; see README.md."""

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
from benchmarks.figures import Figure, Run, console, measured
from benchmarks.photos_memory import held
from benchmarks.sides import Anxun, Broken
from benchmarks.storage_postgres import Absent, own_database

CHANGES = 10_000
PAGE = 500
ROUNDS = 3
EMPTY = 300
READERS = 1_000
EACH_READS = 25
"""Streams of one account: a server takes no more than 32."""
HEARD = 10
_WRITERS = 8
_AT_ONCE = 200
_LATEST_SECONDS = 20.0


class Kept(Anxun):
    """On the database of `url`. This machine stands for a proxy: the readers behind it are limited by account alone."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, [])
        self._url = url

    def launch(self, command: list[str], cwd: Path, **environment: str) -> None:
        super().launch(command, cwd, **environment, ANXUN_DATABASE=self._url, ANXUN_TRUSTED_PROXIES="127.0.0.1")

    def hire(self, number: int) -> str:
        """The bearer token of an officer more."""
        name, headers = f"reader{number}", {"Authorization": f"Bearer {self.sign_in('admin')}"}
        grants = [{"role": "officer", "scope": "330402009036"}]
        wanted = {"username": name, "name": name, "password": self._password, "grants": grants}
        self.ask("/api/v1/people", json.dumps(wanted).encode(), "POST", **headers)
        return self.sign_in(name)


class Page(msgspec.Struct):
    """What a phone reads of an answer before it asks again; what it makes of the hazards is its own time."""

    items: list[msgspec.Raw]
    cursor: str
    more: bool


_PAGE = msgspec.json.Decoder(Page)


class Phone:
    """One connection."""

    def __init__(self, side: Anxun) -> None:
        self._port = side.port
        self._bearer = {"Authorization": f"Bearer {side.sign_in()}", "Content-Type": "application/json"}
        self._open()

    def _open(self) -> None:
        self._connection = HTTPConnection("127.0.0.1", self._port, timeout=30)

    def renew(self) -> None:
        """The server closes one that has been idle."""
        self._connection.close()
        self._open()

    def _call(self, method: str, path: str, body: bytes = b"") -> Any:
        self._connection.request(method, f"/api/v1{path}", body, self._bearer)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status not in {200, 201}:
            raise Broken(f"{method} {path}: {answer.status} {said[:200]!r}")
        return said

    def report(self) -> None:
        body = {
            "id": str(uuid4()), "community": "330402009036", "category": "EV-03", "description": "楼道堆物",
            "place": f"{uuid4().hex[:6]}幢2单元", "found_at": utc_now().isoformat(),
            "photos": [{"sha256": "0" * 64, "stage": "before"}],
        }  # fmt: skip
        self._call("POST", "/hazards", json.dumps(body).encode())

    def list(self, limit: int) -> None:
        self._call("GET", f"/hazards?limit={limit}")

    def follow(self, cursor: str | None) -> tuple[str, int]:
        """To the end: the cursor there, and how many hazards came on the way."""
        came = 0
        while True:
            asked = f"?limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
            page = _PAGE.decode(self._call("GET", f"/sync{asked}"))
            cursor, came = page.cursor, came + len(page.items)
            if not page.more:
                return cursor, came


def reported(side: Anxun) -> Iterator[int]:
    """As many reports as CHANGES, by several phones at once; says how many were sent."""
    phones = [Phone(side) for _ in range(_WRITERS)]

    def some(phone: Phone) -> None:
        for _ in range(_AT_ONCE // _WRITERS):
            phone.report()

    with ThreadPoolExecutor(_WRITERS) as pool:
        for _ in range(CHANGES // _AT_ONCE):
            list(pool.map(some, phones))
            yield _AT_ONCE


def phone_part(run: Run, side: Kept, heading: str) -> None:
    phone = Phone(side)
    begun, _ = phone.follow(None)
    run.followed(f"{heading}: reports", CHANGES, reported(side))
    phone.renew()
    took = list[float]()
    for _ in range(ROUNDS):
        at = time.perf_counter()
        end, came = phone.follow(begun)
        took.append(time.perf_counter() - at)
        if came != CHANGES:
            raise Broken(f"{came} of {CHANGES} changes came")
    empty = list[float]()
    for _ in range(EMPTY):
        at = time.perf_counter()
        phone.follow(end)
        empty.append(1000 * (time.perf_counter() - at))
    run.figures += [
        Figure(f"{heading}: {CHANGES:,} changes by pages of {PAGE}, s", took, [], most=1),
        Figure("… nothing new, ms", [median(empty)], [], most=2),
    ]


def readers_part(run: Run, side: Kept, heading: str) -> None:
    bearers, phone = [side.hire(number) for number in range(READERS // EACH_READS)], Phone(side)
    before = held(side, "VmRSS")
    with ExitStack() as opened, selectors.DefaultSelector() as selector:
        for number in range(READERS):
            bearer = bearers[number // EACH_READS]
            reader = opened.enter_context(closing(socket.create_connection(("127.0.0.1", side.port), timeout=10)))
            asked = f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\r\n"
            reader.sendall(asked.encode())
            selector.register(reader, selectors.EVENT_READ, bytearray())
        _wait_for(selector, b"event: begin", 1)
        mebibytes = held(side, "VmRSS") - before
        seconds = list[float]()
        for number in range(1, HEARD + 1):
            at = time.perf_counter()
            phone.report()
            _wait_for(selector, b"event: hazard", number)
            seconds.append(time.perf_counter() - at)
    run.figures += [
        Figure(f"{heading}: {READERS:,} readers of /live, MiB", [mebibytes], [], most=60),
        Figure("… until the last has heard of a report, s", seconds, [], most=1),
    ]


def _wait_for(selector: selectors.BaseSelector, words: bytes, times: int) -> None:
    """Until every reader has got `words` so often."""
    keys = list(selector.get_map().values())
    until, left = time.monotonic() + _LATEST_SECONDS, {key.fd for key in keys if key.data.count(words) < times}
    while left:
        for key, _ in selector.select(1):
            key.data.extend(os.read(key.fd, 65536))
            if key.data.count(words) >= times:
                left.discard(key.fd)
        if time.monotonic() > until:
            raise Broken(f"{len(left)} of {READERS} readers have not heard {words!r} {times} times")


def _part(run: Run, folder: Path, url: str, heading: str) -> None:
    side = Kept(folder, url)
    try:
        side.open()
        with run.watching(heading, side.process_id):
            readers_part(run, side, heading)
            phone_part(run, side, heading)
    finally:
        side.stop()


def parts(run: Run, folder: Path) -> None:
    (folder / "data").mkdir()
    _part(run, folder / "sqlite", f"sqlite:///{folder}/data/anxun.db", "SQLite")
    try:
        with own_database() as database:
            _part(run, folder / "postgres", database.url, "PostgreSQL")
    except Absent as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    return measured("The feed", "feed", parts)


if __name__ == "__main__":
    sys.exit(main())
