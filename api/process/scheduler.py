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
from api.http.outbound import ForbiddenAddress, OutboundClient, SendFailure
from api.office.recalculation import SWEEP_BATCH, recompute_deadlines_daily
from inspections.accounts.actions.external_identities import delete_expired_codes
from inspections.accounts.actions.security_log import Caller, delete_expired_events
from inspections.accounts.actions.sign_in import delete_expired_tokens
from inspections.accounts.people import SYSTEM
from inspections.accounts.security_log import Event
from inspections.calendar import shanghai_date
from inspections.errors import Unavailable
from inspections.fix_links.actions.decision_links import delete_expired_links
from inspections.fix_links.actions.party_links import delete_expired_counters
from inspections.jobs import claim_job
from inspections.ledger.actions.exports import delete_old_exports
from inspections.monitoring.actions.alerts import delete_old_signatures
from inspections.monitoring.actions.devices import detect_silent_monitors
from inspections.notices.actions.digests import DIGESTS, send_digest, send_history_digest
from inspections.photos.actions.retention import purge_photos, retention_cutoff
from inspections.photos.actions.uploads import delete_expired_uploads
from inspections.remediation.actions.escalation import escalate
from inspections.remediation.actions.second_look import delete_expired_origins
from inspections.sync.actions import trim_feed
from storage.database import Database
from storage.photos.store import PhotoStore, remove_pieces
from storage.statistics.rollup import roll_up_deltas
from storage.upkeep.history_digests import is_digest_due, write_digest
from storage.upkeep.orphans import DAY, sweep_orphans

log = structlog.get_logger()

_ROLLUP_BATCH = 300
_CLEANUP_SECONDS = 600.0
_POLL_SECONDS = 15.0
_SILENCE_SECONDS = 60.0
_HTTP_ERRORS = 400
_RETRY_INTERVAL = timedelta(hours=1)
"""Delay before a failed digest is retried, or another process writes its own file into a separate folder."""


def wall_clock_offset() -> float:
    """The wall clock minus the monotonic clock, in seconds; it changes only when the wall clock is set."""
    return time.time() - time.monotonic()


class MonotonicScheduler(AsyncIOScheduler):
    """A scheduler that wakes at least every `tick` seconds of monotonic time, and replans if the wall clock was set."""

    def __init__(self, tick: float, offset: Callable[[], float] = wall_clock_offset) -> None:
        self._tick = tick
        self._offset = offset
        self._planned_at = offset()
        super().__init__(
            jobstores={"default": MemoryJobStore()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def add_recurring_job(self, seconds: float, job: Callable[[], Awaitable[Any]], name: str) -> None:
        async def run_job() -> None:
            with structlog.contextvars.bound_contextvars(job=name):
                await job()

        self.add_job(run_job, "interval", seconds=seconds, id=name, next_run_time=datetime.now().astimezone())

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


async def run_deadline_sweep(database: Database, now: datetime) -> int:
    """Records all escalations that are due at `now`, in batches; returns how many were recorded."""
    recorded = 0
    while True:
        swept = await database.transact(partial(escalate, now=now, limit=SWEEP_BATCH))
        recorded += swept.recorded
        if swept.looked_at < SWEEP_BATCH:
            return recorded


async def run_orphan_sweep(database: Database, store: PhotoStore, now: datetime) -> int:
    """Sweeps photo files without a row, once a day and in one process only."""
    if not await database.transact(partial(claim_job, name="orphans", now=now, every=DAY)):
        return 0
    return await asyncio.to_thread(sweep_orphans, database, store, now)


async def run_photo_retention(database: Database, now: datetime) -> int:
    """Purges photos past their retention, once a day and in one process only; the orphan sweep removes the files."""
    before = await database.read(partial(retention_cutoff, now=now))
    if before is None or not await database.transact(partial(claim_job, name="retention", now=now, every=DAY)):
        return 0
    gone, security = 0, SecurityLog(database, lambda: now)
    while digests := await database.read(lambda repository: repository.purgeable_digests(before, SWEEP_BATCH)):
        action = partial(purge_photos, digests=digests, before=before)
        facts = {"first": digests[0], "photos": str(len(digests))}
        done = await security.transact(action, Event.PHOTOS_LET_GO, Caller(SYSTEM, ""), "", facts)
        if not done:
            break  # another transaction holds them: they are purged tomorrow
        gone += done
    return gone


async def run_upload_cleanup(database: Database, store: PhotoStore, now: datetime) -> int:
    """Removes uploads that were not continued before they expired."""
    ended = 0
    while expired := await database.transact(partial(delete_expired_uploads, now=now, limit=SWEEP_BATCH)):
        pieces = [piece for upload in expired for piece in upload.pieces]
        await asyncio.to_thread(remove_pieces, store, pieces)
        ended += len(expired)
    return ended


async def run_change_cleanup(database: Database, now: datetime) -> int:
    """Deletes old entries of the change feed, once a day and in one process only."""
    if not await database.transact(partial(claim_job, name="changes", now=now, every=DAY)):
        return 0
    forgotten = 0
    while done := await database.transact(partial(trim_feed, today=shanghai_date(now), limit=SWEEP_BATCH)):
        forgotten += done
    return forgotten


async def run_expiry_cleanup(database: Database, now: datetime) -> int:
    """Deletes what has expired: counters, links, tokens, codes, security events, exports, signatures, fix origins."""
    forgotten = 0
    for action in (
        delete_expired_counters,
        delete_expired_links,
        delete_expired_tokens,
        delete_expired_codes,
        delete_expired_events,
        delete_old_exports,
        delete_old_signatures,
        delete_expired_origins,
    ):
        while over := await database.transact(partial(action, now=now, limit=SWEEP_BATCH)):
            forgotten += over
    return forgotten


async def run_history_digest(database: Database, folder: Path, now: datetime) -> int:
    """Writes the history digest of each Shanghai day; the next file includes what a missed one would have had.

    The digest of the file itself is logged and sent to administrators, so that a later change of the file can be
    detected.
    """
    today = shanghai_date(now)
    if not is_digest_due(folder, today):
        return 0
    if not await database.transact(partial(claim_job, name="history digest", now=now, every=_RETRY_INTERVAL)):
        return 0
    made = await asyncio.to_thread(write_digest, database, folder, today, now)
    facts = {"day": today.isoformat(), "file": made.path.name, "sha256": made.sha256, "hazards": made.hazards}
    log.info("history digest", **facts)
    await database.transact(partial(send_history_digest, facts=facts, now=now))
    return 1


async def run_rollup(database: Database, now: datetime) -> int:
    """Adds the counter deltas of recent steps to the totals, in one process at a time."""
    while await database.transact(partial(roll_up_deltas, now=now, limit=_ROLLUP_BATCH)) == _ROLLUP_BATCH:
        pass
    return 0


async def run_silence_check(database: Database, now: datetime) -> int:
    """Records devices that have been silent for too long; returns how many."""
    noticed = 0
    while done := await database.transact(partial(detect_silent_monitors, now=now, limit=SWEEP_BATCH)):
        noticed += done
    return noticed


async def run_notice_digests(database: Database, now: datetime) -> int:
    """Creates the digest notices that are due, each a summary of open work; returns how many."""
    return sum([await database.transact(partial(send_digest, digest=each, now=now)) for each in DIGESTS])


async def send_heartbeat(
    database: Database, outgoing: OutboundClient, url: str, every: timedelta, now: datetime
) -> int:
    """Requests the heartbeat URL, in one process only, to show an external monitor that this server is alive.

    A failure is logged, and not retried before the next heartbeat.
    """
    if not await database.transact(partial(claim_job, name="heartbeat", now=now, every=every)):
        return 0
    try:
        answer = await outgoing.send("GET", url, {})
    except (SendFailure, ForbiddenAddress) as error:
        log.warning("heartbeat failed", why=str(error))
        return 0
    if answer.status >= _HTTP_ERRORS:
        log.warning("heartbeat failed", why=f"answered {answer.status}")
    return 0


def add_heartbeat(  # its target and interval
    scheduler: MonotonicScheduler,
    database: Database,
    outgoing: OutboundClient,
    url: str,
    seconds: float,
    clock: Callable[[], datetime],
) -> None:
    """Adds the heartbeat job. Each process checks more often than it is due, since it may be the only one left."""
    work = partial(send_heartbeat, database, outgoing, url, timedelta(seconds=seconds))
    scheduler.add_recurring_job(min(seconds / 4, _POLL_SECONDS), _make_job(work, "heartbeat", clock), "heartbeat")


def _make_job(
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
        return _make_job(work, done, clock)

    scheduler = MonotonicScheduler(tick)
    scheduler.add_recurring_job(tick, job(partial(run_deadline_sweep, database), "escalated"), "deadlines")
    scheduler.add_recurring_job(
        _SILENCE_SECONDS, job(partial(run_silence_check, database), "silent devices"), "silence"
    )
    scheduler.add_recurring_job(tick, job(partial(run_rollup, database), "summed up"), "counts")
    scheduler.add_recurring_job(
        _CLEANUP_SECONDS, job(partial(run_orphan_sweep, database, store), "orphans swept"), "orphans"
    )
    scheduler.add_recurring_job(
        _CLEANUP_SECONDS, job(partial(run_photo_retention, database), "photos let go"), "retention"
    )
    scheduler.add_recurring_job(
        _CLEANUP_SECONDS, job(partial(recompute_deadlines_daily, database), "deadlines recomputed"), "provisional"
    )
    scheduler.add_recurring_job(
        _CLEANUP_SECONDS, job(partial(run_upload_cleanup, database, store), "uploads expired"), "uploads"
    )
    scheduler.add_recurring_job(
        _CLEANUP_SECONDS, job(partial(run_change_cleanup, database), "changes forgotten"), "changes"
    )
    scheduler.add_recurring_job(
        _CLEANUP_SECONDS, job(partial(run_expiry_cleanup, database), "tallies and tokens forgotten"), "over"
    )
    scheduler.add_recurring_job(
        _CLEANUP_SECONDS, job(partial(run_history_digest, database, digests), "digests written"), "digests"
    )
    scheduler.add_recurring_job(_POLL_SECONDS, job(partial(run_notice_digests, database), "digests told"), "agendas")
    return scheduler
