"""Fills a database with hazards in many communities, as unevenly as in real ones; SQL makes them from a fixed seed."""

import sqlite3
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, NamedTuple

import psycopg
import uvloop
from sqlalchemy import Connection, func, insert, select, text

from benchmarks.storage_writer import prepare_database
from inspections.hazards.records import Hazard
from inspections.office.categories import CATALOGUE
from inspections.places.communities import Community, Street
from storage.engine.connections import sqlite_path, writing_engine
from storage.hazards.tables import hazards
from storage.places.tables import communities, streets
from storage.statistics.rollup import rebuild_counters

COMMUNITIES = 600
YEARS = 3
OPEN_DAYS = 8
"""Open hazards were reported within these days; a fix is due after seven, so that one in eight is overdue."""
_AT_ONCE = 50_000
_FIRST = 330500000000
_KINDS = [category.code for category in CATALOGUE if not category.from_device]
_STATES = {
    # per thousand hazards
    "closed": 920,
    "rejected": 20,
    "duplicate": 20,
    "cancelled": 5,
    "reported": 5,
    "rectifying": 20,
    "pending_recheck": 8,
    "suspended": 2,
}
_OPEN_STATES = ("reported", "rectifying", "pending_recheck", "suspended")
_ACCEPTED_STATES = ("closed", "rectifying", "pending_recheck", "suspended")


class _Dialect(NamedTuple):
    """SQL that differs between the two databases. `n` is the number of a hazard."""

    series: str
    id: str
    seconds: str
    settle: str


_SQLITE = _Dialect(
    "WITH RECURSIVE series(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM series WHERE n < :last)",
    "printf('%032x', n)",
    "({}) * 1000000",
    "PRAGMA wal_checkpoint(TRUNCATE)",
)
_POSTGRES = _Dialect(
    "WITH series AS (SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n)",
    "CAST(lpad(to_hex(n), 32, '0') AS uuid)",
    "({}) * interval '1 second'",
    "VACUUM (ANALYZE)",
)


def _random_sql(number: int, sides: str | int) -> str:
    """Returns SQL for a pseudo-random number from 0 to sides - 1 that depends on n. `number`: the stream."""
    return f"((n * {7919 + 2 * number} + {number} * 104729) % 1000003 % {sides})"


def _choice_sql(weights: dict[str, int], dice: str) -> str:
    upto, words = 0, "CASE"
    for name, weight in weights.items():
        upto += weight
        words += f" WHEN {dice} < {upto} THEN '{name}'"
    return f"{words} END"


class Store:
    """A migrated database with COMMUNITIES besides the demo office's, and a growing number of hazards in them.

    A tenth of the communities has half of all hazards, and a few categories have most. Closed hazards were reported
    within the last YEARS, open ones within OPEN_DAYS. One in ten hazards that are being fixed has an extended deadline.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.filled = 0
        self._path = sqlite_path(url)
        self._dialect = _SQLITE if self._path else _POSTGRES
        uvloop.run(prepare_database(url, 0))
        self.engine = writing_engine(url)
        with self.engine.begin() as connection:
            _add_communities(connection)
            self._template = connection.execute(select(func.min(hazards.c.number))).scalar_one()

    def fill(self, number: int) -> Iterator[int]:
        """Adds hazards until there are `number`, then rebuilds the counters. Yields the size of each batch."""
        copy = text(self._copy_statement())
        while self.filled < number:
            last = min(number, self.filled + _AT_ONCE)
            with self.engine.begin() as connection:
                connection.execute(copy, {"first": self.filled + 1, "last": last, "template": self._template})
            yield last - self.filled
            self.filled = last
        with self.engine.begin() as connection:
            rebuild_counters(connection)
        with self._autocommit_connection() as connection:
            connection.execute(self._dialect.settle)

    @contextmanager
    def temporary_index(self, columns: str) -> Generator[None]:
        """Creates an index on hazards for the block, which Anxun itself does not have."""
        with self._autocommit_connection() as connection:
            connection.execute(f"CREATE INDEX ix_bench ON hazards ({columns})")
            connection.execute(self._dialect.settle)
            yield
            connection.execute("DROP INDEX ix_bench")

    def make_fixes_overdue(self) -> None:
        """Makes all hazards that are being fixed overdue. This changes no counter that steps maintain."""
        month = self._dialect.seconds.format(30 * 86400)
        with self.engine.begin() as connection:
            connection.execute(text(f"UPDATE hazards SET due_at = due_at - {month} WHERE state = 'rectifying'"))
        with self._autocommit_connection() as connection:
            connection.execute(self._dialect.settle)

    def _copy_statement(self) -> str:
        state = _choice_sql(_STATES, _random_sql(1, 1000))
        stands = f"{state} IN ({_sql_list(_OPEN_STATES)})"
        within = f"CASE WHEN {stands} THEN {OPEN_DAYS * 86400} ELSE {YEARS * 365 * 86400} END"
        reported = f"reported_at - {self._dialect.seconds.format(f'n * 97 % ({within})')}"
        extended = f"{state} = 'rectifying' AND {_random_sql(9, 10)} = 0"
        skewed = f"{_random_sql(2, 600)} * {_random_sql(3, 600)} / 600 * {_random_sql(4, 600)} / 600"
        made = {
            "id": self._dialect.id,
            "number": "'B-' || n",
            "community": f"CAST({_FIRST} + ({skewed}) / 10 * 1000 + ({skewed}) % 10 AS varchar(12))",
            "category": _choice_sql(
                dict(zip(_KINDS, (max(1, 24 - 2 * at) for at in range(len(_KINDS))), strict=True)),
                _random_sql(5, _total_weight()),
            ),
            "severity": f"CASE WHEN {_random_sql(6, 100)} < 3 THEN 'major' ELSE 'general' END",
            "state": state,
            "outcome": f"CASE WHEN {state} = 'closed' THEN 'fixed' END",
            "quantity": f"1 + {_random_sql(7, 5)}",
            "quantity_done": f"CASE WHEN {state} = 'closed' THEN 1 + {_random_sql(7, 5)} ELSE 0 END",
            "reported_at": reported,
            "accepted_at": self._instant_in_states(state, reported, 7200),
            "submitted_at": self._instant_in_states(state, reported, f"86400 * (1 + {_random_sql(8, 9)})", "closed"),
            "closed_at": self._instant_in_states(state, reported, f"86400 * (2 + {_random_sql(8, 9)})", "closed"),
            "due_at": self._instant_in_states(state, reported, f"86400 * CASE WHEN {extended} THEN 14 ELSE 7 END"),
            "original_due_at": f"CASE WHEN {extended} THEN {reported} + {self._dialect.seconds.format(86400 * 7)} END",
            "times_extended": f"CASE WHEN {extended} THEN 1 ELSE 0 END",
            "next_check_at": "NULL",
        }
        names = ", ".join(f'"{name}"' for name in Hazard.__struct_fields__)
        values = ", ".join(made.get(name, f'"{name}"') for name in Hazard.__struct_fields__)
        one = "(SELECT * FROM hazards WHERE number = :template) AS one"
        return f"INSERT INTO hazards ({names}) {self._dialect.series} SELECT {values} FROM series, {one}"

    def _instant_in_states(self, state: str, reported: str, seconds: str | int, *states: str) -> str:
        later = self._dialect.seconds.format(seconds)
        return f"CASE WHEN {state} IN ({_sql_list(states or _ACCEPTED_STATES)}) THEN {reported} + {later} END"

    def _autocommit_connection(self) -> AbstractContextManager[Any]:
        if self._path:
            return closing(sqlite3.connect(self._path, isolation_level=None))
        return psycopg.connect(self.url, autocommit=True)

    def close(self) -> None:
        self.engine.dispose()


def _sql_list(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _total_weight() -> int:
    return sum(max(1, 24 - 2 * at) for at in range(len(_KINDS)))


def _add_communities(connection: Connection) -> None:
    codes = [str(_FIRST + at // 10 * 1000 + at % 10) for at in range(COMMUNITIES)]
    made = {code[:9]: Street(code[:9], f"街道{code[6:9]}", f"J{code[6:9]}") for code in codes}
    connection.execute(
        insert(streets), [{name: getattr(each, name) for name in Street.__struct_fields__} for each in made.values()]
    )
    rows = [Community(code, f"社区{code[6:]}") for code in codes]
    connection.execute(insert(communities), [{"code": each.code, "name": each.name} for each in rows])
