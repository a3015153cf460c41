from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.accounts.people import Role
from inspections.calendar import WorkingCalendar, midnight, shanghai_date, shanghai_instant
from inspections.hazards.deadlines import (
    compute_deadline,
    is_overdue,
    next_check_time,
    remaining_time,
    rung_time,
    scheduled_rungs,
)
from inspections.hazards.records import State
from inspections.office.categories import CATALOGUE, Priority, RemainingTime, Term, TimeUnit
from inspections.office.rules import Rules, Rung
from tests.builders.office import CALENDAR, NOW, Office, later
from tests.builders.reports import report_new_hazard

YEAR_END = shanghai_instant(date(2026, 12, 30), time(10, 0))
PLAIN = WorkingCalendar({date(2026, 5, 1): False, date(2026, 5, 9): True}, frozenset({2026}))


@pytest.mark.parametrize(
    ("term", "start", "expected"),
    [
        (Term(24, TimeUnit.HOURS), NOW, NOW + timedelta(hours=24)),
        (Term(30, TimeUnit.MINUTES), NOW, NOW + timedelta(minutes=30)),
        # 2026-11-23 is a Monday: the first day is not counted, due at 24:00 of the last
        (Term(1, TimeUnit.WORKING_DAYS), NOW, midnight(date(2026, 11, 25))),
        (Term(5, TimeUnit.WORKING_DAYS), NOW, midnight(date(2026, 12, 1))),
        (Term(7, TimeUnit.CALENDAR_DAYS), NOW, midnight(date(2026, 12, 1))),
        (
            Term(4, TimeUnit.WORKING_HOURS),
            shanghai_instant(date(2026, 11, 23), time(9, 0)),
            shanghai_instant(date(2026, 11, 23), time(14, 30)),
        ),
        (
            Term(4, TimeUnit.WORKING_HOURS),
            shanghai_instant(date(2026, 11, 23), time(16, 30)),
            shanghai_instant(date(2026, 11, 24), time(11, 30)),
        ),
        (
            Term(4, TimeUnit.WORKING_HOURS),
            shanghai_instant(date(2026, 11, 27), time(22, 0)),
            shanghai_instant(date(2026, 11, 30), time(14, 0)),
        ),
        (
            Term(3, TimeUnit.WORKING_HOURS),
            shanghai_instant(date(2026, 11, 23), time(9, 0)),
            shanghai_instant(date(2026, 11, 23), time(12, 0)),
        ),
    ],
)
def test_a_deadline_is_computed_from_term_and_start(term, start, expected):
    assert compute_deadline(term, start, CALENDAR).at == expected


def test_holidays_and_worked_weekends_move_a_deadline():
    thursday = shanghai_instant(date(2026, 4, 30), time(9, 0))
    assert compute_deadline(Term(6, TimeUnit.WORKING_DAYS), thursday, PLAIN).at == midnight(
        date(2026, 5, 10)
    )  # Saturday is worked


def test_a_deadline_in_an_unpublished_year_is_provisional():
    assert compute_deadline(Term(3, TimeUnit.WORKING_DAYS), YEAR_END, CALENDAR).provisional
    assert not compute_deadline(Term(1, TimeUnit.WORKING_DAYS), YEAR_END, CALENDAR).provisional
    assert compute_deadline(Term(16, TimeUnit.WORKING_HOURS), YEAR_END, CALENDAR).provisional
    assert not compute_deadline(Term(96, TimeUnit.HOURS), YEAR_END, CALENDAR).provisional


@given(
    st.sampled_from(TimeUnit),
    st.integers(1, 60),
    st.datetimes(datetime(2025, 1, 1), datetime(2026, 10, 1)),  # noqa: DTZ001  # the zone is added below
)
def test_a_deadline_lies_ahead_and_grows_with_its_term(unit, amount, start):
    start = start.replace(tzinfo=NOW.tzinfo)
    one, more = (
        compute_deadline(Term(amount, unit), start, CALENDAR).at,
        compute_deadline(Term(amount + 1, unit), start, CALENDAR).at,
    )
    assert start < one < more
    if unit is TimeUnit.WORKING_DAYS:
        days = [
            shanghai_date(start) + timedelta(days=n) for n in range(1, (shanghai_date(one) - shanghai_date(start)).days)
        ]
        assert sum(CALENDAR.is_working(day) for day in days) == amount


def test_urgent_reports_must_be_accepted_within_half_an_hour():
    def accepted_by(priority):
        return compute_deadline(Rules().acceptance[priority], NOW, CALENDAR).at

    assert accepted_by(Priority.URGENT) == later(minutes=30)
    assert accepted_by(Priority.HIGH) == later(hours=5, minutes=30)  # 9:00 + 4 h, lunch between
    assert accepted_by(None) == later(hours=5, minutes=30)


@pytest.mark.parametrize(
    ("offset", "due_at", "expected"),
    [
        ({}, NOW, NOW),
        ({"before": Term(24, TimeUnit.HOURS)}, NOW, NOW - timedelta(hours=24)),
        ({"before": Term(30, TimeUnit.MINUTES)}, NOW, NOW - timedelta(minutes=30)),
        ({"after": Term(2, TimeUnit.HOURS)}, NOW, NOW + timedelta(hours=2)),
        # at 24:00 of Monday and at noon of Monday alike: until the end of Tuesday
        ({"after": Term(1, TimeUnit.WORKING_DAYS)}, midnight(date(2026, 11, 24)), midnight(date(2026, 11, 25))),
        (
            {"after": Term(1, TimeUnit.WORKING_DAYS)},
            shanghai_instant(date(2026, 11, 23), time(12)),
            midnight(date(2026, 11, 25)),
        ),
        ({"after": Term(1, TimeUnit.CALENDAR_DAYS)}, midnight(date(2026, 11, 28)), midnight(date(2026, 11, 29))),
        ({"after": Term(1, TimeUnit.WORKING_DAYS)}, midnight(date(2026, 11, 28)), midnight(date(2026, 12, 1))),
        (
            {"after": Term(4, TimeUnit.WORKING_HOURS)},
            midnight(date(2026, 11, 28)),
            shanghai_instant(date(2026, 11, 30), time(14)),
        ),
    ],
)
def test_a_rung_is_reached_before_at_or_after_the_deadline(offset, due_at, expected):
    assert rung_time(Rung("fix", "fix", Role.OFFICER, **offset), due_at, CALENDAR) == expected


def test_overdue_is_judged_by_state_and_clock():
    hazard = replace(report_new_hazard(Office()), state=State.ASSIGNED, due_at=NOW)
    assert is_overdue(hazard, later(seconds=1))
    assert not is_overdue(hazard, NOW)  # by the deadline is in time
    assert not is_overdue(replace(hazard, due_at=None), later(days=9))
    assert not is_overdue(replace(hazard, advisory=True), later(days=9))
    assert not is_overdue(replace(hazard, state=State.PENDING_RECHECK), later(days=9))


def test_the_next_check_exists_only_while_a_clock_runs():
    hazard = replace(report_new_hazard(Office()), state=State.RECTIFYING, due_at=later(hours=9), due_from=NOW)

    def next_check(hazard, after):
        return next_check_time(hazard, Rules(), CALENDAR, after)

    assert next_check(hazard, NOW) == later(
        hours=8
    )  # an hour before; the reminder of a day before lies before its clock
    assert next_check(hazard, later(hours=8)) == later(hours=9)
    assert next_check(hazard, later(days=30)) is None
    assert next_check(replace(hazard, advisory=True), NOW) is None
    assert next_check(replace(hazard, state=State.CLOSED), NOW) is None


@given(
    st.sampled_from([State.REPORTED, State.ASSIGNED, State.PENDING_RECHECK]), st.integers(0, 400), st.integers(-9, 900)
)
def test_the_next_check_is_the_time_of_the_next_rung(state, hours, passed):
    clocks = {"due_at": later(hours=hours), "start_due_at": later(hours=30), "recheck_due_at": later(hours=hours)}
    hazard = replace(report_new_hazard(Office()), state=state, due_from=NOW, **clocks)
    after = later(hours=passed)
    ahead = [reach.at for reach in scheduled_rungs(hazard, Rules(), CALENDAR) if reach.at > after]
    assert next_check_time(hazard, Rules(), CALENDAR, after) == min(ahead, default=None)


@given(st.sampled_from(TimeUnit), st.integers(1, 60), st.integers(0, 60 * 24 * 90))
def test_the_remaining_time_is_never_shortened(unit, amount, minutes):
    term = Term(amount, unit)
    due_at = compute_deadline(term, NOW, CALENDAR).at
    now = later(minutes=minutes)
    remains = remaining_time(term, due_at, now, CALENDAR)
    assert (remains is None) == (due_at <= now)
    if remains:
        again = compute_deadline(remains, now, CALENDAR).at
        assert remains.unit is (TimeUnit.MINUTES if unit is TimeUnit.HOURS else unit)
        if remains.seconds or unit not in {TimeUnit.WORKING_DAYS, TimeUnit.WORKING_HOURS}:
            assert due_at == again
        else:  # after the last office hour there is no working time left
            assert now <= again


WHEN = st.integers(0, 60 * 24 * 5)


def office_time(start, end, unit):
    """Adds up, day by day, how long a clock of this unit runs."""
    if unit not in {TimeUnit.WORKING_DAYS, TimeUnit.WORKING_HOURS}:
        return end - start
    first, last = shanghai_date(start), shanghai_date(end)
    days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
    spans = [
        (max(start, shanghai_instant(day, opens)), min(end, shanghai_instant(day, closes)))
        for day in days
        if CALENDAR.is_working(day)
        for opens, closes in CALENDAR.office_hours
    ]
    return sum((closes - opens for opens, closes in spans if closes > opens), timedelta())


@given(
    st.sampled_from(TimeUnit), st.integers(1, 4), st.lists(st.tuples(WHEN, WHEN), max_size=6), st.integers(0, 60 * 24)
)
def test_stopping_a_clock_never_gives_more_working_time_than_its_term(unit, amount, pauses, begun):
    kept, start = Term(amount, unit), later(minutes=begun)
    due_at = compute_deadline(kept, start, CALENDAR).at
    allowed, used = office_time(start, due_at, unit), timedelta()
    for runs, stands in pauses:
        stopped = start + timedelta(minutes=runs)
        left = remaining_time(kept, due_at, stopped, CALENDAR)
        if left is None:
            break
        used += office_time(start, stopped, unit)
        start = stopped + timedelta(minutes=stands)
        due_at = compute_deadline(left, start, CALENDAR).at
        kept = None if left.unit is TimeUnit.MINUTES else left
    assert used + office_time(start, due_at, unit) == allowed


def test_a_clock_stopped_every_night_gains_no_day():
    kept, start = Term(3, TimeUnit.WORKING_DAYS), later(minutes=-30)  # a Monday when the office opens: 30 office hours
    due_at = compute_deadline(kept, start, CALENDAR).at
    for _ in range(3):  # until 17:00, which are seven office hours
        kept = remaining_time(kept, due_at, start + timedelta(hours=8, minutes=30), CALENDAR)
        start += timedelta(days=1)
        due_at = compute_deadline(kept, start, CALENDAR).at
    assert due_at == later(days=4, hours=1)  # nine hours after Thursday morning: Friday at 10:00


def test_the_rest_of_working_hours_keeps_its_minutes():
    term = Term(4, TimeUnit.WORKING_HOURS)
    due_at = compute_deadline(term, NOW, CALENDAR).at  # 9:00 on a Monday: until 14:30
    left = remaining_time(term, due_at, later(minutes=50), CALENDAR)
    assert left == RemainingTime(4, TimeUnit.WORKING_HOURS, 190 * 60)
    assert compute_deadline(left, later(hours=8), CALENDAR).at == later(hours=26, minutes=10)  # 30 minutes on Monday


def test_a_clock_stopped_before_seconds_were_kept_continues_as_it_said():
    for left, due_at in (
        (RemainingTime(2, TimeUnit.WORKING_DAYS), midnight(date(2026, 11, 26))),
        (RemainingTime(2, TimeUnit.WORKING_HOURS), later(hours=2)),
        (RemainingTime(90, TimeUnit.MINUTES), later(minutes=90)),
    ):
        assert compute_deadline(left, NOW, CALENDAR).at == due_at


def test_the_rest_of_a_term_in_an_unpublished_year_is_provisional():
    assert compute_deadline(RemainingTime(3, TimeUnit.WORKING_DAYS, 90_000), YEAR_END, CALENDAR).provisional
    assert not compute_deadline(RemainingTime(3, TimeUnit.CALENDAR_DAYS, 90_000), YEAR_END, CALENDAR).provisional


def test_a_deadline_set_by_hand_has_its_remaining_time_in_minutes():
    assert remaining_time(None, later(hours=1, seconds=1), NOW, CALENDAR) == RemainingTime(61, TimeUnit.MINUTES, 3601)


def test_the_catalogue_has_every_code_once_and_a_term_each():
    assert len({category.code for category in CATALOGUE}) == len(CATALOGUE) == 25
    assert all(category.term.amount > 0 for category in CATALOGUE)
