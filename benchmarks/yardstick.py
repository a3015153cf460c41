"""Compares the hot path with the equal rival (rivals/equal) on both databases, in turn within one run; see README.md.

A window of requests is measured until everything behind it is done: notices dispatched, photos processed and compared,
counters rolled up. The CPU time of this is part of the figures, and the next side waits for it.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.measure import DRAIN_SECONDS, Meter, load, machine_seconds
from benchmarks.sides import BenchmarkError
from benchmarks.storage_postgres import PostgresUnavailable, create_database
from benchmarks.yardstick_sides import AnxunSide, EqualRival, YardstickSide

console = Console(highlight=False)
SCRATCH = Path(".bench")
FREE_BYTES = 6_000_000_000
STEPS = 1500
RIVAL = "equal rival"
ON_SQLITE, ON_POSTGRES = "Anxun, SQLite", "Anxun, PostgreSQL ×2"


class Cell(NamedTuple):
    """A workload. `requests`: its files on a side; `most`: the number of requests, 0 for as many as fit."""

    name: str
    clients: int
    requests: Callable[[YardstickSide], list[Path]]
    seconds: float
    most: int = 0


CELLS = [
    Cell("JSON report", 8, lambda side: side.jsons, 4),
    Cell("JSON report", 32, lambda side: side.jsons, 6),
    Cell("step", 8, lambda side: side.steps(STEPS), 60, STEPS),
    Cell("list of 100", 8, lambda side: side.lists(), 4),
    Cell("form with three photos", 8, lambda side: side.forms, 5),
]


class Outcome(NamedTuple):
    """One window. CPU is in milliseconds per request, the database's own part separately.

    `behind_ms`: what was spent after the last response; `idle_s`: until nothing was left to do.
    """

    rate: float
    p50: float
    p99: float
    cpu_ms: float
    database_ms: float
    behind_ms: float
    idle_s: float
    others: float
    failed: int
    error: str


def measure_window(side: YardstickSide, cell: Cell) -> Outcome:
    """Measures one window on an idle side, until it is idle again."""
    side.prepare_requests()
    files = cell.requests(side)
    wait_until_idle(side)
    time.sleep(1.2)  # what a server does once a second is not counted for the window
    stored = side.stored_count()
    meter, machine, begun = Meter(side), machine_seconds(), time.monotonic()
    result = load(side, files, cell.clients, cell.seconds, cell.most)
    answered, (own, database) = time.monotonic(), meter.read()
    wait_until_idle(side)
    ended, (all_own, all_database) = time.monotonic(), meter.read()
    busy = machine_seconds() - machine - all_own - (all_database or 0) - result["client_cpu_s"]
    reports = cell.name not in {"step", "list of 100"}
    lost = max(0, result["n"] - (side.stored_count() - stored)) if reports else 0
    side.remove_photos()
    os.sync()
    per_request = 1000 / max(1, result["n"])
    return Outcome(
        result["n"] / result["secs"],
        result["p50_ms"],
        result["p99_ms"],
        all_own * per_request,
        (all_database or 0) * per_request,
        (all_own - own + (all_database or 0) - (database or 0)) * per_request,
        ended - answered,
        max(0.0, busy / (ended - begun) / (os.cpu_count() or 1)),
        result["err"] + lost,
        result["first_err"] or "answered, but not stored",
    )


def wait_until_idle(side: YardstickSide) -> None:
    """Waits until a side has nothing left to do. Raises BenchmarkError after DRAIN_SECONDS."""
    until = time.monotonic() + DRAIN_SECONDS
    while left := side.backlog():
        if time.monotonic() > until:
            raise BenchmarkError(f"{side.name}: {left} rows still to be processed after {DRAIN_SECONDS} s")
        time.sleep(0.1)


def create_sides(stack: ExitStack, folder: Path, beside: Path | None) -> list[YardstickSide]:
    """Creates Anxun on both databases, the rival, and the other checkout on both. Raises PostgresUnavailable."""
    photos = sorted((SCRATCH / "photos").resolve().glob("*.jpg"))

    def database() -> dict[str, object]:
        made = stack.enter_context(create_database())
        return {"database": made.url, "process": made.process}

    sides: list[YardstickSide] = [
        AnxunSide(ON_SQLITE, folder / "sqlite", photos),
        AnxunSide(ON_POSTGRES, folder / "postgres", photos, **database()),
        EqualRival(RIVAL, folder / "rival", photos, **database()),
    ]
    if beside:
        sides += [
            AnxunSide(f"{ON_SQLITE}, before", folder / "before-sqlite", photos, beside),
            AnxunSide(f"{ON_POSTGRES}, before", folder / "before-postgres", photos, beside, **database()),
        ]
    return sides


Results = dict[str, dict[str, list[Outcome]]]
"""The outcomes of each cell by side and round."""


def run_rounds(sides: list[YardstickSide], cells: list[Cell], rounds: int) -> Results:
    """Measures every cell on every side in each round; each round starts with another side."""
    results: Results = {title(cell): {side.name: [] for side in sides} for cell in cells}
    columns = [TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("windows", total=rounds * len(cells) * len(sides))
        for number in range(rounds):
            for cell in cells:
                for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
                    progress.update(task, description=f"{number + 1}. {title(cell)}: {side.name}")
                    outcome = measure_window(side, cell)
                    results[title(cell)][side.name].append(outcome)
                    progress.advance(task)
                    progress.console.print(line(number + 1, cell, side, outcome))
    return results


def title(cell: Cell) -> str:
    return f"{cell.name}, {cell.clients} clients"


def line(number: int, cell: Cell, side: YardstickSide, outcome: Outcome) -> str:
    failed = f" [bold red]{outcome.failed} failed: {outcome.error}[/]" if outcome.failed else ""
    return (
        f"{number}. {title(cell)}: {side.name} {outcome.rate:.0f}/s, p99 {outcome.p99:.0f} ms, CPU {outcome.cpu_ms:.2f}"
        f" + {outcome.database_ms:.2f} ms (behind {outcome.behind_ms:.2f}), idle after {outcome.idle_s:.1f} s,"
        f" {outcome.others:.0%} other work{failed}"
    )


def table(results: Results) -> Table:
    shown = Table("", title="medians of the rounds", title_justify="left", title_style="bold")
    for heading in (
        "requests/s",
        "beside the rival",
        "p50 / p99 ms",
        "CPU ms + database",
        "before",
        "behind ms",
        "idle s",
    ):
        shown.add_column(heading, justify="right")
    for cell, sides in results.items():
        shown.add_row(f"[bold]{cell}[/]")
        for name, outcomes in sides.items():
            earlier = sides.get(f"{name}, before")
            shown.add_row(
                f"  {name}",
                f"{_median(outcomes, lambda each: each.rate):.0f}",
                _ratio(outcomes, sides[RIVAL], lambda each: each.rate) if name != RIVAL else "",
                f"{_median(outcomes, lambda each: each.p50):.0f} / {_median(outcomes, lambda each: each.p99):.0f}",
                f"{_median(outcomes, lambda each: each.cpu_ms):.2f}"
                f" + {_median(outcomes, lambda each: each.database_ms):.2f}",
                _ratio(outcomes, earlier, lambda each: each.cpu_ms + each.database_ms) if earlier else "",
                f"{_median(outcomes, lambda each: each.behind_ms):.2f}",
                f"{_median(outcomes, lambda each: each.idle_s):.1f}",
            )
    return shown


def _median(outcomes: list[Outcome], figure: Callable[[Outcome], float]) -> float:
    return median(map(figure, outcomes))


def _ratio(ours: list[Outcome], others: list[Outcome], figure: Callable[[Outcome], float]) -> str:
    each = [figure(one) / figure(other) for one, other in zip(ours, others, strict=True)]
    return f"{median(each):.2f}× ({min(each):.2f}–{max(each):.2f})"


def compare(cells: list[Cell], rounds: int, beside: Path | None) -> int:
    begun = time.monotonic()
    if shutil.disk_usage(SCRATCH).free < FREE_BYTES:
        raise BenchmarkError(f"the benchmark needs {FREE_BYTES // 10**9} GB of free disk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="yard-", dir=SCRATCH.resolve())))
        sides = create_sides(stack, folder, beside)
        for side in sides:
            console.print(f"starting {side.name}")
            stack.callback(side.stop)
            side.start()
            load(side, side.forms, 4, 20, most=8)
            load(side, side.jsons, 8, 20, most=2 * STEPS)  # also the reports of the first steps
            wait_until_idle(side)
            side.renew_statistics()
        results = run_rounds(sides, cells, rounds)
    console.print(table(results))
    failed = sum(each.failed for sides in results.values() for outcomes in sides.values() for each in outcomes)
    worst = max(each.others for sides in results.values() for outcomes in sides.values() for each in outcomes)
    console.print(f"at most {worst:.0%} other work on the machine; {time.monotonic() - begun:.0f} s")
    if failed:
        console.print(f"[bold red]{failed} FAILED REQUESTS[/]")
    return 1 if failed else 0


def main() -> int:
    """Returns the exit code. 0: measured; 1: measured, but requests failed; 2: not measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=sorted({cell.name for cell in CELLS}), help="repeatable")
    parser.add_argument("--shorten", type=float, default=1, help="divides each window, for a side that drains slowly")
    parser.add_argument("--beside", type=Path, help="another checkout with its environment in .venv")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        chosen = [cell for cell in CELLS if asked.only is None or cell.name in asked.only]
        cells = [cell._replace(seconds=cell.seconds / asked.shorten) for cell in chosen]
        return compare(cells, asked.rounds, asked.beside and asked.beside.resolve())
    except (BenchmarkError, PostgresUnavailable, OSError, subprocess.TimeoutExpired) as error:
        console.print(f"[bold red]Not measured:[/] {error}", markup=True)
        return 2
    except KeyboardInterrupt:
        console.print("Stopped. All servers and data are removed.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
