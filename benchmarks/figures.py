"""Rows of what was measured: both sides by turns, their ratio, and what is wanted of it."""

import gc
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.measure import cpu_seconds, machine_seconds
from benchmarks.sides import ROOT, Broken
from benchmarks.tables import BUSY

T = TypeVar("T")

console = Console(highlight=False)
SCRATCH = ROOT / ".bench"


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
    """Collects figures and failed requests; shows how far it is; knows how much else the machine did."""

    def __init__(self, progress: Progress) -> None:
        self.figures: list[Figure] = []
        self.failures: list[str] = []
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

    def followed(self, name: str, total: int, parts: Iterable[int]) -> None:
        """Does the parts of a longer work, each of which says how much of `total` it was."""
        task = self._progress.add_task(name, total=total)
        for done in parts:
            self._progress.advance(task, done)
        self._progress.remove_task(task)

    @contextmanager
    def watching(self, name: str, *processes: int) -> Generator[None]:
        """Notes the share of the machine that neither we nor `processes` used."""

        def others() -> float:
            return machine_seconds() - sum(map(cpu_seconds, (os.getpid(), *filter(None, processes))))

        gc.collect()
        gc.freeze()  # what was prepared is no part of anybody's garbage
        begun, before = time.monotonic(), others()
        yield
        self.busy[name] = (others() - before) / (time.monotonic() - begun) / (os.cpu_count() or 1)


def table(title: str, figures: list[Figure]) -> Table:
    shown = Table("", title=f"{title}: medians of the rounds (least–most)", title_justify="left", title_style="bold")
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


def measured(title: str, name: str, parts: Callable[[Run, Path], None]) -> int:
    """Runs the parts in a folder of their own and shows what they measured.

    Answers the exit code. 0: measured; 1: measured, but requests failed; 2: not measured.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    figures: list[Figure] = []
    columns = [TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()]
    try:
        SCRATCH.mkdir(exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix=f"{name}-", dir=SCRATCH) as made,
            Progress(*columns, console=console, transient=True) as progress,
        ):
            run = Run(progress)
            figures = run.figures
            parts(run, Path(made))
    except Exception as error:  # a fault of ours takes nothing from what was measured before it
        if figures:
            console.print(table(f"{title}, as far as it came", figures))
        if not isinstance(error, Broken | OSError):
            raise
        console.print(f"[bold red]Not measured to the end:[/] {error}")
        return 2
    except KeyboardInterrupt:
        console.print("Stopped; servers and data are gone.")
        return 130
    console.print(table(title, run.figures))
    for part, share in run.busy.items():
        console.print(f"other work on the machine, {part}: [{'yellow' if share > BUSY else 'default'}]{share:.0%}[/]")
    for words in run.failures:
        console.print(f"[bold red]FAILED REQUESTS[/] {words}", markup=True)
    console.print(f"{time.monotonic() - begun:.0f} s")
    return 1 if run.failures else 0
