"""A store with many hazards in many communities, as uneven as real ones: made by the database, from a seed."""

import sqlite3
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, NamedTuple

import psycopg
import uvloop
from sqlalchemy import Connection, func, insert, select, text

from benchmarks.storage_writing import prepared
from inspections.hazards.records import Hazard
from inspections.office.categories import CATALOGUE
from inspections.places.communities import Community, Street
from storage.engine.connections import sqlite_path, writing_engine
from storage.hazards.tables import hazards
from storage.places.tables import communities, streets
from storage.statistics.rollup import fill

COMMUNITIES = 600
YEARS = 3
STANDING_DAYS = 8
"""What is open was reported within these; a fix is due after seven, so that one in eight is late."""
_AT_ONCE = 50_000
_FIRST = 330500000000
_KINDS = [category.code for category in CATALOGUE if not category.from_device]
_STATES = {
    # of a thousand; accepted, submitted, closed: whether it ever was
    "closed": 920,
    "rejected": 20,
    "duplicate": 20,
    "cancelled": 5,
    "reported": 5,
    "rectifying": 20,
    "pending_recheck": 8,
    "suspended": 2,
}
_STANDING = ("reported", "rectifying", "pending_recheck", "suspended")
_ACCEPTED = ("closed", "rectifying", "pending_recheck", "suspended")


class _Words(NamedTuple):
    """What the two databases say differently. `n` is the number of a hazard."""

    series: str
    id: str
    seconds: str
    settled: str


_SQLITE = _Words(
    "WITH RECURSIVE series(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM series WHERE n < :last)",
    "printf('%032x', n)",
    "({}) * 1000000",
    "PRAGMA wal_checkpoint(TRUNCATE)",
)
_POSTGRES = _Words(
    "WITH series AS (SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n)",
    "CAST(lpad(to_hex(n), 32, '0') AS uuid)",
    "({}) * interval '1 second'",
    "VACUUM (ANALYZE)",
)


def _dice(number: int, sides: str | int) -> str:
    """0 … sides - 1, the same for the same n. `number`: another one for each throw."""
    return f"((n * {7919 + 2 * number} + {number} * 104729) % 1000003 % {sides})"


def _picked(weights: dict[str, int], dice: str) -> str:
    upto, words = 0, "CASE"
    for name, weight in weights.items():
        upto += weight
        words += f" WHEN {dice} < {upto} THEN '{name}'"
    return f"{words} END"


class Store:
    """A migrated database with COMMUNITIES more than the demo office, and a growing number of hazards in them.

    Of ten communities one has half of all hazards, of categories a few most. They were reported within YEARS until now,
    those that are open within STANDING_DAYS. The deadline of one in ten that are being fixed was moved once.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.filled = 0
        self._path = sqlite_path(url)
        self._words = _SQLITE if self._path else _POSTGRES
        uvloop.run(prepared(url, 0))
        self.engine = writing_engine(url)
        with self.engine.begin() as connection:
            _add_communities(connection)
            self._template = connection.execute(select(func.min(hazards.c.number))).scalar_one()

    def fill(self, number: int) -> Iterator[int]:
        """Until there are `number`, counted anew; yields how many came."""
        copy = text(self._copied())
        while self.filled < number:
            last = min(number, self.filled + _AT_ONCE)
            with self.engine.begin() as connection:
                connection.execute(copy, {"first": self.filled + 1, "last": last, "template": self._template})
            yield last - self.filled
            self.filled = last
        with self.engine.begin() as connection:
            fill(connection)
        with self._outside_a_transaction() as connection:
            connection.execute(self._words.settled)

    @contextmanager
    def using_index(self, columns: str) -> Generator[None]:
        """With an index on hazards that we do without."""
        with self._outside_a_transaction() as connection:
            connection.execute(f"CREATE INDEX ix_bench ON hazards ({columns})")
            connection.execute(self._words.settled)
            yield
            connection.execute("DROP INDEX ix_bench")

    def neglect(self) -> None:
        """All that are being fixed became due long ago. It changes nothing of what is counted by steps."""
        month = self._words.seconds.format(30 * 86400)
        with self.engine.begin() as connection:
            connection.execute(text(f"UPDATE hazards SET due_at = due_at - {month} WHERE state = 'rectifying'"))
        with self._outside_a_transaction() as connection:
            connection.execute(self._words.settled)

    def _copied(self) -> str:
        state = _picked(_STATES, _dice(1, 1000))
        stands = f"{state} IN ({_listed(_STANDING)})"
        within = f"CASE WHEN {stands} THEN {STANDING_DAYS * 86400} ELSE {YEARS * 365 * 86400} END"
        reported = f"reported_at - {self._words.seconds.format(f'n * 97 % ({within})')}"
        extended = f"{state} = 'rectifying' AND {_dice(9, 10)} = 0"
        skewed = f"{_dice(2, 600)} * {_dice(3, 600)} / 600 * {_dice(4, 600)} / 600"
        made = {
            "id": self._words.id,
            "number": "'B-' || n",
            "community": f"CAST({_FIRST} + ({skewed}) / 10 * 1000 + ({skewed}) % 10 AS varchar(12))",
            "category": _picked(
                dict(zip(_KINDS, (max(1, 24 - 2 * at) for at in range(len(_KINDS))), strict=True)), _dice(5, _weight())
            ),
            "severity": f"CASE WHEN {_dice(6, 100)} < 3 THEN 'major' ELSE 'general' END",
            "state": state,
            "outcome": f"CASE WHEN {state} = 'closed' THEN 'fixed' END",
            "quantity": f"1 + {_dice(7, 5)}",
            "quantity_done": f"CASE WHEN {state} = 'closed' THEN 1 + {_dice(7, 5)} ELSE 0 END",
            "reported_at": reported,
            "accepted_at": self._when(state, reported, 7200),
            "submitted_at": self._when(state, reported, f"86400 * (1 + {_dice(8, 9)})", "closed"),
            "closed_at": self._when(state, reported, f"86400 * (2 + {_dice(8, 9)})", "closed"),
            "due_at": self._when(state, reported, f"86400 * CASE WHEN {extended} THEN 14 ELSE 7 END"),
            "original_due_at": f"CASE WHEN {extended} THEN {reported} + {self._words.seconds.format(86400 * 7)} END",
            "times_extended": f"CASE WHEN {extended} THEN 1 ELSE 0 END",
            "next_check_at": "NULL",
        }
        names = ", ".join(f'"{name}"' for name in Hazard.__struct_fields__)
        values = ", ".join(made.get(name, f'"{name}"') for name in Hazard.__struct_fields__)
        one = "(SELECT * FROM hazards WHERE number = :template) AS one"
        return f"INSERT INTO hazards ({names}) {self._words.series} SELECT {values} FROM series, {one}"

    def _when(self, state: str, reported: str, seconds: str | int, *states: str) -> str:
        later = self._words.seconds.format(seconds)
        return f"CASE WHEN {state} IN ({_listed(states or _ACCEPTED)}) THEN {reported} + {later} END"

    def _outside_a_transaction(self) -> AbstractContextManager[Any]:
        if self._path:
            return closing(sqlite3.connect(self._path, isolation_level=None))
        return psycopg.connect(self.url, autocommit=True)

    def close(self) -> None:
        self.engine.dispose()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _weight() -> int:
    return sum(max(1, 24 - 2 * at) for at in range(len(_KINDS)))


def _add_communities(connection: Connection) -> None:
    codes = [str(_FIRST + at // 10 * 1000 + at % 10) for at in range(COMMUNITIES)]
    made = {code[:9]: Street(code[:9], f"街道{code[6:9]}", f"J{code[6:9]}") for code in codes}
    connection.execute(
        insert(streets), [{name: getattr(each, name) for name in Street.__struct_fields__} for each in made.values()]
    )
    rows = [Community(code, f"社区{code[6:]}") for code in codes]
    connection.execute(insert(communities), [{"code": each.code, "name": each.name} for each in rows])
