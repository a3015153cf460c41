"""A job that recurs: it is claimed, so that one process does it."""

from datetime import datetime, timedelta

from msgspec import Struct

from inspections.change import Change, RecordRepository


class Job(Struct, frozen=True):
    """Something recurring that any process may do, and that one does: when it is to be done next."""

    name: str
    next_at: datetime


def claim_job(repository: RecordRepository, name: str, now: datetime, every: timedelta) -> Change[bool]:
    """Whether it is the caller who does this job now; then it is nobody's for `every`, also after a restart."""
    job, after = repository.kept(Job, name), Job(name, now + every)
    if job is None:
        return Change(answer=True, new=(after,))
    if now < job.next_at:
        return Change(answer=False)
    return Change(answer=True, changed=((job, after),))
