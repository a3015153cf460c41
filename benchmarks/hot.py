"""Counts the instructions and database statements of the hot path, and compares them with `budget.json`.

Instruction counts (callgrind, a tool of valgrind) hardly differ between two runs, also on a busy machine. They show
whether a change made the report, the step, the list or the read more expensive. They are no times: instructions that
wait for memory or for the disk take longer than others.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.figures import SCRATCH
from benchmarks.sides import ROOT, BenchmarkError
from benchmarks.storage_postgres import PostgresUnavailable, create_database

console = Console(highlight=False)
BUDGET = ROOT / "benchmarks" / "budget.json"
TOLERANCE = 1.03
"""A cell may need three percent more than its budget: two runs of the same code differ by one to two percent."""
_VALGRIND = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "-q")
Counts = dict[str, dict[str, float]]
"""For each cell the thousands of instructions and the statements of one request."""


def build_library() -> Path:
    """Compiles callgrind.c. Raises BenchmarkError where gcc or the headers of valgrind are absent."""
    SCRATCH.mkdir(exist_ok=True)
    library = SCRATCH / "callgrind.so"
    source = ROOT / "benchmarks" / "callgrind.c"
    if shutil.which("gcc") is None or not Path("/usr/include/valgrind/callgrind.h").exists():
        raise BenchmarkError("gcc and valgrind are needed to count instructions (Debian: apt install gcc valgrind)")
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def count(url: str, folder: Path, library: Path) -> Counts:
    """Runs the requests twice: once to count statements, once under callgrind to count instructions."""
    found: Counts = _run_requests((), url, folder / "statements", library)
    if shutil.which("valgrind"):
        out = folder / "counts"
        _run_requests((*_VALGRIND, f"--callgrind-out-file={out}"), url, folder / "instructions", library)
        for file in folder.glob("counts.*"):
            cell, thousands = _read_counts(file.read_text())
            found[cell]["kinstr"] = thousands
    return found


def _run_requests(tool: tuple[str, ...], url: str, folder: Path, library: Path) -> Counts:
    folder.mkdir()
    with ExitStack() as stack:
        if url == "postgresql":
            url = stack.enter_context(create_database()).url
        command = [*tool, sys.executable, "-m", "benchmarks.hot_requests", url, str(folder), str(library)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANXUN_")}
        done = subprocess.run(
            command, env={**environment, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False, cwd=ROOT
        )
    if done.returncode:
        raise BenchmarkError(done.stderr.strip()[-1500:])
    return json.loads((folder / "statements.json").read_text())


def _read_counts(dump: str) -> tuple[str, float]:
    """Returns the cell of a dump of callgrind and the thousands of instructions of one request."""
    named = re.search(r"^desc: Trigger: Client Request: (.+) (\d+)$", dump, re.MULTILINE)
    total = re.search(r"^totals: (\d+)$", dump, re.MULTILINE)
    if named is None or total is None:
        raise BenchmarkError(f"not a dump of callgrind: {dump[:200]}")
    return named[1], round(int(total[1]) / int(named[2]) / 1000, 1)


def table(database: str, found: Counts, budget: Counts) -> tuple[Table, bool]:
    """Returns the table of one database, and whether every cell keeps its budget."""
    shown = Table("", title=f"one request on {database}", title_justify="left", title_style="bold")
    for heading in ("thousand instructions", "budget", "ratio", "statements", "budget "):
        shown.add_column(heading, justify="right")
    kept = True
    for cell, counts in found.items():
        wanted = budget.get(cell, {})
        row = [cell]
        for name, digits in (("kinstr", 0), ("statements", 1)):
            value, limit = counts.get(name), wanted.get(name)
            row += ["–" if value is None else f"{value:,.{digits}f}", "–" if limit is None else f"{limit:,.{digits}f}"]
            over = value is not None and limit is not None and value > limit * TOLERANCE
            kept = kept and not over
            if name == "kinstr":
                ratio = f"{value / limit:.2f}×" if value is not None and limit else "–"
                row.append(f"[bold red]{ratio}[/]" if over else ratio)
            elif over:
                row[-2] = f"[bold red]{row[-2]}[/]"
        shown.add_row(*row)
    return shown, kept


def run(*, writes: bool) -> int:
    """Counts on both databases. Returns 0 if every budget is kept or was written, else 1."""
    budget: dict[str, Counts] = json.loads(BUDGET.read_text()) if BUDGET.exists() else {}
    found: dict[str, Counts] = {}
    library = build_library()
    if shutil.which("valgrind") is None:
        console.print("[bold yellow]valgrind is not installed: only statements are counted.[/]")
    columns = [SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()]
    with (
        tempfile.TemporaryDirectory(prefix="hot-", dir=SCRATCH) as made,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        for database, url in (("SQLite", ""), ("PostgreSQL", "postgresql")):
            progress.add_task(f"the hot path on {database}")
            folder = Path(made, database)
            folder.mkdir()
            try:
                found[database] = count(url, folder, library)
            except PostgresUnavailable as absent:
                console.print(f"[bold yellow]PostgreSQL is left out: {absent}[/]")
    kept = True
    for database, counts in found.items():
        shown, within = table(database, counts, budget.get(database, {}))
        console.print(shown)
        kept = kept and within
    if writes:
        BUDGET.write_text(json.dumps({**budget, **found}, indent=2, ensure_ascii=False) + "\n")
        console.print(f"written to {BUDGET.relative_to(ROOT)}")
    elif not kept:
        console.print("[bold red]More than the budget.[/] Where that is intended, write the new budget by --write.")
    return 0 if kept or writes else 1


def main() -> int:
    """Returns the exit code. 0: within the budget; 1: above it; 2: not counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write what was counted as the new budget")
    asked = parser.parse_args()
    try:
        return run(writes=asked.write)
    except (BenchmarkError, OSError, subprocess.CalledProcessError) as error:
        console.print(f"[bold red]Not counted:[/] {error}", markup=True)
        return 2


if __name__ == "__main__":
    sys.exit(main())
