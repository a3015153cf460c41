"""Measures how lists, steps and reads become dearer with the number of hazards, on both databases; see README.md.

Each request goes to the application in this process. Its cost is CPU time, the database's included.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.clocks_data import Store
from benchmarks.figures import Figure, Run, console, run_benchmark
from benchmarks.hot_requests import Office, open_office
from benchmarks.measure import cpu_seconds
from benchmarks.storage_postgres import PostgresUnavailable, create_database

SIZES = (1_000, 100_000, 1_000_000)
ROUNDS, REQUESTS = 5, 100
MOST = 1.3
Costs = dict[str, list[float]]
"""Milliseconds of CPU for each kind of request, by round."""


async def measure_requests(url: str, folder: Path, database_process: int) -> Costs:
    async with open_office(url, folder) as office:
        known = [await office.report() for _ in range(ROUNDS * REQUESTS + 100)]
        await office.work_behind()
        await asyncio.gather(*(office.read("/hazards?limit=1") for _ in range(8)))  # opens the reading connections
        costs: Costs = {}
        for _ in range(ROUNDS):
            for name, request in _requests(office, known).items():
                costs.setdefault(name, []).append(await _measure_cost(request, database_process))
        return costs


def _requests(office: Office, known: list[dict[str, Any]]) -> dict[str, Callable[[], Awaitable[None]]]:
    async def accept_next() -> None:
        await office.accept(known.pop(0))

    return {
        "list of 100": lambda: office.read("/hazards?limit=100"),
        "list of a community": lambda: office.read(f"/hazards?limit=100&community={known[0]['community']}"),
        "step": accept_next,
        "one hazard": lambda: office.read(f"/hazards/{known[0]['id']}"),
    }


async def _measure_cost(request: Callable[[], Awaitable[None]], database_process: int) -> float:
    """Returns the milliseconds of CPU of one request, the database's included."""

    def spent() -> float:
        return time.process_time() + (cpu_seconds(database_process) if database_process else 0)

    before = spent()
    for _ in range(REQUESTS):
        await request()
    return 1000 * (spent() - before) / REQUESTS


def measure_growth(run: Run, name: str, url: str, folder: Path, sizes: list[int], process: int = 0) -> None:
    smallest: Costs = {}
    with closing(Store(url)) as store:
        for size in sizes:
            run.show_progress(f"{name}: {size:,} hazards", size, store.fill(size))
            costs = uvloop.run(measure_requests(url, folder, process))
            smallest = smallest or costs
            for request, measured in costs.items():
                heading = f"{name}, {size:,} hazards: {request}, ms"
                run.figures.append(Figure(heading, measured, smallest[request], most=MOST))


def run_parts(run: Run, folder: Path, most: int) -> None:
    sizes = [size for size in SIZES if size <= most]
    with run.watch_machine("SQLite"):
        measure_growth(run, "SQLite", f"sqlite:///{folder}/anxun.db", folder, sizes)
    try:
        with create_database() as database, run.watch_machine("PostgreSQL", database.process):
            measure_growth(run, "PostgreSQL", database.url, folder, sizes, database.process)
    except PostgresUnavailable as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=SIZES[-1], help="of the largest store")
    return run_benchmark("Growth", "growth", partial(run_parts, most=parser.parse_args().rows))


if __name__ == "__main__":
    sys.exit(main())
