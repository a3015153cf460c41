"""Anxun and its rivals under the same load, by turns in one run; see README.md. Started by run.sh."""

import argparse
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.measure import Window, drain, load, measure
from benchmarks.sides import BENCH_BIN, ROOT, Anxun, Broken, Django, FastApi, Side
from benchmarks.tables import BURST, MIXED, Cell, Results, failures, line, table

console = Console(highlight=False)
SCRATCH = ROOT / ".bench"
FREE_BYTES = 6_000_000_000
FORM, JSON = "form with three photos", "JSON report"
CELLS = [Cell(JSON, 8), Cell(JSON, 32), Cell(FORM, 8), Cell(FORM, 32), Cell(MIXED, 8), Cell(MIXED, 32)]
BURSTS = [Cell(BURST, 8), Cell(BURST, 32)]
BURST_SECONDS = 150.0


class Plan(NamedTuple):
    """How often, and for how many seconds requests are begun. No round begins that could end after `budget`."""

    rounds: int
    form_seconds: float
    json_seconds: float
    burst_reports: int
    budget: float


FULL = Plan(3, 5.0, 3.0, 200, 540)
QUICK = Plan(1, 2.5, 1.5, 40, 120)


def postgres(*command: str) -> str:
    """Raises Broken where it fails, with the server's words."""
    script = str(ROOT / "benchmarks" / "postgres.py")
    done = subprocess.run(
        [str(BENCH_BIN / "python"), script, *command], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise Broken(done.stderr.strip())
    return done.stdout.strip()


def drop(name: str) -> None:
    try:
        postgres("drop", name)
    except Broken as error:
        console.print(f"[bold red]database {name} is still there: {error}[/]")


def database(stack: ExitStack, rival: str) -> str:
    """A new database, which `stack` drops however the run ends."""
    name = f"anxun_bench_{secrets.token_hex(4)}_{rival}"
    stack.callback(drop, name)
    postgres("create", name)
    return name


def all_sides(stack: ExitStack, folder: Path) -> list[Side]:
    """Anxun first, then every rival that can run here."""
    photos = sorted((SCRATCH / "photos").glob("*.jpg"))
    sides: list[Side] = [Anxun(folder / "anxun", photos)]
    try:
        process = int(postgres("process"))
    except Broken as error:
        console.print(f"[bold red]PostgreSQL: {error}\nWithout Django, and FastAPI on SQLite instead.[/]")
        return [*sides, FastApi(folder / "fastapi", photos, None)]
    rivals = [
        FastApi(folder / "fastapi", photos, database(stack, "fastapi")),
        Django(folder / "django", photos, database(stack, "django")),
    ]
    for rival in rivals:
        rival.database_process = process
    return [*sides, *rivals]


def window_of(side: Side, cell: Cell, plan: Plan) -> Window:
    if cell.kind == BURST:
        return measure(side, side.forms, cell.clients, BURST_SECONDS, plan.burst_reports, [])
    if cell.kind == FORM:
        return measure(side, side.forms, cell.clients, plan.form_seconds, 0, [])
    return measure(side, side.jsons, cell.clients, plan.json_seconds, 0, side.forms if cell.kind == MIXED else [])


def start(stack: ExitStack, sides: list[Side]) -> None:
    """Starts every server and lets it answer a little, uncounted, so that nothing is measured cold."""
    for side in sides:
        console.print(f"starting {side.name}: {side.details}")
        stack.callback(side.stop)
        side.start()
        load(side, side.forms, 4, 10, most=8)
        load(side, side.jsons, 8, 10, most=200)
        drain(side)
        side.clear()


def run_rounds(sides: list[Side], plan: Plan, begun: float) -> Results:
    """Every round measures every cell on every side, each time beginning with another side; bursts the first alone."""
    results: Results = {cell: {side.name: [] for side in sides} for cell in CELLS + BURSTS}
    columns = [TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("windows", total=(plan.rounds * len(CELLS) + len(BURSTS)) * len(sides))
        for number in range(plan.rounds):
            round_begun = time.monotonic()
            for cell in CELLS if number else CELLS + BURSTS:
                for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
                    progress.update(task, description=f"{cell.kind} × {cell.clients}: {side.name}")
                    window = window_of(side, cell, plan)
                    results[cell][side.name].append(window)
                    progress.advance(task)
                    progress.console.print(line(number + 1, cell, side.name, window))
            now = time.monotonic()
            if number + 1 < plan.rounds and now - begun + (now - round_begun) > plan.budget:
                console.print(f"[bold yellow]Out of time: {number + 1} of {plan.rounds} rounds measured.[/]")
                break
    return results


def compare(plan: Plan) -> int:
    begun = time.monotonic()
    if shutil.disk_usage(SCRATCH).free < FREE_BYTES:
        raise Broken(f"the benchmarks need {FREE_BYTES // 10**9} GB of free disk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=SCRATCH)))
        sides = all_sides(stack, folder)
        start(stack, sides)
        results = run_rounds(sides, plan, begun)
    for cell in results:
        console.print(table(cell, results[cell]))
    for side in sides:
        if side.caveat:
            console.print(f"[bold yellow]Caveat:[/] {side.caveat}")
    failed = failures(results)
    for words in failed:
        console.print(f"[bold red]FAILED REQUESTS[/] {words}")
    console.print(f"{time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def main() -> int:
    """0: measured; 1: measured, but requests failed; 2: not measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, about 90 seconds")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return compare(QUICK if asked.quick else FULL)
    except (Broken, OSError, subprocess.TimeoutExpired) as error:
        console.print(f"[bold red]Not measured:[/] {error}", markup=True)
        return 2
    except KeyboardInterrupt:
        console.print("Stopped; servers and data are gone.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
