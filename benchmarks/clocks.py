"""The clocks on SQLite and PostgreSQL: the sweep when nothing is due and when much is, and a step; see README.md."""

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
from api.process.scheduler import sweep
from benchmarks.clocks_filling import FAR, Store
from benchmarks.figures import Figure, Run, console, measured
from benchmarks.storage_postgres import Absent, own_database
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


def idle(run: Run, store: Store, heading: str) -> None:
    """Nothing is due: one look, by each way."""

    async def swept(database: Database) -> list[float]:
        return [await _seconds(sweep(database, utc_now())) for _ in range(LOOKS)]

    def asked(database: Database) -> list[float]:
        return [_timed(partial(database.ask, _look)) for _ in range(LOOKS)]

    async def both(database: Database) -> tuple[list[float], list[float]]:
        return asked(database), await swept(database)

    asks, sweeps = _with(store, both)
    with store.kept() as repository:
        kept = [_timed(partial(_look, repository)) for _ in range(LOOKS)]
    run.figures += [
        Figure(f"{heading}, nothing due: ask, ms", [1000 * median(asks)], [], most=1),
        Figure("… on a kept connection, ms", [1000 * median(kept)], [], most=1),
        Figure("… the whole sweep, ms", [1000 * median(sweeps)], []),
    ]


def steps(run: Run, store: Store, heading: str) -> None:
    """Hazards are accepted and then assigned, one after the other."""
    copies = store.taken(STEPS)

    async def stepped(database: Database) -> list[float]:
        officer = await database.read(lambda repository: repository.person("officer"))
        assert officer, "the demo office has an officer"
        return [await _seconds(_accepted_and_assigned(database, officer, copy)) / 2 for copy in copies]

    run.figures.append(Figure(f"{heading}: a step, ms", [1000 * median(_with(store, stepped))], []))


async def _accepted_and_assigned(database: Database, officer: Person, copy: UUID) -> None:
    for step in (Accept(id=uuid4(), version=1, priority=Priority.HIGH), Assign(id=uuid4(), version=2, lead="handler")):
        await database.transact(partial(take_step, person=officer, hazard_id=copy, step=step, now=utc_now()))


def claims(run: Run, store: Store, heading: str) -> None:
    """The next check of many has come, and none of them has reached a rung."""
    claimed, bare = list[float](), list[float]()
    for _ in range(ROUNDS):
        now = utc_now()
        store.have_looked_at(store.taken(CLAIMED), now - timedelta(hours=1), now + FAR)
        bare.append(CLAIMED / _with(store, lambda database: _seconds(_claimed(database, CLAIMED))))
        claimed.append(CLAIMED / _with(store, lambda database: _seconds(_swept(database, 0))))
    run.figures += [
        Figure(f"{heading}: claims/s", claimed, [], least=10_000),
        Figure("… the bare claim: hazards/s", bare, []),
    ]


async def _claimed(database: Database, number: int) -> None:
    """Claims the same ones again and again, for nothing is written."""
    for _ in range(number // SWEEP_BATCH):
        found = await database.transact(lambda repository: Change(len(repository.due(utc_now(), SWEEP_BATCH))))
        assert found == SWEEP_BATCH, "as many as a sweep claims"


async def _swept(database: Database, recorded: int) -> None:
    assert await sweep(database, utc_now()) == recorded, "every rung was recorded"


def escalations(run: Run, store: Store, heading: str) -> None:
    """Many are due on one instant: for each a line of history, an escalation, a notice, and the row."""
    rates = list[float]()
    for _ in range(ROUNDS):
        at = utc_now()
        store.have_due(store.taken(RECORDED), [at] * RECORDED)
        rates.append(RECORDED / _with(store, lambda database: _seconds(_swept(database, RECORDED))))
    run.figures += [
        Figure(f"{heading}: escalations recorded/s", rates, []),
        Figure(f"… so the last of {BURST:,} on one instant, s late", [BURST / rate for rate in rates], []),
    ]


def lateness(run: Run, store: Store, heading: str) -> None:
    """Deadlines spread over some seconds, swept as `anxun serve` does it."""
    begin = utc_now() + timedelta(seconds=3)
    every = timedelta(seconds=SPREAD_OVER / SPREAD)
    due = [begin + at * every for at in range(SPREAD)]
    store.have_due(store.taken(SPREAD), due)

    async def ticked(database: Database) -> list[float]:
        late, left = list[float](), due
        while left:
            await asyncio.sleep(TICK - time.monotonic() % TICK)
            now = utc_now()
            reached = [at for at in left if at < now]
            assert await sweep(database, now) == len(reached), "what was due, and nothing else"
            late += [(utc_now() - at).total_seconds() for at in reached]
            left = left[len(reached) :]
        return late

    late = _with(store, ticked)
    run.figures += [
        Figure(f"{heading}, {SPREAD:,} due over {SPREAD_OVER} s: p99 s late", [quantiles(late, n=100)[98]], [], most=2),
        Figure("… the latest, s", [max(late)], []),
    ]


def _with(store: Store, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """What the work answers over a database that is opened for it and closed after it."""

    async def opened() -> T:
        database = open_database(store.url)
        try:
            return await work(database)
        finally:
            await database.close()

    return uvloop.run(opened())


def _look(repository: Repository) -> None:
    assert not repository.due(utc_now(), SWEEP_BATCH), "nothing is due"


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


async def _seconds(work: Coroutine[Any, Any, object]) -> float:
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


# The parts --------------------------------------------------------------------------------------------------


def engine(run: Run, name: str, store: Store, sizes: list[int]) -> None:
    """Everything on one engine; what depends on size on every size, and the rest on the largest store."""
    for size in sizes:
        run.followed(f"{name}: {size:,} hazards", size, store.fill(size))
        heading = f"{name}, {size:,} open"
        run.followed(heading, 2, _each(partial(part, run, store, heading) for part in (idle, steps)))
    parts = (claims, escalations, lateness)
    run.followed(f"{name}: much is due", len(parts), _each(partial(part, run, store, name) for part in parts))


def _each(parts: Iterable[Callable[[], None]]) -> Iterator[int]:
    for part in parts:
        part()
        yield 1


def parts(run: Run, folder: Path, most: int) -> None:
    sizes = sorted({size for size in SIZES if size < most} | {most})
    with closing(Store(f"sqlite:///{folder}/anxun.db")) as store, run.watching("SQLite"):
        engine(run, "SQLite", store, sizes)
    try:
        with (
            own_database() as database,
            closing(Store(database.url)) as store,
            run.watching("PostgreSQL", database.process),
        ):
            engine(run, "PostgreSQL", store, sizes)
    except Absent as error:
        console.print(f"[bold yellow]Without PostgreSQL:[/] {error}")


def main() -> int:
    needed = STEPS * len(SIZES) + ROUNDS * (CLAIMED + RECORDED) + SPREAD
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=SIZES[-1], help=f"of the largest store, {needed:,} at least")
    rows = parser.parse_args().rows
    if rows < needed:
        parser.error(f"--rows: {needed:,} at least")
    return measured("The clocks", "clocks", partial(parts, most=rows))


if __name__ == "__main__":
    sys.exit(main())
