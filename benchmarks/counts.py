"""Measures statistics of all communities, from stored counters and by counting on request; see README.md."""

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
from api.statistics.rows import CommunityRow, build_rows
from benchmarks.counts_cost import compare_on_postgres, compare_on_sqlite
from benchmarks.counts_data import Store
from benchmarks.counts_http import measure_server
from benchmarks.figures import Figure, Run, console, run_benchmark
from benchmarks.storage_postgres import PostgresUnavailable, create_database
from inspections.accounts.policy import Scope
from inspections.calendar import shanghai_date
from inspections.hazards.measures import MEASURES
from inspections.office.categories import Severity
from inspections.statistics.metrics import Counts, metric_columns
from storage.database import Database, open_database
from storage.hazards.measures import CLAUSES, INSTANTS, VALUES
from storage.hazards.tables import hazards
from storage.repository import Repository
from storage.statistics.metrics import Filters, count_hazards, counts_by_clock, data_version, flow_by_day

ROWS = 1_000_000
ROUNDS = 3
LOOKS = 40
WARM = 12
"""Queries before the measured ones: PostgreSQL keeps a statement's plan after its tenth run on a connection."""
_ALL = Scope("", ("",), ())
_P95 = 0.95
_CLOCKS = "all clocks"
"""Its cost grows with the open hazards, which are ten times as many."""
_H = hazards.c
_STATES = select(_H.community, _H.state, func.count()).group_by(_H.community, _H.state)
_MEASURED = select(
    _H.community,
    *(
        func.sum(case((INSTANTS[on].is_not(None) & CLAUSES[name], VALUES.get(name, literal(1))), else_=0))
        for name, on in MEASURES.items()
    ),
).group_by(_H.community)
"""Counts all numbers of a row except the overdue ones."""
_STATE_COLUMNS = (
    "community, state, outcome, advisory, reported_at, accepted_at, submitted_at, closed_at, due_at, original_due_at"
)
_COUNT_COLUMNS = "fixed_on_spot, rebounded_as, times_returned, times_reworked, times_extended, quantity, quantity_done"
_INDEXES = {
    "GROUP BY community, state": (_STATES, "community, state"),
    "GROUP BY that counts the same": (_MEASURED, f"{_STATE_COLUMNS}, {_COUNT_COLUMNS}"),
}
"""By name: a query, and the columns of an index that covers it."""
Query = Callable[[Repository], Any]


class StatisticsQueries:
    """The measured queries of statistics, on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = utc_now()
        self.codes = database.read_sync(lambda repository: [each.code for each in repository.communities()])
        self.busiest = min(code for code in self.codes if code.startswith("3305"))

    def p95(self, ask: Query, looks: int = LOOKS) -> float:
        """Returns the 95th percentile of the query's milliseconds, on a warm connection."""

        def time_looks(repository: Repository) -> list[float]:
            for _ in range(WARM):
                ask(repository)
            times: list[float] = []
            for _ in range(looks):
                gc.collect(0)
                begun = time.perf_counter()
                ask(repository)
                times.append((time.perf_counter() - begun) * 1000)
            return sorted(times)

        return self._database.read_sync(time_looks)[int(looks * _P95)]

    def community_rows(self, codes: list[str], **filters: Any) -> Query:
        def query(repository: Repository) -> Any:
            found = count_hazards(repository, "community", codes, Filters(**filters), self._now)
            numbers = metric_columns([found.get(code, Counts()) for code in codes])
            return build_rows(CommunityRow, {"community": codes, "name": codes, **numbers, "cases": codes})

        return query

    def last_days(self, days: int) -> dict[str, Any]:
        today = shanghai_date(self._now)
        return {"first": today - timedelta(days=days - 1), "last": today}

    def read_version(self, repository: Repository) -> Any:
        return data_version(repository, _ALL, self._now)

    def timed_queries(self) -> dict[str, tuple[Query, float]]:
        """Returns the queries by name, each with the most milliseconds it may take."""
        month, year = self.last_days(30), self.last_days(365)
        chosen = {"group": ("电动车充电",), "severity": (Severity.GENERAL,)}
        return {
            "all communities": (self.community_rows(self.codes), 30),
            "one community, the busiest": (self.community_rows([self.busiest]), 1),
            "nothing new: a 304": (self.read_version, 1),
            "all communities, last 30 days": (self.community_rows(self.codes, **month), 50),
            "one community, a year": (self.community_rows([self.busiest], **year), 50),
            "all communities, a year": (self.community_rows(self.codes, **year), 200),
            "all communities, a year, a group, a severity": (self.community_rows(self.codes, **chosen, **year), 200),
            "every day of a year": (lambda repository: flow_by_day(repository, self.codes, Filters(**year)), 200),
            _CLOCKS: (lambda repository: counts_by_clock(repository, self.codes, Filters(), self._now), 200),
        }


def measure_database(run: Run, folder: Path, name: str, urls: tuple[str, str], rows: int) -> None:
    """Measures one database. `urls`: of the measured store, and of a store with a tenth of its hazards."""
    with ExitStack() as stack:
        store, tenth = (stack.enter_context(closing(Store(url))) for url in urls)
        for each, number in ((tenth, rows // 10), (store, rows)):
            run.show_progress(f"{name}: filling to {number:,}", number, each.fill(number))
        named = f"{name}, {rows:,}"
        with _open_queries(store.url) as figures, _open_queries(tenth.url) as fewer:
            with run.watch_machine(named):
                _measure_queries(run, f"{named}: ", figures, fewer)
            _compare_group_queries(run, f"{named}: ", figures, store)
        measure_server(run, folder, name, (store.url, store.engine), rows)
        store.make_fixes_overdue()
        with _open_queries(store.url) as figures:
            late = figures.p95(figures.community_rows(figures.codes))
        run.figures.append(Figure(f"{name}: all communities, all hazards being fixed overdue, p95 ms", [late], []))


def _measure_queries(run: Run, name: str, figures: StatisticsQueries, fewer: StatisticsQueries) -> None:
    """Measures both stores in turn, so that other work on the machine does not look like growth."""
    of_fewer = fewer.timed_queries()
    for what, (ask, most) in figures.timed_queries().items():
        sides = {"all": partial(figures.p95, ask), "a tenth": partial(fewer.p95, of_fewer[what][0])}
        found = run.take_turns(f"{name}{what}", ROUNDS, sides)
        run.figures.append(Figure(f"{name}{what}, p95 ms", found["all"], [], most=most))
        growth = None if what == _CLOCKS else 2.5
        run.figures.append(Figure("… beside a tenth of them", found["all"], found["a tenth"], most=growth))


def _compare_group_queries(run: Run, name: str, figures: StatisticsQueries, store: Store) -> None:
    kept = figures.community_rows(figures.codes)
    for what, (question, columns) in _INDEXES.items():
        with store.temporary_index(columns):

            def run_group_query(repository: Repository, question: Any = question) -> Any:
                return repository.rows(question)

            ours, floor = figures.p95(kept), figures.p95(run_group_query, 5)
        most = 0.1 if question is _MEASURED else None
        run.figures.append(Figure(f"{name}all communities beside {what}, p95 ms", [ours], [floor], most=most))


@contextmanager
def _open_queries(url: str) -> Generator[StatisticsQueries]:
    database = open_database(url)
    try:
        yield StatisticsQueries(database)
    finally:
        asyncio.run(database.close())


def run_parts(run: Run, folder: Path, rows: int) -> None:
    compare_on_sqlite(run, folder)
    (folder / "tenth").mkdir()
    measure_database(
        run, folder, "SQLite", (f"sqlite:///{folder}/anxun.db", f"sqlite:///{folder}/tenth/anxun.db"), rows
    )
    try:
        with create_database() as database:
            compare_on_postgres(run, database)
        with create_database() as database, create_database() as tenth:
            measure_database(run, folder, "PostgreSQL", (database.url, tenth.url), rows)
    except PostgresUnavailable as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=ROWS, help="hazards in the store; a second store has a tenth of them"
    )
    rows = parser.parse_args().rows
    return run_benchmark("Statistics", "counts", lambda run, folder: run_parts(run, folder, rows))


if __name__ == "__main__":
    sys.exit(main())
