"""The storage beside the bare drivers under it, by turns in one run; see README.md."""

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

from benchmarks.figures import Figure, Run, console, measured
from benchmarks.storage_listing import Pages, fill
from benchmarks.storage_postgres import Absent, grouped, one_by_one, own_database
from benchmarks.storage_writing import WRITERS, Window, Work, members, prepared, recorded, replayed, transacted

PAGE_SECONDS = 0.1


def writing(run: Run, folder: Path, number: int, rounds: int) -> None:
    """Reports into SQLite, against the same statements by sqlite3 alone."""
    template = folder / "template.db"
    work = uvloop.run(prepared(f"sqlite:///{template}", number))

    def fresh(side: Callable[[Path], Window]) -> Window:
        path = Path(tempfile.mkdtemp(dir=folder)) / "anxun.db"
        shutil.copy(template, path)
        os.sync()
        try:
            return side(path)
        finally:
            shutil.rmtree(path.parent)

    def ours(path: Path) -> Window:
        return uvloop.run(transacted(path, work))

    script = fresh(lambda path: uvloop.run(recorded(path, work)))
    sizes = [members(group) for group in script]
    assert sum(sizes) == number, "every report was recorded"
    with run.watching("SQLite"):
        sides = {"Anxun": partial(fresh, ours), "sqlite3": partial(fresh, lambda path: replayed(path, script))}
        turns = run.by_turns("reports into SQLite", rounds, sides)
    heading = f"SQLite, groups of {median(sizes):.0f}"
    _windows(run, heading, turns["Anxun"], turns["sqlite3"], least=0.5, most=3)


def postgres(run: Run, number: int, rounds: int) -> None:
    """Reports into PostgreSQL, against one transaction for each."""
    try:
        with own_database() as database:
            work = uvloop.run(prepared(database.url, number))
            ways = {"Anxun": grouped, "one by one": one_by_one}

            def side(way: Callable[[str, Work], Window]) -> Window:
                return uvloop.run(way(database.url, work))

            with run.watching("PostgreSQL", database.process):
                sides = {name: partial(side, way) for name, way in ways.items()}
                turns = run.by_turns("reports into PostgreSQL", rounds, sides)
    except Absent as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")
        return
    _windows(run, "PostgreSQL", turns["Anxun"], turns["one by one"], least=2)


def _windows(
    run: Run, heading: str, ours: list[Window], floor: list[Window], least: float, most: float | None = None
) -> None:
    rate, p99 = attrgetter("rate"), attrgetter("p99_ms")
    run.figures += [
        Figure(f"{heading}: reports/s", list(map(rate, ours)), list(map(rate, floor)), least=least),
        Figure("… p99 ms", list(map(p99, ours)), list(map(p99, floor)), most=most),
    ]


def listing(run: Run, folder: Path, number: int, rounds: int) -> None:
    """The newest hundred of `number` hazards."""
    path = folder / f"{number}.db"
    work = uvloop.run(prepared(f"sqlite:///{path}", 0))
    fill(path, number)
    pages = Pages(path, work.person)
    assert pages.ours() == pages.floor(), "both sides make the same page"

    def timed(make: Callable[[], bytes]) -> float:
        """Milliseconds for one page."""
        made, begun = 0, time.perf_counter()
        while made == 0 or time.perf_counter() - begun < PAGE_SECONDS:
            make()
            made += 1
        return 1000 * (time.perf_counter() - begun) / made

    with run.watching(f"{number:,} hazards"):
        sides = {"Anxun": pages.ours, "sqlite3": pages.floor, "the route": pages.route}
        turns = run.by_turns("pages", rounds, {name: partial(timed, make) for name, make in sides.items()})
    pages.close()
    run.figures += [
        Figure(f"100 of {number:,} hazards: ms", turns["Anxun"], turns["sqlite3"], most=1.5),
        Figure("… by the whole route: ms", turns["the route"], turns["sqlite3"]),
    ]


def parts(run: Run, folder: Path) -> None:
    writing(run, folder, 100 * WRITERS, 9)
    postgres(run, 50 * WRITERS, 5)
    listing(run, folder, 1_000, 12)
    listing(run, folder, 100_000, 12)


if __name__ == "__main__":
    sys.exit(measured(f"Storage, {WRITERS} writers", "storage", parts))
