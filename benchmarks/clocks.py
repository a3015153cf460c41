"""Measures deadline sweeps, with nothing due and with much due, and single steps on both databases; see README.md."""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, TypeVar
from uuid import UUID, uuid4

import uvloop

from api.app import utc_now
from api.office.recalculation import SWEEP_BATCH
from api.process.scheduler import run_deadline_sweep
from benchmarks.clocks_data import FAR, Store
from benchmarks.figures import Figure, Run, console, run_benchmark
from benchmarks.storage_postgres import PostgresUnavailable, create_database
from inspections.accounts.people import Person
from inspections.change import Change
from inspections.office.categories import Priority
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign
from storage.database import Database, open_database
from storage.repository import Repository

T = TypeVar("T")

SIZES = (1_000, 100_000, 1_000_000)
ROUNDS = 3
LOOKS = 100
CLAIMED = 10_000
RECORDED = 10_000
BURST = 100_000
STEPS = 100
SPREAD_OVER = 20
SPREAD = 2_000
TICK = 1.0


def measure_empty_sweep(run: Run, store: Store, heading: str) -> None:
    """Measures one search for due hazards while none is due, in three ways."""

    async def time_sweeps(database: Database) -> list[float]:
        return [await _time_coroutine(run_deadline_sweep(database, utc_now())) for _ in range(LOOKS)]

    def time_reads(database: Database) -> list[float]:
        return [_time_call(partial(database.read_sync, _find_nothing_due)) for _ in range(LOOKS)]

    async def time_reads_and_sweeps(database: Database) -> tuple[list[float], list[float]]:
        return time_reads(database), await time_sweeps(database)

    asks, sweeps = _run_with_database(store, time_reads_and_sweeps)
    with store.open_repository() as repository:
        kept = [_time_call(partial(_find_nothing_due, repository)) for _ in range(LOOKS)]
    run.figures += [
        Figure(f"{heading}, nothing due: read, ms", [1000 * median(asks)], [], most=1),
        Figure("… on an open connection, ms", [1000 * median(kept)], [], most=1),
        Figure("… the whole sweep, ms", [1000 * median(sweeps)], []),
    ]


def measure_steps(run: Run, store: Store, heading: str) -> None:
    """Measures accepting and assigning hazards, one after the other."""
    copies = store.take_hazards(STEPS)

    async def time_steps(database: Database) -> list[float]:
        officer = await database.read(lambda repository: repository.person("officer"))
        assert officer, "the demo office has an officer"
        return [await _time_coroutine(_accept_and_assign(database, officer, copy)) / 2 for copy in copies]

    run.figures.append(Figure(f"{heading}: a step, ms", [1000 * median(_run_with_database(store, time_steps))], []))


async def _accept_and_assign(database: Database, officer: Person, copy: UUID) -> None:
    for step in (Accept(id=uuid4(), version=1, priority=Priority.HIGH), Assign(id=uuid4(), version=2, lead="handler")):
        await database.transact(partial(take_step, person=officer, hazard_id=copy, step=step, now=utc_now()))


def measure_claims(run: Run, store: Store, heading: str) -> None:
    """Measures sweeps of hazards whose next check is due but which have reached no rung."""
    claimed, bare = list[float](), list[float]()
    for _ in range(ROUNDS):
        now = utc_now()
        store.set_next_check(store.take_hazards(CLAIMED), now - timedelta(hours=1), now + FAR)
        bare.append(CLAIMED / _run_with_database(store, lambda database: _time_coroutine(_claim(database, CLAIMED))))
        claimed.append(CLAIMED / _run_with_database(store, lambda database: _time_coroutine(_sweep(database, 0))))
    run.figures += [
        Figure(f"{heading}: claims/s", claimed, [], least=10_000),
        Figure("… the bare claim: hazards/s", bare, []),
    ]


async def _claim(database: Database, number: int) -> None:
    """Claims the same hazards repeatedly, because nothing is written."""
    for _ in range(number // SWEEP_BATCH):
        found = await database.transact(lambda repository: Change(len(repository.due_hazards(utc_now(), SWEEP_BATCH))))
        assert found == SWEEP_BATCH, "each claim is a full batch"


async def _sweep(database: Database, recorded: int) -> None:
    assert await run_deadline_sweep(database, utc_now()) == recorded, "every rung was recorded"


def measure_escalations(run: Run, store: Store, heading: str) -> None:
    """Measures many deadlines at one instant; each needs a line of history, an escalation, a notice and a row."""
    rates = list[float]()
    for _ in range(ROUNDS):
        at = utc_now()
        store.set_deadlines(store.take_hazards(RECORDED), [at] * RECORDED)
        rates.append(RECORDED / _run_with_database(store, lambda database: _time_coroutine(_sweep(database, RECORDED))))
    run.figures += [
        Figure(f"{heading}: escalations recorded/s", rates, []),
        Figure(f"… so the last of {BURST:,} on one instant, s late", [BURST / rate for rate in rates], []),
    ]


def measure_lateness(run: Run, store: Store, heading: str) -> None:
    """Measures how late deadlines are recorded that are spread over some seconds and swept as in `anxun serve`."""
    begin = utc_now() + timedelta(seconds=3)
    every = timedelta(seconds=SPREAD_OVER / SPREAD)
    due = [begin + at * every for at in range(SPREAD)]
    store.set_deadlines(store.take_hazards(SPREAD), due)

    async def sweep_every_second(database: Database) -> list[float]:
        late, left = list[float](), due
        while left:
            await asyncio.sleep(TICK - time.monotonic() % TICK)
            now = utc_now()
            reached = [at for at in left if at < now]
            assert await run_deadline_sweep(database, now) == len(reached), "the sweep recorded exactly the due rungs"
            late += [(utc_now() - at).total_seconds() for at in reached]
            left = left[len(reached) :]
        return late

    late = _run_with_database(store, sweep_every_second)
    run.figures += [
        Figure(f"{heading}, {SPREAD:,} due over {SPREAD_OVER} s: p99 s late", [quantiles(late, n=100)[98]], [], most=2),
        Figure("… the latest, s", [max(late)], []),
    ]


def _run_with_database(store: Store, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Opens the database, runs the work and closes the database."""

    async def run_work() -> T:
        database = open_database(store.url)
        try:
            return await work(database)
        finally:
            await database.close()

    return uvloop.run(run_work())


def _find_nothing_due(repository: Repository) -> None:
    assert not repository.due_hazards(utc_now(), SWEEP_BATCH), "nothing is due"


def _time_call(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


async def _time_coroutine(work: Coroutine[Any, Any, object]) -> float:
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


# The parts --------------------------------------------------------------------------------------------------


def measure_engine(run: Run, name: str, store: Store, sizes: list[int]) -> None:
    """Runs all parts on one database: those that depend on size at each size, the others on the largest store."""
    for size in sizes:
        run.show_progress(f"{name}: {size:,} hazards", size, store.fill(size))
        heading = f"{name}, {size:,} open"
        run.show_progress(
            heading, 2, _run_steps(partial(part, run, store, heading) for part in (measure_empty_sweep, measure_steps))
        )
    parts = (measure_claims, measure_escalations, measure_lateness)
    run.show_progress(f"{name}: much is due", len(parts), _run_steps(partial(part, run, store, name) for part in parts))


def _run_steps(parts: Iterable[Callable[[], None]]) -> Iterator[int]:
    for part in parts:
        part()
        yield 1


def run_parts(run: Run, folder: Path, most: int) -> None:
    sizes = sorted({size for size in SIZES if size < most} | {most})
    with closing(Store(f"sqlite:///{folder}/anxun.db")) as store, run.watch_machine("SQLite"):
        measure_engine(run, "SQLite", store, sizes)
    try:
        with (
            create_database() as database,
            closing(Store(database.url)) as store,
            run.watch_machine("PostgreSQL", database.process),
        ):
            measure_engine(run, "PostgreSQL", store, sizes)
    except PostgresUnavailable as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def main() -> int:
    needed = STEPS * len(SIZES) + ROUNDS * (CLAIMED + RECORDED) + SPREAD
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=SIZES[-1], help=f"of the largest store, {needed:,} at least")
    rows = parser.parse_args().rows
    if rows < needed:
        parser.error(f"--rows: {needed:,} at least")
    return run_benchmark("The clocks", "clocks", partial(run_parts, most=rows))


if __name__ == "__main__":
    sys.exit(main())
