"""Measures the storage beside its bare drivers, in turn within one run; see README.md."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path
from statistics import median

import uvloop

from benchmarks.figures import Figure, Run, console, run_benchmark
from benchmarks.storage_list import Pages, fill_hazards
from benchmarks.storage_postgres import PostgresUnavailable, create_database, write_in_groups, write_singly
from benchmarks.storage_writer import (
    WRITERS,
    Window,
    Work,
    count_reports,
    prepare_database,
    record_script,
    replay_script,
    write_to_sqlite,
)

PAGE_SECONDS = 0.1


def measure_sqlite(run: Run, folder: Path, number: int, rounds: int) -> None:
    """Measures reports into SQLite beside the same statements by sqlite3 alone."""
    template = folder / "template.db"
    work = uvloop.run(prepare_database(f"sqlite:///{template}", number))

    def run_on_copy(side: Callable[[Path], Window]) -> Window:
        path = Path(tempfile.mkdtemp(dir=folder)) / "anxun.db"
        shutil.copy(template, path)
        os.sync()
        try:
            return side(path)
        finally:
            shutil.rmtree(path.parent)

    def write_reports(path: Path) -> Window:
        return uvloop.run(write_to_sqlite(path, work))

    script = run_on_copy(lambda path: uvloop.run(record_script(path, work)))
    sizes = [count_reports(group) for group in script]
    assert sum(sizes) == number, "every report was recorded"
    with run.watch_machine("SQLite"):
        sides = {
            "Anxun": partial(run_on_copy, write_reports),
            "sqlite3": partial(run_on_copy, lambda path: replay_script(path, script)),
        }
        turns = run.take_turns("reports into SQLite", rounds, sides)
    heading = f"SQLite, groups of {median(sizes):.0f}"
    _add_figures(run, heading, turns["Anxun"], turns["sqlite3"], least=0.5, most=3)


def measure_postgres(run: Run, number: int, rounds: int) -> None:
    """Measures reports into PostgreSQL beside one transaction per report."""
    try:
        with create_database() as database:
            work = uvloop.run(prepare_database(database.url, number))
            ways = {"Anxun": write_in_groups, "one by one": write_singly}

            def run_side(way: Callable[[str, Work], Window]) -> Window:
                return uvloop.run(way(database.url, work))

            with run.watch_machine("PostgreSQL", database.process):
                sides = {name: partial(run_side, way) for name, way in ways.items()}
                turns = run.take_turns("reports into PostgreSQL", rounds, sides)
    except PostgresUnavailable as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")
        return
    _add_figures(run, "PostgreSQL", turns["Anxun"], turns["one by one"], least=2)


def _add_figures(
    run: Run, heading: str, ours: list[Window], floor: list[Window], least: float, most: float | None = None
) -> None:
    rate, p99 = attrgetter("rate"), attrgetter("p99_ms")
    run.figures += [
        Figure(f"{heading}: reports/s", list(map(rate, ours)), list(map(rate, floor)), least=least),
        Figure("… p99 ms", list(map(p99, ours)), list(map(p99, floor)), most=most),
    ]


def measure_listing(run: Run, folder: Path, number: int, rounds: int) -> None:
    """Measures listing the newest hundred of `number` hazards."""
    path = folder / f"{number}.db"
    work = uvloop.run(prepare_database(f"sqlite:///{path}", 0))
    fill_hazards(path, number)
    pages = Pages(path, work.person)
    assert pages.anxun_page() == pages.sqlite_page(), "both sides return the same page"

    def milliseconds_per_page(make: Callable[[], bytes]) -> float:
        """Returns the milliseconds per page."""
        made, begun = 0, time.perf_counter()
        while made == 0 or time.perf_counter() - begun < PAGE_SECONDS:
            make()
            made += 1
        return 1000 * (time.perf_counter() - begun) / made

    with run.watch_machine(f"{number:,} hazards"):
        sides = {"Anxun": pages.anxun_page, "sqlite3": pages.sqlite_page, "the route": pages.route_page}
        turns = run.take_turns(
            "pages", rounds, {name: partial(milliseconds_per_page, make) for name, make in sides.items()}
        )
    pages.close()
    run.figures += [
        Figure(f"100 of {number:,} hazards: ms", turns["Anxun"], turns["sqlite3"], most=1.5),
        Figure("… by the whole route: ms", turns["the route"], turns["sqlite3"]),
    ]


def run_parts(run: Run, folder: Path) -> None:
    measure_sqlite(run, folder, 100 * WRITERS, 9)
    measure_postgres(run, 50 * WRITERS, 5)
    measure_listing(run, folder, 1_000, 12)
    measure_listing(run, folder, 100_000, 12)


if __name__ == "__main__":
    sys.exit(run_benchmark(f"Storage, {WRITERS} writers", "storage", run_parts))
