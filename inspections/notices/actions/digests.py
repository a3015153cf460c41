"""Digests of open work: daily to officers, weekly to supervisors, by days of Asia/Shanghai.

Only one of several processes sends a digest, because the job's row and the notices are written in one commit.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from msgspec.structs import asdict

from inspections.accounts.actions.delegations import everybody
from inspections.accounts.people import Role
from inspections.accounts.policy import scope
from inspections.calendar import at, midnight, shanghai_date
from inspections.change import Change
from inspections.jobs import Job
from inspections.notices.outbox import Agenda, Notice
from inspections.notices.recipients import DAILY, HISTORY, WEEKLY, held_until
from inspections.notices.repository import NoticeRepository

AT = time(8)
"""The time of day of digests in Shanghai, when quiet hours are mostly over."""
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


class Digest(NamedTuple):
    """A digest. `days`: the number of whole days before today that it covers; `next`: returns its next time."""

    kind: str
    days: timedelta
    next: Callable[[datetime], datetime]


def next_morning(now: datetime) -> datetime:
    today = at(shanghai_date(now), AT)
    return today if now < today else at(shanghai_date(now) + _DAY, AT)


def next_monday(now: datetime) -> datetime:
    morning = next_morning(now)
    return at(shanghai_date(morning) + (-shanghai_date(morning).weekday() % 7) * _DAY, AT)


DIGESTS = (Digest(DAILY, _DAY, next_morning), Digest(WEEKLY, _WEEK, next_monday))


def tell_digest(repository: NoticeRepository, digest: Digest, now: datetime) -> Change[int]:
    """Creates the digest's notices if it is due; returns how many.

    A new server starts with the next digest. After an outage, missed digests are sent once.
    """
    job, after = repository.kept(Job, digest.kind), Job(digest.kind, digest.next(now))
    if job is None:
        return Change(0, (after,))
    if now < job.next_at:
        return Change(0)
    told = _notices(repository, digest, now)
    return Change(len(told), told, ((job, after),))


def _notices(repository: NoticeRepository, digest: Digest, now: datetime) -> tuple[Notice, ...]:
    """Creates a notice for each person whose agenda is not empty."""
    found: list[Notice] = []
    today = shanghai_date(now)
    for person in everybody(repository, now):
        reach = scope(person.at(now), digest.kind)
        agenda = repository.agenda(reach, now, midnight(today - digest.days)) if person.active and reach else None
        if agenda is not None and _says_something(digest, agenda):
            facts: dict[str, Any] = {"day": today.isoformat(), **asdict(agenda)}
            to, held = (person.username,), held_until(repository, now)
            found.append(Notice(repository.new_id(), digest.kind, now, to=to, facts=facts, held_until=held))
    return tuple(found)


def _says_something(digest: Digest, agenda: Agenda) -> bool:
    if digest.kind == DAILY:
        return bool(agenda.waiting or agenda.due_today or agenda.overdue or agenda.pending_recheck)
    return bool(agenda.open or agenda.received or agenda.closed)


def tell_history_digest(repository: NoticeRepository, facts: dict[str, Any], now: datetime) -> Change[None]:
    """Notifies administrators of the day's history digest, so that they keep a copy that nobody here can alter."""
    held = held_until(repository, now)
    return Change(None, (Notice(repository.new_id(), HISTORY, now, tells=Role.ADMIN, facts=facts, held_until=held),))
