from datetime import UTC, date, datetime, time
from itertools import islice

import pytest

from inspections.calendar import WorkingCalendar, midnight, office_spans, shanghai_date, shanghai_instant

SPRING = WorkingCalendar(
    {
        date(2026, 2, 14): True,
        **{date(2026, 2, day): False for day in (16, 17, 18, 19, 20, 23)},
        date(2026, 2, 28): True,
    },
    frozenset({2026}),
)


def test_a_day_begins_at_midnight_in_shanghai():
    assert midnight(date(2026, 1, 1)) == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert shanghai_date(datetime(2025, 12, 31, 16, tzinfo=UTC)) == date(2026, 1, 1)
    assert shanghai_date(datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC)) == date(2025, 12, 31)


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 2, 13), True),  # a Friday
        (date(2026, 2, 14), True),  # a Saturday that is worked
        (date(2026, 2, 15), False),  # a Sunday
        (date(2026, 2, 17), False),  # 春节, a Tuesday
        (date(2026, 2, 28), True),  # a Saturday that is worked
    ],
)
def test_exchanged_days_count_as_declared(day, working):
    assert SPRING.is_working(day) is working


def test_working_days_leave_the_first_day_out():
    assert list(islice(SPRING.working_days(date(2026, 2, 13)), 3)) == [
        date(2026, 2, 14),
        date(2026, 2, 24),
        date(2026, 2, 25),
    ]


def test_a_calendar_knows_only_published_years():
    assert SPRING.covers_dates(date(2026, 1, 1), date(2026, 12, 31))
    assert not SPRING.covers_dates(date(2026, 12, 31), date(2027, 1, 1))


def test_office_time_leaves_out_lunch_and_nights():
    start = shanghai_instant(date(2026, 2, 13), time(11, 0))
    assert list(islice(office_spans(SPRING, start), 3)) == [
        (start, shanghai_instant(date(2026, 2, 13), time(12, 0))),
        (shanghai_instant(date(2026, 2, 13), time(13, 30)), shanghai_instant(date(2026, 2, 13), time(17, 30))),
        (shanghai_instant(date(2026, 2, 14), time(8, 30)), shanghai_instant(date(2026, 2, 14), time(12, 0))),
    ]
