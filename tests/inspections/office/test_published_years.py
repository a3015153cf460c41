"""Deadlines follow the State Council's schedules, copied by hand: 国办发明电〔2023〕7号, 〔2024〕12号, 〔2025〕7号."""

from datetime import date, datetime, time, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.calendar import (
    SHANGHAI,
    CalendarDay,
    WorkingCalendar,
    midnight,
    schedule_errors,
    shanghai_date,
    shanghai_instant,
)
from inspections.hazards.deadlines import compute_deadline
from inspections.office.categories import Term, TimeUnit
from tests.builders.office import NOW
from tests.builders.published_years import SCHEDULES, days_of, scheduled_days

CHINA = WorkingCalendar({day: how for year in SCHEDULES for day, how in days_of(year).items()}, frozenset(SCHEDULES))


def working_day_deadline(amount, start):
    return compute_deadline(Term(amount, TimeUnit.WORKING_DAYS), start, CHINA)


@pytest.mark.parametrize(
    ("start", "amount", "last"),
    [
        ((2025, 12, 31), 1, (2026, 1, 4)),  # New Year's Eve; the Sunday after is worked
        ((2025, 12, 31), 2, (2026, 1, 5)),
        ((2024, 12, 31), 1, (2025, 1, 2)),
        ((2024, 2, 9), 1, (2024, 2, 18)),  # 除夕 of 2024 was worked; a Sunday is the first day after the feast
        ((2024, 2, 3), 1, (2024, 2, 4)),  # a free Saturday before a worked Sunday
        ((2025, 1, 26), 2, (2025, 2, 5)),  # a worked Sunday
        ((2026, 2, 13), 1, (2026, 2, 14)),  # Friday; Saturday is worked
        ((2026, 2, 14), 1, (2026, 2, 24)),  # nine days off
        ((2026, 2, 14), 5, (2026, 2, 28)),  # and a Saturday again
        ((2026, 4, 30), 4, (2026, 5, 9)),
        ((2025, 9, 27), 1, (2025, 9, 28)),
        ((2025, 9, 30), 1, (2025, 10, 9)),
        ((2025, 9, 30), 3, (2025, 10, 11)),
        ((2024, 9, 13), 1, (2024, 9, 14)),
        ((2026, 9, 18), 1, (2026, 9, 20)),
    ],
)
def test_working_days_are_counted_across_holidays(start, amount, last):
    deadline = working_day_deadline(amount, shanghai_instant(date(*start), time(10)))
    assert deadline.at == midnight(date(*last) + timedelta(days=1))
    assert not deadline.provisional


@pytest.mark.parametrize(
    ("start", "amount", "end"),
    [
        ((2026, 2, 14, 16, 30), 4, (2026, 2, 24, 11, 30)),  # a worked Saturday before the feast
        ((2026, 2, 20, 9, 0), 4, (2026, 2, 24, 14, 0)),  # in the middle of it: lunch at noon
        ((2026, 2, 28, 11, 0), 2, (2026, 2, 28, 14, 30)),  # across lunch on a worked Saturday
        ((2025, 12, 31, 17, 0), 1, (2026, 1, 4, 9, 0)),
        ((2026, 1, 2, 12, 0), 8, (2026, 1, 5, 9, 0)),  # a day has seven and a half hours
        ((2024, 4, 6, 3, 0), 1, (2024, 4, 7, 9, 30)),
        ((2026, 11, 23, 12, 0), 1, (2026, 11, 23, 14, 30)),  # at the first minute of lunch
        ((2026, 11, 23, 13, 30), 4, (2026, 11, 23, 17, 30)),
        ((2026, 11, 27, 17, 30), 1, (2026, 11, 30, 9, 30)),  # Friday at closing
    ],
)
def test_working_hours_are_counted_across_lunch_weekends_and_holidays(start, amount, end):
    begin, finish = (datetime(*parts, tzinfo=SHANGHAI) for parts in (start, end))
    assert compute_deadline(Term(amount, TimeUnit.WORKING_HOURS), begin, CHINA).at == finish


def test_beyond_the_published_years_weekdays_count_and_the_deadline_is_provisional():
    deadline = working_day_deadline(2, shanghai_instant(date(2026, 12, 31), time(10)))
    assert deadline == (midnight(date(2027, 1, 5)), True)


@pytest.mark.parametrize("year", SCHEDULES)
def test_a_published_schedule_is_a_whole_year(year):
    assert schedule_errors(year, scheduled_days(year)) == []


@pytest.mark.parametrize("year", SCHEDULES)
def test_a_schedule_without_a_holiday_is_refused(year):
    spans, _ = SCHEDULES[year]
    for first, last in spans:
        left = [day for day in scheduled_days(year) if not date(year, *first) <= day.day <= date(year, *last)]
        errors = schedule_errors(year, left)
        assert errors
        assert {field for field, _ in errors} == {"days"}


def test_holidays_had_fewer_days_before_the_law_was_revised():
    short = [day for day in scheduled_days(2026) if (day.day.month, day.day.day) != (5, 2)]
    assert schedule_errors(2026, short) == [("days", "缺少劳动节的放假日")]
    short = [day for day in scheduled_days(2024) if (day.day.month, day.day.day) != (5, 2)]
    assert schedule_errors(2024, short) == []


def test_a_day_of_another_year_a_day_twice_and_a_worked_weekday_are_named():
    days = scheduled_days(2026)
    wrong = [
        *days,
        days[0],
        CalendarDay(date(2027, 1, 2), working=True, name="-", source="-"),
        CalendarDay(date(2026, 3, 2), working=True, name="-", source="-"),
    ]
    errors = dict(schedule_errors(2026, wrong))
    at_ = len(days)
    assert set(errors) == {f"days[{at_}].day", f"days[{at_ + 1}].day", f"days[{at_ + 2}].working"}


_BEGIN, _END = date(2025, 1, 1), date(2027, 12, 31)
_EXCEPTIONS = st.dictionaries(st.dates(_BEGIN, _END), st.booleans(), max_size=80)
_CALENDARS = st.builds(
    WorkingCalendar,
    _EXCEPTIONS,
    st.frozensets(st.sampled_from([2025, 2026, 2027])),
    st.sampled_from(
        [
            ((time(8, 30), time(12)), (time(13, 30), time(17, 30))),
            ((time(0), time(23, 59)),),
            ((time(9), time(9, 1)),),
        ]
    ),
)
_STARTS = st.datetimes(datetime(2025, 1, 1), datetime(2026, 10, 1)).map(lambda at: at.replace(tzinfo=NOW.tzinfo))  # noqa: DTZ001


@given(_CALENDARS, st.sampled_from(TimeUnit), st.integers(1, 40), _STARTS, st.timedeltas(timedelta(0), timedelta(30)))
def test_a_deadline_lies_ahead_and_never_earlier_for_a_later_start(calendar, unit, amount, start, delay):
    term = Term(amount, unit)
    deadline = compute_deadline(term, start, calendar).at
    assert start < deadline <= compute_deadline(term, start + delay, calendar).at
    assert deadline < compute_deadline(Term(amount + 1, unit), start, calendar).at


@given(_CALENDARS, st.sampled_from([TimeUnit.WORKING_DAYS, TimeUnit.CALENDAR_DAYS]), st.integers(1, 40), _STARTS)
def test_days_end_at_midnight_and_working_days_on_a_working_day(calendar, unit, amount, start):
    deadline = compute_deadline(Term(amount, unit), start, calendar).at
    last = shanghai_date(deadline - timedelta(seconds=1))
    assert deadline == midnight(last + timedelta(days=1))
    if unit is TimeUnit.WORKING_DAYS:
        assert last == list(islice(calendar.working_days(shanghai_date(start)), amount))[-1]
        assert calendar.is_working(last)


@given(_CALENDARS, st.integers(1, 40), _STARTS)
def test_working_hours_end_within_office_hours_of_a_working_day(calendar, amount, start):
    deadline = compute_deadline(Term(amount, TimeUnit.WORKING_HOURS), start, calendar).at
    day, clock = shanghai_date(deadline), deadline.astimezone(SHANGHAI).time()
    assert calendar.is_working(day)
    assert any(opens < clock <= closes for opens, closes in calendar.office_hours)
