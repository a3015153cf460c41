"""When something is due, and what follows once it is: pure verdicts over an instant that comes in as an argument."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Any, NamedTuple

from msgspec.structs import replace

from inspections.calendar import WorkingCalendar, midnight, office_spans, shanghai_date
from inspections.hazards.records import Hazard, State
from inspections.office.categories import Category, Left, Severity, Term, TimeUnit
from inspections.office.rules import Rules, Rung

FIXING = frozenset({State.ACCEPTED, State.ASSIGNED, State.RECTIFYING})
"""The states in which the fixing clock runs; waiting for a re-check counts against the re-checker."""

CLOCKS: dict[str, tuple[frozenset[State], str]] = {
    "accept": (frozenset({State.REPORTED}), "accept_due_at"),
    "start": (frozenset({State.ASSIGNED}), "start_due_at"),
    "fix": (FIXING, "due_at"),
    "recheck": (frozenset({State.PENDING_RECHECK}), "recheck_due_at"),
    "review": (frozenset({State.SUSPENDED}), "review_due_at"),
    "reply": (frozenset({State.TRANSFERRED}), "reply_due_at"),
}
"""ONE table: each clock, the states in which it runs, and the field of the hazard that says when it is due."""

_DAY = timedelta(days=1)
_ANY = WorkingCalendar({}, frozenset())
_MINUTE, _HOUR, _INSTANT = timedelta(minutes=1), timedelta(hours=1), timedelta(microseconds=1)
_DAYS = frozenset({TimeUnit.WORKING_DAYS, TimeUnit.CALENDAR_DAYS})


class Deadline(NamedTuple):
    """The instant something is due, and whether it rests on a year whose calendar is not published yet."""

    at: datetime
    provisional: bool


def due(term: Term | Left, start: datetime, calendar: WorkingCalendar) -> Deadline:
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


def left(term: Term | None, due_at: datetime, now: datetime, calendar: WorkingCalendar) -> Left | None:
    """What a clock by `term` has left, in its own unit, rounded up; minutes where it was set by hand. None: run out."""
    if due_at <= now:
        return None
    unit = term.unit if term else TimeUnit.MINUTES
    today, last = shanghai_date(now), shanghai_date(due_at - _MINUTE)
    match unit:
        case TimeUnit.WORKING_DAYS:
            amount = sum(1 for _ in takewhile(lambda day: day <= last, calendar.working_days(today)))
        case TimeUnit.CALENDAR_DAYS:
            amount = (last - today).days
        case TimeUnit.WORKING_HOURS:
            amount = -(-_office_time(now, due_at, calendar) // _HOUR)
        case _:
            unit, amount = TimeUnit.MINUTES, -(-(due_at - now) // _MINUTE)
    return Left(max(1, amount), unit)


def _office_time(start: datetime, end: datetime, calendar: WorkingCalendar) -> timedelta:
    total = timedelta()
    for opens, closes in office_spans(calendar, start):  # pragma: no branch  # they never end
        if opens >= end:
            break
        total += min(closes, end) - opens
    return total


def fixing_term(category: Category, severity: Severity) -> Term:
    return (category.major_term or category.term) if severity is Severity.MAJOR else category.term


def new_deadline(hazard: Hazard, due_at: datetime, now: datetime) -> dict[str, Any]:
    """What a deadline that somebody sets by hand changes of a hazard."""
    return {
        "due_at": due_at.astimezone(UTC),
        "due_provisional": False,
        "deadline_number": hazard.deadline_number + 1,
        "due_from": now,
        "term": None,
    }


def by_policy(hazard: Hazard, term: Term, now: datetime, calendar: WorkingCalendar) -> dict[str, Any]:
    """What a deadline by policy changes of a hazard."""
    deadline = due(term, now, calendar)
    set_by_hand = new_deadline(hazard, deadline.at, now)
    return {**set_by_hand, "due_provisional": deadline.provisional, "term": term}


def by_rule(field: str, term: Term, now: datetime, calendar: WorkingCalendar) -> dict[str, Any]:
    """What the office's rules set of a stage's clock: its instant in `field`, and the term while it is provisional."""
    deadline = due(term, now, calendar)
    return {field: deadline.at, "stage_term": term if deadline.provisional else None}


def in_stage(hazard: Hazard, rules: Rules, calendar: WorkingCalendar, now: datetime) -> Hazard:
    """The hazard with the clocks of the stage it has come into; those of the stage it has left are gone.

    So is a wish for a longer deadline, where nobody works on it any more.
    """
    transferred = hazard.state is State.TRANSFERRED
    clocks: dict[str, Any] = {
        "start_due_at": None,
        "recheck_due_at": None,
        "review_due_at": hazard.review_due_at if hazard.state is State.SUSPENDED else None,
        "reply_due_at": hazard.reply_due_at if transferred else None,
        "stage_term": hazard.stage_term if transferred else None,
    }
    if hazard.state is State.ASSIGNED and hazard.lead is not None:
        clocks |= by_rule("start_due_at", rules.start[hazard.priority], now, calendar)
    if hazard.state is State.PENDING_RECHECK:
        clocks |= by_rule("recheck_due_at", rules.recheck, now, calendar)
    asked = hazard.extension if hazard.state in {State.ASSIGNED, State.RECTIFYING} else None
    return replace(hazard, extension=asked, **clocks)


def settled(hazard: Hazard, calendar: WorkingCalendar) -> Hazard:
    """The hazard with its provisional deadlines by the calendar as it is now: later perhaps, never sooner than told.

    A suspended one waits: its clock stands still, and is set when it is resumed.
    """
    if hazard.state is State.SUSPENDED:
        return hazard
    if hazard.due_provisional and hazard.term and hazard.due_from and hazard.due_at:
        deadline = due(hazard.term, hazard.due_from, calendar)
        hazard = replace(hazard, due_at=max(hazard.due_at, deadline.at), due_provisional=deadline.provisional)
    if hazard.stage_term and hazard.stage_from:
        field = next(field for states, field in CLOCKS.values() if states == frozenset({hazard.state}))
        clock = by_rule(field, hazard.stage_term, hazard.stage_from, calendar)
        hazard = replace(hazard, **clock | {field: max(getattr(hazard, field), clock[field])})
    return hazard


def look_back_due(category: Category, closed_at: datetime) -> datetime | None:
    """When a fixed hazard is to be looked at again (回头看): at 24:00 of the day its category plans it; None: never."""
    days = category.look_back_days
    return due(Term(days, TimeUnit.CALENDAR_DAYS), closed_at, _ANY).at if days else None


def is_overdue(hazard: Hazard, now: datetime) -> bool:
    """Whether the fixing clock has run out. Derived, never stored; persuasion (`advisory`) is never overdue."""
    return hazard.state in FIXING and not hazard.advisory and hazard.due_at is not None and hazard.due_at < now


class Running(NamedTuple):
    """A clock that runs: since when, until when, and which one of its kind on this hazard."""

    clock: str
    since: datetime
    due_at: datetime
    number: int


def running(hazard: Hazard) -> list[Running]:
    """The clocks that run on a hazard; persuasion has a target date and no clock."""
    found: list[Running] = []
    for name, (states, field) in CLOCKS.items():
        due_at = getattr(hazard, field) if hazard.state in states else None
        if due_at is not None and not (name == "fix" and hazard.advisory):
            found.append(_running(hazard, name, due_at))
    return found


def _running(hazard: Hazard, name: str, due_at: datetime) -> Running:
    if name == "fix":
        return Running(name, hazard.due_from or hazard.reported_at, due_at, hazard.deadline_number)
    return Running(name, hazard.stage_from or hazard.reported_at, due_at, hazard.stage_number)


class Reach(NamedTuple):
    """When a rung is reached, and by which clock."""

    at: datetime
    rung: Rung
    clock: Running


def rung_at(rung: Rung, due_at: datetime, calendar: WorkingCalendar) -> datetime:
    """When a rung of a ladder is reached. A reminder that lies before its clock began is the caller's to leave out."""
    if rung.before:
        return due_at - (due(rung.before, due_at, calendar).at - due_at)
    if rung.after:
        # 24:00 still belongs to the day it ends: one working day after 24:00 of Monday is 24:00 of Tuesday.
        last = due_at - _INSTANT if rung.after.unit in _DAYS else due_at
        return due(rung.after, last, calendar).at
    return due_at


def ladder(hazard: Hazard, rules: Rules, calendar: WorkingCalendar) -> Iterator[Reach]:
    """Every rung that this hazard can still reach; a reminder that lies before its clock began is none."""
    for clock in running(hazard):
        for rung in rules.ladders[hazard.severity]:
            if rung.clock == clock.clock and (at := rung_at(rung, clock.due_at, calendar)) > clock.since:
                yield Reach(at, rung, clock)


def next_check(
    hazard: Hazard, rules: Rules, calendar: WorkingCalendar, after: datetime | None = None
) -> datetime | None:
    """When the sweep has to look at this hazard again; None where no rung comes after `after`.

    Without `after` the first rung of all: the sweep finds out which of those that lie behind are not recorded yet.
    """
    ladder = rules.ladders[hazard.severity]
    return min(
        (at for clock in running(hazard) if (at := _next_rung(ladder, clock, calendar, after)) is not None),
        default=None,
    )


def _next_rung(
    ladder: Iterable[Rung], clock: Running, calendar: WorkingCalendar, after: datetime | None
) -> datetime | None:
    """When this clock reaches its next rung. Those after its deadline come after all others, and cost a calendar."""
    since = max(after, clock.since) if after else clock.since
    rungs = [rung for rung in ladder if rung.clock == clock.clock]
    for late in (False, True):
        instants = (rung_at(rung, clock.due_at, calendar) for rung in rungs if (rung.after is not None) is late)
        if ahead := [at for at in instants if at > since]:
            return min(ahead)
    return None


def next_reached(reaches: Iterable[Reach], after: datetime) -> datetime | None:
    """The same, where the ladder is known already."""
    return min((reach.at for reach in reaches if reach.at > after), default=None)
