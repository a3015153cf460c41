"""Recurring jobs, run by APScheduler with a memory store; each job calls an action.

Deadlines are data in the database, never jobs here: a job only looks for what is due. APScheduler plans by the wall
clock, and would stop until the old time is reached again if that clock is set back. So the scheduler wakes by the
monotonic clock, and plans anew when the two clocks have drifted apart.
"""
# APScheduler 3 has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUntypedBaseClass=false, reportUnknownParameterType=false, reportUnknownArgumentType=false

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from api.accounts.security_log import SecurityLog
from api.http.outbound import Failed, Outgoing, Refused
from api.office.recalculation import SWEEP_BATCH, recompute_daily
from inspections.accounts.actions.security_log import Caller, forget_events
from inspections.accounts.actions.sign_in import forget_tokens
from inspections.accounts.people import SYSTEM
from inspections.accounts.security_log import Event
from inspections.calendar import shanghai_date
from inspections.errors import Unavailable
from inspections.fix_links.actions import forget_tallies
from inspections.jobs import claim_job
from inspections.ledger.actions.exports import forget_exports
from inspections.monitoring.actions.alerts import forget_signatures
from inspections.monitoring.actions.devices import notice_silence
from inspections.notices.actions.digests import DIGESTS, tell_digest, tell_history_digest
from inspections.photos.actions.retention import kept_since, let_go
from inspections.photos.actions.uploads import end_expired_uploads
from inspections.remediation.actions.escalation import escalate
from inspections.sync.actions import forget
from storage.database import Database
from storage.photos.store import PhotoStore, remove_pieces
from storage.statistics.rollup import fold
from storage.upkeep.history_digests import due, write_digest
from storage.upkeep.orphans import DAY, sweep_orphans

log = structlog.get_logger()

_SUMMED_AT_ONCE = 300
_TIDY_SECONDS = 600.0
_LOOK_SECONDS = 15.0
_SILENCE_SECONDS = 60.0
_HTTP_ERRORS = 400
_AGAIN = timedelta(hours=1)
"""Delay before a failed digest is retried, or another process writes its own file into a separate folder."""


def wall_minus_monotonic() -> float:
    """The wall clock minus the monotonic clock, in seconds; it changes only when the wall clock is set."""
    return time.time() - time.monotonic()


class MonotonicScheduler(AsyncIOScheduler):
    """A scheduler that wakes at least every `tick` seconds of monotonic time, and replans if the wall clock was set."""

    def __init__(self, tick: float, offset: Callable[[], float] = wall_minus_monotonic) -> None:
        self._tick = tick
        self._offset = offset
        self._planned_at = offset()
        super().__init__(
            jobstores={"default": MemoryJobStore()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def every(self, seconds: float, job: Callable[[], Awaitable[Any]], name: str) -> None:
        self.add_job(job, "interval", seconds=seconds, id=name, next_run_time=datetime.now().astimezone())

    def _start_timer(self, wait_seconds: float | None) -> None:
        super()._start_timer(self._tick if wait_seconds is None else min(self._tick, wait_seconds))

    def _process_jobs(self) -> float | None:
        offset = self._offset()
        if abs(offset - self._planned_at) > self._tick:
            log.warning("clock was set", seconds=round(offset - self._planned_at, 1))
            self._planned_at = offset
            for job in self.get_jobs():
                job.modify(next_run_time=datetime.now(self.timezone))
        return super()._process_jobs()


async def sweep(database: Database, now: datetime) -> int:
    """Records all escalations that are due at `now`, in batches; returns how many were recorded."""
    recorded = 0
    while True:
        swept = await database.transact(partial(escalate, now=now, limit=SWEEP_BATCH))
        recorded += swept.recorded
        if swept.looked_at < SWEEP_BATCH:
            return recorded


async def tidy(database: Database, store: PhotoStore, now: datetime) -> int:
    """Sweeps photo files without a row, once a day and in one process only."""
    if not await database.transact(partial(claim_job, name="orphans", now=now, every=DAY)):
        return 0
    return await asyncio.to_thread(sweep_orphans, database, store, now)


async def let_photos_go(database: Database, now: datetime) -> int:
    """Purges photos past their retention, once a day and in one process only; the orphan sweep removes the files."""
    before = await database.read(partial(kept_since, now=now))
    if before is None or not await database.transact(partial(claim_job, name="retention", now=now, every=DAY)):
        return 0
    gone, security = 0, SecurityLog(database, lambda: now)
    while digests := await database.read(lambda repository: repository.photos_to_let_go(before, SWEEP_BATCH)):
        action = partial(let_go, digests=digests, before=before)
        facts = {"first": digests[0], "photos": str(len(digests))}
        done = await security.transact(action, Event.PHOTOS_LET_GO, Caller(SYSTEM, ""), "", facts)
        if not done:
            break  # another transaction holds them: they are purged tomorrow
        gone += done
    return gone


async def end_uploads(database: Database, store: PhotoStore, now: datetime) -> int:
    """Removes uploads that were not continued before they expired."""
    ended = 0
    while expired := await database.transact(partial(end_expired_uploads, now=now, limit=SWEEP_BATCH)):
        pieces = [piece for upload in expired for piece in upload.pieces]
        await asyncio.to_thread(remove_pieces, store, pieces)
        ended += len(expired)
    return ended


async def forget_changes(database: Database, now: datetime) -> int:
    """Deletes old entries of the change feed, once a day and in one process only."""
    if not await database.transact(partial(claim_job, name="changes", now=now, every=DAY)):
        return 0
    forgotten = 0
    while done := await database.transact(partial(forget, today=shanghai_date(now), limit=SWEEP_BATCH)):
        forgotten += done
    return forgotten


async def forget_over(database: Database, now: datetime) -> int:
    """Deletes expired attempt counters, tokens, security events, exports and alert signatures."""
    forgotten = 0
    for action in (forget_tallies, forget_tokens, forget_events, forget_exports, forget_signatures):
        while over := await database.transact(partial(action, now=now, limit=SWEEP_BATCH)):
            forgotten += over
    return forgotten


async def announce(database: Database, folder: Path, now: datetime) -> int:
    """Writes the history digest of each Shanghai day; the next file includes what a missed one would have had.

    The digest of the file itself is logged and sent to administrators, so that a later change of the file can be
    detected.
    """
    today = shanghai_date(now)
    if not due(folder, today):
        return 0
    if not await database.transact(partial(claim_job, name="history digest", now=now, every=_AGAIN)):
        return 0
    made = await asyncio.to_thread(write_digest, database, folder, today, now)
    facts = {"day": today.isoformat(), "file": made.path.name, "sha256": made.sha256, "hazards": made.hazards}
    log.info("history digest", **facts)
    await database.transact(partial(tell_history_digest, facts=facts, now=now))
    return 1


async def sum_up(database: Database, now: datetime) -> int:
    """Adds the counter deltas of recent steps to the totals, in one process at a time."""
    while await database.transact(partial(fold, now=now, limit=_SUMMED_AT_ONCE)) == _SUMMED_AT_ONCE:
        pass
    return 0


async def notice(database: Database, now: datetime) -> int:
    """Records devices that have been silent for too long; returns how many."""
    noticed = 0
    while done := await database.transact(partial(notice_silence, now=now, limit=SWEEP_BATCH)):
        noticed += done
    return noticed


async def digest(database: Database, now: datetime) -> int:
    """Creates the digest notices that are due, each a summary of open work; returns how many."""
    return sum([await database.transact(partial(tell_digest, digest=each, now=now)) for each in DIGESTS])


async def beat(database: Database, outgoing: Outgoing, url: str, every: timedelta, now: datetime) -> int:
    """Requests the heartbeat URL, in one process only, to show an external monitor that this server is alive.

    A failure is logged, and not retried before the next heartbeat.
    """
    if not await database.transact(partial(claim_job, name="heartbeat", now=now, every=every)):
        return 0
    try:
        answer = await outgoing.send("GET", url, {})
    except (Failed, Refused) as error:
        log.warning("heartbeat failed", why=str(error))
        return 0
    if answer.status >= _HTTP_ERRORS:
        log.warning("heartbeat failed", why=f"answered {answer.status}")
    return 0


def add_heartbeat(  # its target and interval
    scheduler: MonotonicScheduler,
    database: Database,
    outgoing: Outgoing,
    url: str,
    seconds: float,
    clock: Callable[[], datetime],
) -> None:
    """Adds the heartbeat job. Each process checks more often than it is due, since it may be the only one left."""
    work = partial(beat, database, outgoing, url, timedelta(seconds=seconds))
    scheduler.every(min(seconds / 4, _LOOK_SECONDS), _job(work, "heartbeat", clock), "heartbeat")


def _job(
    work: Callable[[datetime], Awaitable[int]], done: str, clock: Callable[[], datetime]
) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        try:
            if number := await work(clock()):
                log.info(done, number=number)
        except asyncio.CancelledError:
            pass  # stopped midway: its transaction is committed as a whole or not at all
        except Unavailable as error:
            log.warning("waits for the store", job=done, reason=str(error))

    return run


def build_scheduler(
    database: Database, store: PhotoStore, digests: Path, clock: Callable[[], datetime], tick: float
) -> MonotonicScheduler:
    def job(work: Callable[[datetime], Awaitable[int]], done: str) -> Callable[[], Awaitable[None]]:
        return _job(work, done, clock)

    scheduler = MonotonicScheduler(tick)
    scheduler.every(tick, job(partial(sweep, database), "escalated"), "deadlines")
    scheduler.every(_SILENCE_SECONDS, job(partial(notice, database), "silent devices"), "silence")
    scheduler.every(tick, job(partial(sum_up, database), "summed up"), "counts")
    scheduler.every(_TIDY_SECONDS, job(partial(tidy, database, store), "orphans swept"), "orphans")
    scheduler.every(_TIDY_SECONDS, job(partial(let_photos_go, database), "photos let go"), "retention")
    scheduler.every(_TIDY_SECONDS, job(partial(recompute_daily, database), "deadlines recomputed"), "provisional")
    scheduler.every(_TIDY_SECONDS, job(partial(end_uploads, database, store), "uploads expired"), "uploads")
    scheduler.every(_TIDY_SECONDS, job(partial(forget_changes, database), "changes forgotten"), "changes")
    scheduler.every(_TIDY_SECONDS, job(partial(forget_over, database), "tallies and tokens forgotten"), "over")
    scheduler.every(_TIDY_SECONDS, job(partial(announce, database, digests), "digests written"), "digests")
    scheduler.every(_LOOK_SECONDS, job(partial(digest, database), "digests told"), "agendas")
    return scheduler
