"""Deadlines, clocks and escalation ladders: pure functions that get the current time as an argument."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Any, NamedTuple

from msgspec.structs import replace

from inspections.calendar import WorkingCalendar, midnight, office_spans, shanghai_date, shanghai_instant
from inspections.hazards.records import Hazard, State, Suspension
from inspections.office.categories import Category, RemainingTime, Severity, Term, TimeUnit
from inspections.office.rules import Rules, Rung

FIXING_STATES = frozenset({State.ACCEPTED, State.ASSIGNED, State.RECTIFYING})
"""The states in which the fixing clock runs. The wait for a re-check counts against the re-checker instead."""

CLOCKS: dict[str, tuple[frozenset[State], str]] = {
    "accept": (frozenset({State.REPORTED}), "accept_due_at"),
    "start": (frozenset({State.ASSIGNED}), "start_due_at"),
    "fix": (FIXING_STATES, "due_at"),
    "recheck": (frozenset({State.PENDING_RECHECK}), "recheck_due_at"),
    "review": (frozenset({State.SUSPENDED}), "review_due_at"),
    "reply": (frozenset({State.TRANSFERRED}), "reply_due_at"),
}
"""The table of clocks: for each, the states in which it runs and the hazard's field with its deadline."""

_DAY = timedelta(days=1)
_EMPTY_CALENDAR = WorkingCalendar({}, frozenset())
_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)
_DAY_UNITS = frozenset({TimeUnit.WORKING_DAYS, TimeUnit.CALENDAR_DAYS})
_WORKING_UNITS = frozenset({TimeUnit.WORKING_DAYS, TimeUnit.WORKING_HOURS})


class Deadline(NamedTuple):
    """A due time. `provisional`: it depends on a year whose calendar is not published yet."""

    at: datetime
    provisional: bool


def compute_deadline(term: Term | RemainingTime, start: datetime, calendar: WorkingCalendar) -> Deadline:
    """Computes when a term ends. Terms in days skip the first day and end at 24:00 Asia/Shanghai of the last.

    Source: 民法典 第二百零一条, 第二百零三条.
    """
    if isinstance(term, RemainingTime) and term.seconds is not None:
        return _resumed_deadline(term.unit, timedelta(seconds=term.seconds), start, calendar)
    match term.unit:
        case TimeUnit.MINUTES:
            return Deadline(start + timedelta(minutes=term.amount), provisional=False)
        case TimeUnit.HOURS:
            return Deadline(start + timedelta(hours=term.amount), provisional=False)
        case TimeUnit.CALENDAR_DAYS:
            return Deadline(midnight(shanghai_date(start) + (term.amount + 1) * _DAY), provisional=False)
        case TimeUnit.WORKING_DAYS:
            last = next(islice(calendar.working_days(shanghai_date(start)), term.amount - 1, None))
            return Deadline(midnight(last + _DAY), provisional=not calendar.covers_dates(shanghai_date(start), last))
        case _:
            end = _add_office_time(timedelta(hours=term.amount), start, calendar)
            return Deadline(end, provisional=not calendar.covers_dates(shanghai_date(start), shanghai_date(end)))


def _resumed_deadline(unit: TimeUnit, left: timedelta, start: datetime, calendar: WorkingCalendar) -> Deadline:
    """Computes when the rest of a term ends, so that stopping a clock never gives more working time than the term.

    A rest of working days is office time too: whoever stops the clock overnight would otherwise gain the night. If it
    ends when the office closes, it ends at 24:00, as the whole term does.
    """
    if unit not in _WORKING_UNITS:
        return Deadline(start + left, provisional=False)
    end = _add_office_time(left, start, calendar)
    day = shanghai_date(end)
    provisional = not calendar.covers_dates(shanghai_date(start), day)
    closes = shanghai_instant(day, calendar.office_hours[-1][1])
    return Deadline(midnight(day + _DAY) if unit in _DAY_UNITS and end == closes else end, provisional)


def _add_office_time(left: timedelta, start: datetime, calendar: WorkingCalendar) -> datetime:
    spans = office_spans(calendar, start)
    opens, closes = next(spans)
    while left > closes - opens:
        left -= closes - opens
        opens, closes = next(spans)
    return opens + left


def remaining_time(
    term: Term | RemainingTime | None, due_at: datetime, now: datetime, calendar: WorkingCalendar
) -> RemainingTime | None:
    """Returns the time left in the unit of `term`; in minutes if set by hand (None). None: expired."""
    if due_at <= now:
        return None
    unit = term.unit if term else TimeUnit.MINUTES
    left = _count_office_time(now, due_at, calendar) if unit in _WORKING_UNITS else due_at - now
    today, last = shanghai_date(now), shanghai_date(due_at - _MINUTE)
    match unit:
        case TimeUnit.WORKING_DAYS:
            amount = sum(1 for _ in takewhile(lambda day: day <= last, calendar.working_days(today)))
        case TimeUnit.CALENDAR_DAYS:
            amount = (last - today).days
        case TimeUnit.WORKING_HOURS:
            amount = -(-left // _HOUR)
        case _:
            unit, amount = TimeUnit.MINUTES, -(-left // _MINUTE)
    return RemainingTime(max(1, amount), unit, left // _SECOND)


def resumed_deadline(suspension: Suspension, now: datetime, calendar: WorkingCalendar) -> Deadline:
    """Computes the deadline of a hazard that is resumed now: one that had expired stays as it was."""
    if suspension.left is None:
        return Deadline(suspension.due_at, provisional=False)
    return compute_deadline(suspension.left, now, calendar)


def _count_office_time(start: datetime, end: datetime, calendar: WorkingCalendar) -> timedelta:
    total = timedelta()
    for opens, closes in office_spans(calendar, start):  # pragma: no branch  # the spans are endless
        if opens >= end:
            break
        total += min(closes, end) - opens
    return total


def fixing_term(category: Category, severity: Severity) -> Term:
    return (category.major_term or category.term) if severity is Severity.MAJOR else category.term


def manual_deadline_fields(hazard: Hazard, due_at: datetime, now: datetime) -> dict[str, Any]:
    """Returns the hazard fields that a deadline set by hand changes."""
    return {
        "due_at": due_at.astimezone(UTC),
        "due_provisional": False,
        "deadline_number": hazard.deadline_number + 1,
        "due_from": now,
        "term": None,
    }


def policy_deadline_fields(hazard: Hazard, term: Term, now: datetime, calendar: WorkingCalendar) -> dict[str, Any]:
    """Returns the hazard fields that a deadline computed from the category's term changes."""
    deadline = compute_deadline(term, now, calendar)
    set_by_hand = manual_deadline_fields(hazard, deadline.at, now)
    return {**set_by_hand, "due_provisional": deadline.provisional, "term": RemainingTime(term.amount, term.unit)}


def stage_due_fields(field: str, term: Term, now: datetime, calendar: WorkingCalendar) -> dict[str, Any]:
    """Returns the fields of a stage's clock: its due time in `field`, and its term while that is provisional."""
    deadline = compute_deadline(term, now, calendar)
    return {field: deadline.at, "stage_term": term if deadline.provisional else None}


def start_stage_clocks(hazard: Hazard, rules: Rules, calendar: WorkingCalendar, now: datetime) -> Hazard:
    """Starts the clocks of the stage that the hazard has entered and clears those of the stage it has left.

    A pending extension request is dropped when nobody works on the hazard any more.
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
        clocks |= stage_due_fields("start_due_at", rules.start[hazard.priority], now, calendar)
    if hazard.state is State.PENDING_RECHECK:
        clocks |= stage_due_fields("recheck_due_at", rules.recheck, now, calendar)
    asked = hazard.extension if hazard.state in {State.ASSIGNED, State.RECTIFYING} else None
    return replace(hazard, extension=asked, **clocks)


def recompute_deadlines(hazard: Hazard, calendar: WorkingCalendar) -> Hazard:
    """Recomputes provisional deadlines with the current calendar; a deadline may move later, never earlier.

    A suspended hazard stays as it is: its clock is set again when it is resumed.
    """
    if hazard.state is State.SUSPENDED:
        return hazard
    if hazard.due_provisional and hazard.term and hazard.due_from and hazard.due_at:
        deadline = compute_deadline(hazard.term, hazard.due_from, calendar)
        hazard = replace(hazard, due_at=max(hazard.due_at, deadline.at), due_provisional=deadline.provisional)
    if hazard.stage_term and hazard.stage_from:
        field = next(field for states, field in CLOCKS.values() if states == frozenset({hazard.state}))
        clock = stage_due_fields(field, hazard.stage_term, hazard.stage_from, calendar)
        hazard = replace(hazard, **clock | {field: max(getattr(hazard, field), clock[field])})
    return hazard


def look_back_deadline(category: Category, closed_at: datetime) -> datetime | None:
    """Returns when a fixed hazard is due for its look-back (回头看): 24:00 of the planned day; None: never."""
    days = category.look_back_days
    return compute_deadline(Term(days, TimeUnit.CALENDAR_DAYS), closed_at, _EMPTY_CALENDAR).at if days else None


def is_overdue(hazard: Hazard, now: datetime) -> bool:
    """Tells whether the fixing clock has expired. Derived, never stored; an `advisory` hazard is never overdue."""
    return hazard.state in FIXING_STATES and not hazard.advisory and hazard.due_at is not None and hazard.due_at < now


class RunningClock(NamedTuple):
    """A running clock: its start, its deadline, and its number among the clocks of this kind on the hazard."""

    clock: str
    since: datetime
    due_at: datetime
    number: int


def running_clocks(hazard: Hazard) -> list[RunningClock]:
    """Returns the clocks that run on a hazard; an advisory hazard has a target date but no fixing clock."""
    found: list[RunningClock] = []
    for name, (states, field) in CLOCKS.items():
        due_at = getattr(hazard, field) if hazard.state in states else None
        if due_at is not None and not (name == "fix" and hazard.advisory):
            found.append(_running_clock(hazard, name, due_at))
    return found


def _running_clock(hazard: Hazard, name: str, due_at: datetime) -> RunningClock:
    if name == "fix":
        return RunningClock(name, hazard.due_from or hazard.reported_at, due_at, hazard.deadline_number)
    return RunningClock(name, hazard.stage_from or hazard.reported_at, due_at, hazard.stage_number)


class ScheduledRung(NamedTuple):
    """A rung of a ladder with its clock and the time at which it is reached."""

    at: datetime
    rung: Rung
    clock: RunningClock


def rung_time(rung: Rung, due_at: datetime, calendar: WorkingCalendar) -> datetime:
    """Returns when a rung is reached. The caller leaves out a reminder that falls before its clock started."""
    if rung.before:
        return due_at - (compute_deadline(rung.before, due_at, calendar).at - due_at)
    if rung.after:
        # 24:00 belongs to the day that it ends: one working day after 24:00 of Monday is 24:00 of Tuesday.
        last = due_at - _INSTANT if rung.after.unit in _DAY_UNITS else due_at
        return compute_deadline(rung.after, last, calendar).at
    return due_at


def scheduled_rungs(hazard: Hazard, rules: Rules, calendar: WorkingCalendar) -> Iterator[ScheduledRung]:
    """Yields the rungs of all running clocks, without reminders that fall before their clock started."""
    for clock in running_clocks(hazard):
        for rung in rules.ladders[hazard.severity]:
            if rung.clock == clock.clock and (at := rung_time(rung, clock.due_at, calendar)) > clock.since:
                yield ScheduledRung(at, rung, clock)


def next_check_time(
    hazard: Hazard, rules: Rules, calendar: WorkingCalendar, after: datetime | None = None
) -> datetime | None:
    """Returns when the sweep must check this hazard next; None if no rung follows `after`.

    Without `after` it is the first rung of all: the sweep then records every past rung that is not recorded yet.
    """
    ladder = rules.ladders[hazard.severity]
    return min(
        (at for clock in running_clocks(hazard) if (at := _next_rung_time(ladder, clock, calendar, after)) is not None),
        default=None,
    )


def _next_rung_time(
    ladder: Iterable[Rung], clock: RunningClock, calendar: WorkingCalendar, after: datetime | None
) -> datetime | None:
    """Returns when this clock reaches its next rung. Rungs after the deadline, which cost more, are computed last."""
    since = max(after, clock.since) if after else clock.since
    rungs = [rung for rung in ladder if rung.clock == clock.clock]
    for late in (False, True):
        instants = (rung_time(rung, clock.due_at, calendar) for rung in rungs if (rung.after is not None) is late)
        if ahead := [at for at in instants if at > since]:
            return min(ahead)
    return None


def next_scheduled_time(rungs: Iterable[ScheduledRung], after: datetime) -> datetime | None:
    """Returns the first time in `rungs` that follows `after`: `next_check_time` for a ladder computed before."""
    return min((reach.at for reach in rungs if reach.at > after), default=None)


EVALUATION_PERIOD = timedelta(days=30)
"""How long a closed hazard can be evaluated (评价)."""


def can_still_be_evaluated(hazard: Hazard, now: datetime) -> bool:
    """Tells whether a closed hazard is within the period in which it can be evaluated."""
    return hazard.closed_at is None or now - hazard.closed_at <= EVALUATION_PERIOD
