"""Fills a database with open hazards: one is reported, and SQL copies it."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import uvloop
from sqlalchemy import bindparam, func, select, text, update

from api.app import utc_now
from benchmarks.storage_writer import prepare_database
from inspections.hazards.records import Hazard, State
from storage.database import DEFINITION
from storage.engine.connections import sqlite_path, writing_engine
from storage.engine.postgres_rows import PostgresRows
from storage.engine.reference import ReferenceData
from storage.engine.rows import SqliteRows
from storage.hazards.tables import hazards
from storage.repository import Repository
from storage.schema import SCHEMA

FAR = timedelta(days=30)
_AT_ONCE = 50_000
_COLUMNS = Hazard.__struct_fields__
_LESS_THAN_A_REMINDER = timedelta(minutes=30)


class _Dialect(NamedTuple):
    """SQL that differs between the two databases. `n` is the number of a copy."""

    series: str
    id: str
    earlier: str
    later: str
    settle: str


_SQLITE = _Dialect(
    "WITH RECURSIVE series(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM series WHERE n < :last)",
    "printf('%032x', n)",
    "reported_at - 2592000000000 - n * 1000000",
    "next_check_at + n * 1000000",
    "PRAGMA wal_checkpoint(TRUNCATE)",
)
_POSTGRES = _Dialect(
    "WITH series AS (SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n)",
    "CAST(lpad(to_hex(n), 32, '0') AS uuid)",
    "reported_at - interval '30 days' - n * interval '1 second'",
    "next_check_at + n * interval '1 second'",
    "VACUUM (ANALYZE) hazards",
)


class Store:
    """A migrated database with the demo office and a growing number of reported hazards, none due before FAR.

    The ids of the copies count from 1. Each part of the benchmark takes hazards that no other part has used.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._filled = 0
        self._used = 0
        self._path = sqlite_path(url)
        self._dialect = _SQLITE if self._path else _POSTGRES
        uvloop.run(prepare_database(url, 0))
        self._engine = writing_engine(url)
        with self._engine.begin() as connection:
            self._template = connection.execute(select(func.min(hazards.c.number))).scalar_one()
            connection.execute(update(hazards).values(next_check_at=None))
            far = {"next_check_at": utc_now() + FAR, "accept_due_at": utc_now() + FAR}
            connection.execute(update(hazards).where(hazards.c.number == self._template).values(far))

    def fill(self, number: int) -> Iterator[int]:
        """Adds copies until there are `number`, then runs `settle`. Yields the size of each batch.

        They were reported a month ago and earlier, a second apart.
        """
        made = {
            "id": self._dialect.id,
            "number": "'B-' || n",
            "reported_at": self._dialect.earlier,
            "next_check_at": self._dialect.later,
        }
        names = ", ".join(f'"{name}"' for name in _COLUMNS)
        values = ", ".join(made.get(name, f'"{name}"') for name in _COLUMNS)
        copy = text(
            f"INSERT INTO hazards ({names}) {self._dialect.series}"
            f" SELECT {values} FROM series, (SELECT * FROM hazards WHERE number = :template) AS one"
        )
        while self._filled < number:
            last = min(number, self._filled + _AT_ONCE)
            with self._engine.begin() as connection:
                connection.execute(copy, {"first": self._filled + 1, "last": last, "template": self._template})
            yield last - self._filled
            self._filled = last
        self.settle()

    def settle(self) -> None:
        """Runs the database's maintenance now, so that it does not disturb the next part."""
        with self._autocommit_connection() as connection:
            connection.execute(self._dialect.settle)

    def _autocommit_connection(self) -> AbstractContextManager[Any]:
        if self._path:
            return closing(sqlite3.connect(self._path, isolation_level=None))
        return psycopg.connect(self.url, autocommit=True)

    def take_hazards(self, number: int) -> list[UUID]:
        """Returns ids of hazards that no other part has taken."""
        self._used += number
        assert self._used <= self._filled, "the store has enough hazards"
        return [UUID(int=n) for n in range(self._used - number + 1, self._used + 1)]

    def set_next_check(self, ids: list[UUID], at: datetime, due_at: datetime) -> None:
        """Makes the hazards accepted, with the next check `at` and a later deadline."""
        self._set(ids, [{"next_check_at": at, "due_at": due_at}] * len(ids), due_from=at)

    def set_deadlines(self, ids: list[UUID], due: list[datetime]) -> None:
        """Makes the hazards accepted, with one rung left: their deadlines are too near for a reminder."""
        times = [{"next_check_at": at, "due_at": at} for at in due]
        self._set(ids, times, due_from=min(due) - _LESS_THAN_A_REMINDER)

    def _set(self, ids: list[UUID], times: list[dict[str, Any]], due_from: datetime) -> None:
        change = (
            update(hazards)
            .where(hazards.c.id == bindparam("copy"))
            .values(
                state=State.ACCEPTED,
                accepted_at=due_from,
                due_from=due_from,
                due_at=bindparam("due_at"),
                next_check_at=bindparam("next_check_at"),
            )
        )
        with self._engine.begin() as connection:
            connection.execute(change, [{"copy": copy, **time} for copy, time in zip(ids, times, strict=True)])
        self.settle()

    @contextmanager
    def open_repository(self) -> Iterator[Repository]:
        """Opens a repository on one connection, without a pool, threads or a transaction per query."""
        with self._engine.connect() as connection:
            rows = SqliteRows(connection, SCHEMA) if self._path else PostgresRows(connection, SCHEMA)
            yield Repository(connection, DEFINITION, ReferenceData(connection, SCHEMA), rows)

    def close(self) -> None:
        self._engine.dispose()
