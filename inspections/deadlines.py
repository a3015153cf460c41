"""When something is due, and what follows once it is: pure verdicts over an instant that comes in as an argument."""

from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from inspections.calendar import WorkingCalendar, midnight, office_spans, shanghai_date
from inspections.categories import Term, TimeUnit
from inspections.hazards import Hazard, State
from inspections.rules import Rung

FIXING = frozenset({State.ACCEPTED, State.ASSIGNED, State.RECTIFYING})
"""The states in which the fixing clock runs; waiting for a re-check counts against the re-checker."""

_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
_DAYS = frozenset({TimeUnit.WORKING_DAYS, TimeUnit.CALENDAR_DAYS})


class Deadline(NamedTuple):
    """The instant something is due, and whether it rests on a year whose calendar is not published yet."""

    at: datetime
    provisional: bool


def due(term: Term, start: datetime, calendar: WorkingCalendar) -> Deadline:
    """Days: the first is not counted, due at 24:00 Asia/Shanghai of the last (民法典 第二百零一条, 第二百零三条)."""
    match term.unit:
        case TimeUnit.MINUTES:
            return Deadline(start + timedelta(minutes=term.amount), provisional=False)
        case TimeUnit.HOURS:
            return Deadline(start + timedelta(hours=term.amount), provisional=False)
        case TimeUnit.CALENDAR_DAYS:
            return Deadline(midnight(shanghai_date(start) + (term.amount + 1) * _DAY), provisional=False)
        case TimeUnit.WORKING_DAYS:
            last = next(islice(calendar.working_days(shanghai_date(start)), term.amount - 1, None))
            return Deadline(midnight(last + _DAY), provisional=not calendar.knows(shanghai_date(start), last))
        case _:
            end = _after_office_time(timedelta(hours=term.amount), start, calendar)
            return Deadline(end, provisional=not calendar.knows(shanghai_date(start), shanghai_date(end)))


def _after_office_time(left: timedelta, start: datetime, calendar: WorkingCalendar) -> datetime:
    spans = office_spans(calendar, start)
    opens, closes = next(spans)
    while left > closes - opens:
        left -= closes - opens
        opens, closes = next(spans)
    return opens + left


def rung_at(rung: Rung, due_at: datetime, calendar: WorkingCalendar) -> datetime:
    """When a rung of a ladder is reached. A reminder that lies before its clock began is the caller's to leave out."""
    if rung.before:
        return due_at - (due(rung.before, due_at, calendar).at - due_at)
    if rung.after:
        # 24:00 still belongs to the day it ends: one working day after 24:00 of Monday is 24:00 of Tuesday.
        last = due_at - _INSTANT if rung.after.unit in _DAYS else due_at
        return due(rung.after, last, calendar).at
    return due_at


def is_overdue(hazard: Hazard, now: datetime) -> bool:
    """Whether the fixing clock has run out. Derived, never stored; persuasion (`advisory`) is never overdue."""
    return hazard.state in FIXING and not hazard.advisory and hazard.due_at is not None and hazard.due_at < now


def next_check(hazard: Hazard) -> datetime | None:
    """When the sweep has to look at this hazard again; None while no clock of its runs."""
    return hazard.due_at if hazard.state in FIXING and not hazard.advisory else None
