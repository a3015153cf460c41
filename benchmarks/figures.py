"""Figures of a run: two sides measured in turn, their ratio, and its target."""

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
from benchmarks.sides import ROOT, BenchmarkError
from benchmarks.tables import BUSY

T = TypeVar("T")

console = Console(highlight=False)
SCRATCH = ROOT / ".bench"


class Figure(NamedTuple):
    """A row of the table: the values of both sides by round. Without a floor, the target applies to ours alone.

    `most` and `least`: the target's bounds, if any.
    """

    heading: str
    ours: list[float]
    floor: list[float]
    least: float | None = None
    most: float | None = None


class Run:
    """Collects figures and failed requests, shows progress, and measures other work on the machine."""

    def __init__(self, progress: Progress) -> None:
        self.figures: list[Figure] = []
        self.failures: list[str] = []
        self.busy: dict[str, float] = {}
        self._progress = progress

    def take_turns(self, name: str, rounds: int, sides: dict[str, Callable[[], T]]) -> dict[str, list[T]]:
        """Returns the measurements of each side by round; every round starts with another side."""
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

    def show_progress(self, name: str, total: int, parts: Iterable[int]) -> None:
        """Runs the parts and shows progress. Each part yields its share of `total`."""
        task = self._progress.add_task(name, total=total)
        for done in parts:
            self._progress.advance(task, done)
        self._progress.remove_task(task)

    @contextmanager
    def watch_machine(self, name: str, *processes: int) -> Generator[None]:
        """Records the share of the machine that neither this process nor `processes` used during the block."""

        def other_seconds() -> float:
            return machine_seconds() - sum(map(cpu_seconds, (os.getpid(), *filter(None, processes))))

        gc.collect()
        gc.freeze()  # the collector skips objects made during preparation
        begun, before = time.monotonic(), other_seconds()
        yield
        self.busy[name] = (other_seconds() - before) / (time.monotonic() - begun) / (os.cpu_count() or 1)


def table(title: str, figures: list[Figure]) -> Table:
    shown = Table("", title=f"{title}: medians of the rounds (least–most)", title_justify="left", title_style="bold")
    for name in ("Anxun", "floor", "ratio", "wanted"):
        shown.add_column(name, justify="right")
    for figure in figures:
        shown.add_row(figure.heading, *map(_format_median, (figure.ours, figure.floor)), *_format_verdict(figure))
    return shown


def _format_median(measured: list[float]) -> str:
    return f"{median(measured):.4g}" if measured else ""


def _format_verdict(figure: Figure) -> tuple[str, str]:
    """Returns the ratio with its range, and the target: green if the median meets it, else red."""
    each = [ours / floor for ours, floor in zip(figure.ours, figure.floor, strict=bool(figure.floor))]
    judged = median(each or figure.ours)
    ratio = f"{judged:.2f}× ({min(each):.2f}–{max(each):.2f})" if each else ""
    if figure.least is None and figure.most is None:
        return ratio, ""
    sign = "×" if each else ""
    wanted = f"≥ {figure.least:g}{sign}" if figure.least is not None else f"≤ {figure.most:g}{sign}"
    kept = (figure.least is None or judged >= figure.least) and (figure.most is None or judged <= figure.most)
    return ratio, f"[{'green' if kept else 'bold red'}]{wanted}[/]"


def run_benchmark(title: str, name: str, parts: Callable[[Run, Path], None]) -> int:
    """Runs the parts in a temporary folder and prints their figures.

    Returns the exit code. 0: measured; 1: measured, but requests failed; 2: not measured.
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
    except Exception as error:  # print the figures measured before a fault
        if figures:
            console.print(table(f"{title}, as far as it came", figures))
        if not isinstance(error, BenchmarkError | OSError):
            raise
        console.print(f"[bold red]Not measured to the end:[/] {error}")
        return 2
    except KeyboardInterrupt:
        console.print("Stopped. All servers and data are removed.")
        return 130
    console.print(table(title, run.figures))
    for part, share in run.busy.items():
        console.print(f"other work on the machine, {part}: [{'yellow' if share > BUSY else 'default'}]{share:.0%}[/]")
    for words in run.failures:
        console.print(f"[bold red]FAILED REQUESTS[/] {words}", markup=True)
    console.print(f"{time.monotonic() - begun:.0f} s")
    return 1 if run.failures else 0
