"""Recomputes provisional deadlines, once a day and after a change of the calendar."""

from datetime import datetime
from functools import partial
from uuid import UUID

from inspections.jobs import claim_job
from inspections.remediation.actions.recalculation import recompute_provisional_deadlines
from storage.database import Database
from storage.upkeep.orphans import DAY

SWEEP_BATCH = 100
"""Hazards per transaction of the sweep. On SQLite other requests wait for it, about ten milliseconds."""


async def recompute_deadlines(database: Database, now: datetime) -> int:
    """Recomputes every provisional deadline, in batches. Returns how many have changed."""
    moved, last = 0, UUID(int=0)
    while True:
        done = await database.transact(partial(recompute_provisional_deadlines, now=now, limit=SWEEP_BATCH, after=last))
        moved, last = moved + done.moved, done.last
        if done.looked_at < SWEEP_BATCH:
            return moved


async def recompute_deadlines_daily(database: Database, now: datetime) -> int:
    """Recomputes provisional deadlines once a day, in one process, in case an earlier run was interrupted."""
    if not await database.transact(partial(claim_job, name="provisional", now=now, every=DAY)):
        return 0
    return await recompute_deadlines(database, now)
