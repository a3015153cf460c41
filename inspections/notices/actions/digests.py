"""Digests of open work: daily to officers, weekly to supervisors, by days of Asia/Shanghai.

Only one of several processes sends a digest, because the job's row and the notices are written in one commit.
"""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from msgspec.structs import asdict

from inspections.accounts.actions.delegations import people_with_delegations
from inspections.accounts.people import Role
from inspections.accounts.policy import scope
from inspections.calendar import midnight, shanghai_date, shanghai_instant
from inspections.change import Change
from inspections.jobs import Job
from inspections.notices.outbox import Agenda, Notice
from inspections.notices.recipients import DAILY, HISTORY, WEEKLY, end_of_quiet_hours
from inspections.notices.repository import NoticeRepository

DIGEST_TIME = time(8)
"""The time of day of digests in Shanghai, when quiet hours are mostly over."""
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


class Digest(NamedTuple):
    """A digest. `days`: the number of whole days before today that it covers; `next`: returns its next time."""

    kind: str
    days: timedelta
    next: Callable[[datetime], datetime]


def next_daily_run(now: datetime) -> datetime:
    today = shanghai_instant(shanghai_date(now), DIGEST_TIME)
    return today if now < today else shanghai_instant(shanghai_date(now) + _DAY, DIGEST_TIME)


def next_weekly_run(now: datetime) -> datetime:
    morning = next_daily_run(now)
    return shanghai_instant(shanghai_date(morning) + (-shanghai_date(morning).weekday() % 7) * _DAY, DIGEST_TIME)


DIGESTS = (Digest(DAILY, _DAY, next_daily_run), Digest(WEEKLY, _WEEK, next_weekly_run))


def send_digest(repository: NoticeRepository, digest: Digest, now: datetime) -> Change[int]:
    """Creates the digest's notices if it is due; returns how many.

    A new server starts with the next digest. After an outage, missed digests are sent once.
    """
    job, after = repository.get(Job, digest.kind), Job(digest.kind, digest.next(now))
    if job is None:
        return Change(0, (after,))
    if now < job.next_at:
        return Change(0)
    told = _digest_notices(repository, digest, now)
    return Change(len(told), told, ((job, after),))


def _digest_notices(repository: NoticeRepository, digest: Digest, now: datetime) -> tuple[Notice, ...]:
    """Creates a notice for each person whose agenda is not empty."""
    found: list[Notice] = []
    today = shanghai_date(now)
    for person in people_with_delegations(repository, now):
        reach = scope(person.with_current_grants(now), digest.kind)
        agenda = repository.agenda(reach, now, midnight(today - digest.days)) if person.active and reach else None
        if agenda is not None and _has_content(digest, agenda):
            facts: dict[str, Any] = {"day": today.isoformat(), **asdict(agenda)}
            to, held = (person.username,), end_of_quiet_hours(repository, now)
            found.append(Notice(repository.new_id(), digest.kind, now, to=to, facts=facts, held_until=held))
    return tuple(found)


def _has_content(digest: Digest, agenda: Agenda) -> bool:
    if digest.kind == DAILY:
        return bool(agenda.waiting or agenda.due_today or agenda.overdue or agenda.pending_recheck)
    return bool(agenda.open or agenda.received or agenda.closed)


def send_history_digest(repository: NoticeRepository, facts: dict[str, Any], now: datetime) -> Change[None]:
    """Notifies administrators of the day's history digest, so that they keep a copy that nobody here can alter."""
    held = end_of_quiet_hours(repository, now)
    return Change(None, (Notice(repository.new_id(), HISTORY, now, tells=Role.ADMIN, facts=facts, held_until=held),))
