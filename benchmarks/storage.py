"""The storage beside the bare drivers under it, by turns in one run; see README.md."""

import gc
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

import uvloop
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.measure import cpu_seconds, machine_seconds
from benchmarks.sides import ROOT, Anxun, Broken
from benchmarks.storage_listing import Pages, fill
from benchmarks.storage_postgres import Absent, grouped, one_by_one, own_database
from benchmarks.storage_writing import WRITERS, Window, Work, members, prepared, recorded, replayed, transacted
from benchmarks.tables import BUSY

T = TypeVar("T")

console = Console(highlight=False)
SCRATCH = ROOT / ".bench"
IDLE_SECONDS = 10
PAGE_SECONDS = 0.1


class Figure(NamedTuple):
    """A row: both sides round by round, and what is wanted of their ratio, or, without a floor, of ours.

    `most` and `least`: bounds, where there are any.
    """

    heading: str
    ours: list[float]
    floor: list[float]
    least: float | None = None
    most: float | None = None


class Run:
    """Collects figures; shows how far it is; knows how much else the machine did."""

    def __init__(self, progress: Progress) -> None:
        self.figures: list[Figure] = []
        self.busy: dict[str, float] = {}
        self._progress = progress

    def by_turns(self, name: str, rounds: int, sides: dict[str, Callable[[], T]]) -> dict[str, list[T]]:
        """What each side measures, round by round; every round begins with another one."""
        measured: dict[str, list[T]] = {side: [] for side in sides}
        names = list(sides)
        task = self._progress.add_task(name, total=rounds * len(sides))
        for number in range(rounds):
            for side in names[number % len(names) :] + names[: number % len(names)]:
                self._progress.update(task, description=f"{name}: {side}")
                measured[side].append(sides[side]())
                self._progress.advance(task)
        self._progress.remove_task(task)
        return measured

    @contextmanager
    def watching(self, name: str, *processes: int) -> Iterator[None]:
        """Notes the share of the machine that neither we nor `processes` used."""

        def others() -> float:
            return machine_seconds() - sum(map(cpu_seconds, (os.getpid(), *filter(None, processes))))

        gc.collect()
        gc.freeze()  # what was prepared is no part of anybody's garbage
        begun, before = time.monotonic(), others()
        yield
        self.busy[name] = (others() - before) / (time.monotonic() - begun) / (os.cpu_count() or 1)


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
        measured = run.by_turns("reports into SQLite", rounds, sides)
    heading = f"SQLite, groups of {median(sizes):.0f}"
    _windows(run, heading, measured["Anxun"], measured["sqlite3"], least=0.5, most=3)


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
                measured = run.by_turns("reports into PostgreSQL", rounds, sides)
    except Absent as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")
        return
    _windows(run, "PostgreSQL", measured["Anxun"], measured["one by one"], least=2)


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
        measured = run.by_turns("pages", rounds, {name: partial(timed, make) for name, make in sides.items()})
    pages.close()
    run.figures += [
        Figure(f"100 of {number:,} hazards: ms", measured["Anxun"], measured["sqlite3"], most=1.5),
        Figure("… by the whole route: ms", measured["the route"], measured["sqlite3"]),
    ]


def idle(run: Run, folder: Path) -> None:
    """The memory of a server that has nothing to do."""
    server = Anxun(folder / "idle", [])
    try:
        server.launch(
            [str(ROOT / ".venv/bin/anxun"), "serve", "--demo"],
            server.folder,
            ANXUN_DATA=str(server.folder / "data"),
            ANXUN_PORT=str(server.port),
        )
        time.sleep(IDLE_SECONDS)
        resident = _resident(server.process_id)
    finally:
        server.stop()
    run.figures.append(Figure("idle server: MiB", [resident], [], most=110))


def _resident(process: int) -> float:
    """MiB of memory that a process and its descendants hold."""
    status = Path(f"/proc/{process}/status").read_text()
    children = [
        child for task in Path(f"/proc/{process}/task").glob("*/children") for child in task.read_text().split()
    ]
    return int(status.split("VmRSS:")[1].split()[0]) / 1024 + sum(_resident(int(child)) for child in children)


# What it comes to -------------------------------------------------------------------------------------------


def table(figures: list[Figure]) -> Table:
    title = f"Storage, {WRITERS} writers: medians of the rounds (least–most)"
    shown = Table("", title=title, title_justify="left", title_style="bold")
    for name in ("Anxun", "floor", "ratio", "wanted"):
        shown.add_column(name, justify="right")
    for figure in figures:
        shown.add_row(figure.heading, *map(_figure, (figure.ours, figure.floor)), *_verdict(figure))
    return shown


def _figure(measured: list[float]) -> str:
    return f"{median(measured):.4g}" if measured else ""


def _verdict(figure: Figure) -> tuple[str, str]:
    """The ratio, round by round, and what was wanted: green where the median keeps it."""
    each = [ours / floor for ours, floor in zip(figure.ours, figure.floor, strict=bool(figure.floor))]
    judged = median(each or figure.ours)
    ratio = f"{judged:.2f}× ({min(each):.2f}–{max(each):.2f})" if each else ""
    if figure.least is None and figure.most is None:
        return ratio, ""
    sign = "×" if each else ""
    wanted = f"≥ {figure.least:g}{sign}" if figure.least is not None else f"≤ {figure.most:g}{sign}"
    kept = (figure.least is None or judged >= figure.least) and (figure.most is None or judged <= figure.most)
    return ratio, f"[{'green' if kept else 'bold red'}]{wanted}[/]"


def compare() -> None:
    begun = time.monotonic()
    SCRATCH.mkdir(exist_ok=True)
    columns = [TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()]
    with (
        tempfile.TemporaryDirectory(prefix="storage-", dir=SCRATCH) as made,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        folder, run = Path(made), Run(progress)
        writing(run, folder, 100 * WRITERS, 9)
        postgres(run, 50 * WRITERS, 5)
        listing(run, folder, 1_000, 12)
        listing(run, folder, 100_000, 12)
        idle(run, folder)
    console.print(table(run.figures))
    for name, share in run.busy.items():
        console.print(f"other work on the machine, {name}: [{'yellow' if share > BUSY else 'default'}]{share:.0%}[/]")
    console.print(f"{time.monotonic() - begun:.0f} s")


def main() -> int:
    """0: measured; 2: not measured."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        compare()
    except (Broken, OSError) as error:
        console.print(f"[bold red]Not measured:[/] {error}")
        return 2
    except KeyboardInterrupt:
        console.print("Stopped; servers and data are gone.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
