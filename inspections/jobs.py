"""Recurring jobs, claimed so that one process runs each."""

from datetime import datetime, timedelta

from msgspec import Struct

from inspections.change import Change, RecordRepository


class Job(Struct, frozen=True):
    """A recurring job that any process may claim, and the time at which it is due next."""

    name: str
    next_at: datetime


def claim_job(repository: RecordRepository, name: str, now: datetime, every: timedelta) -> Change[bool]:
    """Claims a due job and returns True; then no process can claim it again for `every`, even after a restart."""
    job, after = repository.get(Job, name), Job(name, now + every)
    if job is None:
        return Change(answer=True, new=(after,))
    if now < job.next_at:
        return Change(answer=False)
    return Change(answer=True, changed=((job, after),))
