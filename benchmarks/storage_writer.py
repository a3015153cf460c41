"""Writes reports through `transact` by concurrent writers, and the same rows through sqlite3 alone."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple
from uuid import uuid4

import msgspec

from api.app import utc_now
from api.demo.office import load_office
from benchmarks.messages import anxun_report
from benchmarks.storage_recorder import Statement, record_statements
from inspections.accounts.people import Person
from inspections.photos.actions.intake import receive_photos
from inspections.photos.records import Photo, PhotoState
from inspections.remediation.actions.reporting import ReportResult, report_hazard
from inspections.remediation.steps import Report
from storage.database import DEFINITION, open_database
from storage.engine.sqlite import SqliteDatabase
from storage.migration import migrate
from storage.repository import Action

WRITERS = 32
PLACES = 1_000
Transact = Callable[[Action[ReportResult]], Awaitable[ReportResult]]


class Window(NamedTuple):
    """The rate and the waits of one side in one round."""

    rate: float
    p99_ms: float

    @classmethod
    def from_waits(cls, waits: Sequence[float], seconds: float) -> "Window":
        return cls(len(waits) / seconds, 1000 * quantiles(waits, n=100)[98])


class Work(NamedTuple):
    """An inspector of the demo office and what they are to report."""

    person: Person
    reports: list[Report]


def _photo(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def _report(number: int) -> Report:
    """Returns a report with an id as phones make them and its own photo; its place may have been reported before."""
    words = anxun_report(number % PLACES + 1, photos=[{"sha256": _photo(number), "stage": "before"}])
    return msgspec.convert({**words, "id": str(uuid4())}, Report, strict=False)


async def prepare_database(url: str, number: int) -> Work:
    """Fills a new database with the demo office, all photos that will be declared, and the first few reports."""
    migrate(url)
    database = open_database(url)
    try:
        await load_office(database, "of nobody")
        person = await database.read(lambda repository: repository.person("inspector"))
        assert person, "the demo office has an inspector"
        photos = [
            Photo(_photo(at), 3_000_000, "jpeg", 4032, 3024, PhotoState.DEVELOPED, utc_now())
            for at in range(number + WRITERS)
        ]
        await database.transact(partial(receive_photos, person=person, arrived=photos, now=utc_now()))
        many = [_report(at) for at in range(number + WRITERS)]
        await write_reports(database.transact, Work(person, many[number:]))
        return Work(person, many[:number])
    finally:
        await database.close()


async def write_reports(transact: Transact, work: Work) -> Window:
    """Writes all reports by WRITERS at once; each sends its next report after the previous result."""
    waits: list[float] = []

    async def writer(own: Sequence[Report]) -> None:
        for report in own:
            begun = time.perf_counter()
            await transact(partial(report_hazard, person=work.person, report=report, now=utc_now()))
            waits.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(writer(work.reports[at::WRITERS]) for at in range(WRITERS)))
    return Window.from_waits(waits, time.perf_counter() - begun)


async def write_to_sqlite(path: Path, work: Work) -> Window:
    """Writes the reports through a newly opened SQLite database."""
    database = SqliteDatabase(path, DEFINITION)
    try:
        return await write_reports(database.transact, work)
    finally:
        await database.close()


# The floor of SQLite ----------------------------------------------------------------------------------------


Script = list[list[Statement]]
"""The statements of each group from BEGIN on; a commit ends each group."""

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY")


async def record_script(path: Path, work: Work) -> Script:
    """Records the statements that `transact` sends to SQLite while it writes the reports."""
    with record_statements() as statements:
        await write_to_sqlite(path, work)
    script: Script = []
    for statement in statements:
        if statement.sql.startswith("BEGIN"):
            script.append([])
        if script:
            script[-1].append(statement)
    return [group for group in script if count_reports(group)]


def count_reports(group: list[Statement]) -> int:
    """Returns the number of reports in a group."""
    return sum(len(rows) for sql, rows, many in group if many and sql.startswith("INSERT INTO hazards "))


def replay_script(path: Path, script: Script) -> Window:
    """Replays the recorded statements in the same groups with sqlite3 alone, without decisions and conversions."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        waits: list[float] = []
        begun = time.perf_counter()
        for group in script:
            group_begun = time.perf_counter()
            for sql, parameters, many in group:
                if many:
                    connection.executemany(sql, parameters)
                else:
                    connection.execute(sql, parameters).fetchall()
            connection.commit()
            waits += [time.perf_counter() - group_begun] * count_reports(group)
        return Window.from_waits(waits, time.perf_counter() - begun)
