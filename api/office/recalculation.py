"""Deadlines of provisional years, and what recurs each day, counted again."""

from datetime import datetime
from functools import partial
from uuid import UUID

from inspections.jobs import claim_job
from inspections.remediation.actions.recalculation import recompute_provisional
from storage.database import Database
from storage.upkeep.orphans import DAY

SWEEP_BATCH = 100
"""One transaction of the sweep. On SQLite requests wait while it is decided: about ten milliseconds."""


async def recompute(database: Database, now: datetime) -> int:
    """Computes every provisional deadline anew, in batches; answers how many have moved."""
    moved, last = 0, UUID(int=0)
    while True:
        done = await database.transact(partial(recompute_provisional, now=now, limit=SWEEP_BATCH, after=last))
        moved, last = moved + done.moved, done.last
        if done.looked_at < SWEEP_BATCH:
            return moved


async def recompute_daily(database: Database, now: datetime) -> int:
    """Once a day, by one process of all: who imported a calendar may have been stopped before the last deadline."""
    if not await database.transact(partial(claim_job, name="provisional", now=now, every=DAY)):
        return 0
    return await recompute(database, now)
