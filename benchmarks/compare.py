"""Compares Anxun with its rivals under the same load, in turn within one run; see README.md. Started by run.sh."""

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

from benchmarks.measure import Window, drain, load, measure_window
from benchmarks.sides import BENCH_BIN, ROOT, Anxun, BenchmarkError, Django, FastApi, Server
from benchmarks.tables import BURST, MIXED, Cell, Results, failures, line, table

console = Console(highlight=False)
SCRATCH = ROOT / ".bench"
FREE_BYTES = 6_000_000_000
FORM, JSON = "form with three photos", "JSON report"
CELLS = [Cell(JSON, 8), Cell(JSON, 32), Cell(FORM, 8), Cell(FORM, 32), Cell(MIXED, 8), Cell(MIXED, 32)]
BURSTS = [Cell(BURST, 8), Cell(BURST, 32)]
BURST_SECONDS = 150.0


class Plan(NamedTuple):
    """The number of rounds and the seconds of load per window. No round begins that could end after `budget`."""

    rounds: int
    form_seconds: float
    json_seconds: float
    burst_reports: int
    budget: float


FULL = Plan(3, 5.0, 3.0, 200, 540)
QUICK = Plan(1, 2.5, 1.5, 40, 120)


def postgres(*command: str) -> str:
    """Runs postgres.py in the rivals' environment. Raises BenchmarkError with its message if it fails."""
    script = str(ROOT / "benchmarks" / "postgres.py")
    done = subprocess.run(
        [str(BENCH_BIN / "python"), script, *command], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise BenchmarkError(done.stderr.strip())
    return done.stdout.strip()


def drop_database(name: str) -> None:
    try:
        postgres("drop", name)
    except BenchmarkError as error:
        console.print(f"[bold red]database {name} is still there: {error}[/]")


def create_database(stack: ExitStack, rival: str) -> str:
    """Creates a database, which `stack` drops at the end of the run, also after a failure."""
    name = f"anxun_bench_{secrets.token_hex(4)}_{rival}"
    stack.callback(drop_database, name)
    postgres("create", name)
    return name


def create_sides(stack: ExitStack, folder: Path) -> list[Server]:
    """Creates Anxun's server and those of all rivals that can run here."""
    photos = sorted((SCRATCH / "photos").glob("*.jpg"))
    sides: list[Server] = [Anxun(folder / "anxun", photos)]
    try:
        process = int(postgres("process"))
    except BenchmarkError as error:
        console.print(f"[bold red]PostgreSQL: {error}\nWithout Django, and FastAPI on SQLite instead.[/]")
        return [*sides, FastApi(folder / "fastapi", photos, None)]
    rivals = [
        FastApi(folder / "fastapi", photos, create_database(stack, "fastapi")),
        Django(folder / "django", photos, create_database(stack, "django")),
    ]
    for rival in rivals:
        rival.database_process = process
    return [*sides, *rivals]


def measure_cell(side: Server, cell: Cell, plan: Plan) -> Window:
    if cell.kind == BURST:
        return measure_window(side, side.forms, cell.clients, BURST_SECONDS, plan.burst_reports, [])
    if cell.kind == FORM:
        return measure_window(side, side.forms, cell.clients, plan.form_seconds, 0, [])
    return measure_window(
        side, side.jsons, cell.clients, plan.json_seconds, 0, side.forms if cell.kind == MIXED else []
    )


def start_sides(stack: ExitStack, sides: list[Server]) -> None:
    """Starts every server and sends it a few requests that are not counted, so that it is warm."""
    for side in sides:
        console.print(f"starting {side.name}: {side.details}")
        stack.callback(side.stop)
        side.start()
        load(side, side.forms, 4, 10, most=8)
        load(side, side.jsons, 8, 10, most=200)
        drain(side)
        side.remove_photos()


def run_rounds(sides: list[Server], plan: Plan, begun: float) -> Results:
    """Measures every cell on every side in each round, starting with another side each time; bursts only in round 1."""
    results: Results = {cell: {side.name: [] for side in sides} for cell in CELLS + BURSTS}
    columns = [TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("windows", total=(plan.rounds * len(CELLS) + len(BURSTS)) * len(sides))
        for number in range(plan.rounds):
            round_begun = time.monotonic()
            for cell in CELLS if number else CELLS + BURSTS:
                for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
                    progress.update(task, description=f"{cell.kind} × {cell.clients}: {side.name}")
                    window = measure_cell(side, cell, plan)
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
        raise BenchmarkError(f"the benchmarks need {FREE_BYTES // 10**9} GB of free disk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=SCRATCH)))
        sides = create_sides(stack, folder)
        start_sides(stack, sides)
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
    """Returns the exit code. 0: measured; 1: measured, but requests failed; 2: not measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, about 90 seconds")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return compare(QUICK if asked.quick else FULL)
    except (BenchmarkError, OSError, subprocess.TimeoutExpired) as error:
        console.print(f"[bold red]Not measured:[/] {error}", markup=True)
        return 2
    except KeyboardInterrupt:
        console.print("Stopped. All servers and data are removed.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
