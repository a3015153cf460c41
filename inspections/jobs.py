"""A job that recurs: it is claimed, so that one process does it."""

from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from inspections.change import Change, RecordRepository


class Job(Struct, frozen=True):
    """Something recurring that any process may do, and that one does: when it is to be done next."""

    name: str
    next_at: datetime


class JobRepository(RecordRepository, Protocol):
    def job(self, name: str) -> Job | None:
        """When a job is to be done next; locked."""
        ...


def claim_job(repository: JobRepository, name: str, now: datetime, every: timedelta) -> Change[bool]:
    """Whether it is the caller who does this job now; then it is nobody's for `every`, also after a restart."""
    job, after = repository.job(name), Job(name, now + every)
    if job is None:
        return Change(answer=True, new=(after,))
    if now < job.next_at:
        return Change(answer=False)
    return Change(answer=True, changed=((job, after),))
