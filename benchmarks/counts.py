"""The figures of all communities: what is kept beside what is counted when somebody asks; see README.md."""

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import case, func, literal, select

from api.app import utc_now
from api.statistics.rows import CommunityRow, rows
from benchmarks.counts_filling import Store
from benchmarks.counts_served import served
from benchmarks.counts_writing import into_postgres, into_sqlite
from benchmarks.figures import Figure, Run, console, measured
from benchmarks.storage_postgres import Absent, own_database
from inspections.accounts.policy import Scope
from inspections.calendar import shanghai_date
from inspections.hazards.measures import MEASURES
from inspections.office.categories import Severity
from inspections.statistics.metrics import Counts, table
from storage.database import Database, open_database
from storage.hazards.measures import CLAUSES, INSTANTS, VALUES
from storage.hazards.tables import hazards
from storage.repository import Repository
from storage.statistics.metrics import Filters, counts, flow_by_day, stamp, standing_by_clock

ROWS = 1_000_000
ROUNDS = 3
LOOKS = 40
WARM = 12
"""Looks that do not count: PostgreSQL keeps the plan of a statement after the tenth on a connection."""
_ALL = Scope("", ("",), ())
_P95 = 0.95
_OF_WHAT_IS_OPEN = "all clocks"
"""Looked at one by one, of which there are ten times as many."""
_H = hazards.c
_STATES = select(_H.community, _H.state, func.count()).group_by(_H.community, _H.state)
_MEASURED = select(
    _H.community,
    *(
        func.sum(case((INSTANTS[on].is_not(None) & CLAUSES[name], VALUES.get(name, literal(1))), else_=0))
        for name, on in MEASURES.items()
    ),
).group_by(_H.community)
"""The numbers of a row, but for those that are late."""
_ASKED = (
    "community, state, outcome, advisory, reported_at, accepted_at, submitted_at, closed_at, due_at, original_due_at"
)
_COUNTED = "fixed_on_spot, rebounded_as, times_returned, times_reworked, times_extended, quantity, quantity_done"
_INDEXES = {
    "GROUP BY community, state": (_STATES, "community, state"),
    "GROUP BY that counts the same": (_MEASURED, f"{_ASKED}, {_COUNTED}"),
}
"""By name: a question, and the columns of an index that has all that it needs."""
Ask = Callable[[Repository], Any]


class Figures:
    """What is asked, of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = utc_now()
        self.codes = database.ask(lambda repository: [each.code for each in repository.communities()])
        self.busiest = min(code for code in self.codes if code.startswith("3305"))

    def p95(self, ask: Ask, looks: int = LOOKS) -> float:
        """Milliseconds of 95 of a hundred looks, on a connection that is in use."""

        def look(repository: Repository) -> list[float]:
            for _ in range(WARM):
                ask(repository)
            times: list[float] = []
            for _ in range(looks):
                gc.collect(0)
                begun = time.perf_counter()
                ask(repository)
                times.append((time.perf_counter() - begun) * 1000)
            return sorted(times)

        return self._database.ask(look)[int(looks * _P95)]

    def rows(self, codes: list[str], **filters: Any) -> Ask:
        def ask(repository: Repository) -> Any:
            found = counts(repository, "community", codes, Filters(**filters), self._now)
            numbers = table([found.get(code, Counts()) for code in codes])
            return rows(CommunityRow, {"community": codes, "name": codes, **numbers, "cases": codes})

        return ask

    def last(self, days: int) -> dict[str, Any]:
        today = shanghai_date(self._now)
        return {"first": today - timedelta(days=days - 1), "last": today}

    def tag(self, repository: Repository) -> Any:
        return stamp(repository, _ALL, self._now)

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
            "every day of a year": (lambda repository: flow_by_day(repository, self.codes, Filters(**year)), 200),
            _OF_WHAT_IS_OPEN: (lambda repository: standing_by_clock(repository, self.codes, Filters(), self._now), 200),
        }


def measure(run: Run, folder: Path, name: str, urls: tuple[str, str], rows: int) -> None:
    """`urls`: of the store that is measured, and of one with a tenth of its hazards."""
    with ExitStack() as stack:
        store, tenth = (stack.enter_context(closing(Store(url))) for url in urls)
        for each, number in ((tenth, rows // 10), (store, rows)):
            run.followed(f"{name}: filling to {number:,}", number, each.fill(number))
        named = f"{name}, {rows:,}"
        with _opened(store.url) as figures, _opened(tenth.url) as fewer:
            with run.watching(named):
                _ask_all(run, f"{named}: ", figures, fewer)
            _beside_group_by(run, f"{named}: ", figures, store)
        served(run, folder, name, (store.url, store.engine), rows)
        store.neglect()
        with _opened(store.url) as figures:
            late = figures.p95(figures.rows(figures.codes))
        run.figures.append(Figure(f"{name}: all communities, all that are being fixed late, p95 ms", [late], []))


def _ask_all(run: Run, name: str, figures: Figures, fewer: Figures) -> None:
    """By turns of a tenth of the hazards: what the machine does meanwhile is no growth."""
    of_fewer = fewer.asked()
    for what, (ask, most) in figures.asked().items():
        sides = {"all": partial(figures.p95, ask), "a tenth": partial(fewer.p95, of_fewer[what][0])}
        found = run.by_turns(f"{name}{what}", ROUNDS, sides)
        run.figures.append(Figure(f"{name}{what}, p95 ms", found["all"], [], most=most))
        growth = None if what == _OF_WHAT_IS_OPEN else 2.5
        run.figures.append(Figure("… beside a tenth of them", found["all"], found["a tenth"], most=growth))


def _beside_group_by(run: Run, name: str, figures: Figures, store: Store) -> None:
    kept = figures.rows(figures.codes)
    for what, (question, columns) in _INDEXES.items():
        with store.using_index(columns):

            def counted(repository: Repository, question: Any = question) -> Any:
                return repository.rows(question)

            ours, floor = figures.p95(kept), figures.p95(counted, 5)
        most = 0.1 if question is _MEASURED else None
        run.figures.append(Figure(f"{name}all communities beside {what}, p95 ms", [ours], [floor], most=most))


@contextmanager
def _opened(url: str) -> Generator[Figures]:
    database = open_database(url)
    try:
        yield Figures(database)
    finally:
        asyncio.run(database.close())


def parts(run: Run, folder: Path, rows: int) -> None:
    into_sqlite(run, folder)
    (folder / "tenth").mkdir()
    measure(run, folder, "SQLite", (f"sqlite:///{folder}/anxun.db", f"sqlite:///{folder}/tenth/anxun.db"), rows)
    try:
        with own_database() as database:
            into_postgres(run, database)
        with own_database() as database, own_database() as tenth:
            measure(run, folder, "PostgreSQL", (database.url, tenth.url), rows)
    except Absent as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="hazards; measured by turns with a tenth of them")
    rows = parser.parse_args().rows
    return measured("Statistics", "counts", lambda run, folder: parts(run, folder, rows))


if __name__ == "__main__":
    sys.exit(main())
