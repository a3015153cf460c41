"""The figures of all communities: what is kept beside what is counted when somebody asks; see README.md."""

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from api.app import utc_now
from benchmarks.counts_filling import Store
from benchmarks.figures import Figure, Run, console, measured
from benchmarks.storage_postgres import Absent, own_database
from inspections.calendar import shanghai_date
from inspections.categories import Severity
from inspections.policy import Scope
from inspections.statistics import Counts
from storage.database import Database, open_database
from storage.feed import stamp
from storage.register import Register
from storage.statistics import Filters, counts, flow_by_day, next_late, standing_by_clock

ROWS = 1_000_000
LOOKS = 40
WARM = 12
"""Looks that do not count: PostgreSQL keeps the plan of a statement after the tenth on a connection."""
_ALL = Scope("", ("",), ())
_P95 = 0.95
_GROUP_BY = text("SELECT community, state, count(*) FROM hazards GROUP BY community, state")
_INDEX = text("CREATE INDEX ix_bench ON hazards (community, state)")
Ask = Callable[[Register], Any]


class Figures:
    """What is asked, of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = utc_now()
        self.codes = database.ask(lambda register: [each.code for each in register.communities()])
        self.busiest = min(code for code in self.codes if code.startswith("3305"))

    def p95(self, ask: Ask, looks: int = LOOKS) -> float:
        """Milliseconds of 95 of a hundred looks, on a connection that is in use."""

        def look(register: Register) -> list[float]:
            for _ in range(WARM):
                ask(register)
            times: list[float] = []
            for _ in range(looks):
                gc.collect(0)
                begun = time.perf_counter()
                ask(register)
                times.append((time.perf_counter() - begun) * 1000)
            return sorted(times)

        return self._database.ask(look)[int(looks * _P95)]

    def rows(self, codes: list[str], **filters: Any) -> Ask:
        def ask(register: Register) -> Any:
            found = counts(register, "community", codes, Filters(**filters), self._now)
            return [found.get(code, Counts()).row() for code in codes]

        return ask

    def last(self, days: int) -> dict[str, Any]:
        today = shanghai_date(self._now)
        return {"first": today - timedelta(days=days - 1), "last": today}

    def tag(self, register: Register) -> Any:
        return stamp(register), next_late(register, _ALL, self._now)

    def asked(self) -> dict[str, tuple[Ask, float]]:
        """By name: the question, and the most milliseconds that are wanted of it."""
        month, year = self.last(30), self.last(365)
        chosen = {"group": "电动车充电", "severity": Severity.GENERAL}
        return {
            "all communities": (self.rows(self.codes), 30),
            "one community, the busiest": (self.rows([self.busiest]), 1),
            "nothing new: a 304": (self.tag, 1),
            "all communities, last 30 days": (self.rows(self.codes, **month), 50),
            "one community, a year": (self.rows([self.busiest], **year), 50),
            "all communities, a year": (self.rows(self.codes, **year), 200),
            "all communities, a year, a group, a severity": (self.rows(self.codes, **chosen, **year), 200),
            "every day of a year": (lambda register: flow_by_day(register, self.codes, Filters(**year)), 200),
            "all clocks": (lambda register: standing_by_clock(register, self.codes, Filters(), self._now), 200),
        }


def measure(run: Run, name: str, url: str, rows: int) -> None:
    store = Store(url)
    try:
        for number in (rows // 10, rows):
            run.followed(f"{name}: filling to {number:,}", number - store.filled, store.fill(number))
            with ExitStack() as stack:
                database = open_database(url)
                stack.callback(_closed, database)
                _ask_all(run, f"{name}, {number:,}: ", Figures(database), last=number == rows, store=store)
    finally:
        store.close()


def _ask_all(run: Run, name: str, figures: Figures, store: Store, *, last: bool) -> None:
    for what, (ask, most) in figures.asked().items():
        run.figures.append(Figure(f"{name}{what}, p95 ms", [figures.p95(ask)], [], most=most if last else None))
    if last:
        with store.engine.begin() as connection:
            connection.execute(_INDEX)
        ours, floor = figures.p95(figures.rows(figures.codes)), figures.p95(lambda asked: asked.rows(_GROUP_BY), 5)
        run.figures.append(Figure(f"{name}all communities beside GROUP BY, p95 ms", [ours], [floor], most=0.1))


def _closed(database: Database) -> None:
    asyncio.run(database.close())


def parts(run: Run, folder: Path, rows: int) -> None:
    measure(run, "SQLite", f"sqlite:///{folder}/anxun.db", rows)
    try:
        with own_database() as database:
            measure(run, "PostgreSQL", database.url, rows)
    except Absent as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="hazards; a tenth of them is measured first")
    rows = parser.parse_args().rows
    return measured("Statistics", "counts", lambda run, folder: parts(run, folder, rows))


if __name__ == "__main__":
    sys.exit(main())
