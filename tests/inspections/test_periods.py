"""Periods: buckets and comparisons count every day once, with months of any length and a 29 February."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inspections.periods import (
    Interval,
    Period,
    SignedPeriod,
    SumUnit,
    buckets,
    decompose_period,
    default_period,
    previous_period,
    relative_change,
    year_ago_period,
)


def period(first, last):
    return Period(date.fromisoformat(first), date.fromisoformat(last))


PERIODS = st.builds(
    lambda first, days: Period(first, first + timedelta(days)),
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    st.integers(0, 800),
)


@given(whole=PERIODS, interval=st.sampled_from(Interval))
def test_buckets_cover_each_day_of_a_period_once(whole, interval):
    parts = list(buckets(whole, interval))
    days = [part.period.first + timedelta(at) for part in parts for at in range(part.period.days)]
    assert days == [whole.first + timedelta(at) for at in range(whole.days)]
    assert len({part.name for part in parts}) == len(parts)


def test_weeks_are_iso_weeks_across_the_new_year():
    names = [part.name for part in buckets(period("2026-12-27", "2027-01-04"), Interval.WEEK)]
    assert names == ["2026-W52", "2026-W53", "2027-W01"]


@given(whole=PERIODS)
def test_the_period_before_ends_where_this_one_begins(whole):
    before = previous_period(whole)
    assert before.last == whole.first - timedelta(1)
    assert before.days == whole.days or whole.first.day == before.first.day == 1


@pytest.mark.parametrize(
    ("whole", "before", "year"),
    [
        (("2024-02-01", "2024-02-29"), ("2024-01-01", "2024-01-31"), ("2023-02-01", "2023-02-28")),
        (("2025-02-01", "2025-02-28"), ("2025-01-01", "2025-01-31"), ("2024-02-01", "2024-02-29")),
        (("2024-02-29", "2024-02-29"), ("2024-02-28", "2024-02-28"), ("2023-02-28", "2023-02-28")),
        (("2024-01-01", "2024-12-31"), ("2023-01-01", "2023-12-31"), ("2023-01-01", "2023-12-31")),
        (("2026-07-01", "2026-09-30"), ("2026-04-01", "2026-06-30"), ("2025-07-01", "2025-09-30")),
        (("2026-11-16", "2026-11-22"), ("2026-11-09", "2026-11-15"), ("2025-11-16", "2025-11-22")),
    ],
)
def test_a_period_is_compared_with_the_previous_one_and_the_year_before(whole, before, year):
    assert previous_period(period(*whole)) == period(*before)
    assert year_ago_period(period(*whole)) == period(*year)


def test_each_interval_has_a_default_period():
    today = date(2026, 11, 25)
    assert default_period(today, Interval.DAY) == period("2026-10-27", "2026-11-25")
    assert default_period(today, Interval.WEEK) == period("2026-09-07", "2026-11-25")
    assert default_period(today, Interval.MONTH) == period("2025-12-01", "2026-11-25")
    assert [len(list(buckets(default_period(today, each), each))) for each in Interval] == [30, 12, 12]


def test_a_change_from_zero_has_no_percentage():
    assert relative_change(3, 0) == (0, 3, None)
    assert relative_change(3, 4) == (4, -1, -25.0)
    assert relative_change(0, 3) == (3, -3, -100.0)


@given(first=st.dates(date(2020, 1, 1), date(2030, 1, 1)), length=st.integers(0, 1000), quarters=st.booleans())
@example(first=date(2026, 3, 10), length=3, quarters=True)  # a few days of one month
@example(first=date(2026, 3, 25), length=11, quarters=True)  # the end of one month and the begin of the next
@example(first=date(2026, 3, 3), length=26, quarters=True)  # a month but for a few days
@example(first=date(2026, 3, 25), length=45, quarters=False)  # a month and a few days on both sides
@example(first=date(2026, 3, 1), length=121, quarters=True)  # a quarter, and a month on both sides
@example(first=date(2026, 4, 1), length=90, quarters=True)  # a quarter
def test_a_period_decomposes_into_quarters_months_and_single_days(first, length, quarters):
    whole = period(first.isoformat(), (first + timedelta(length)).isoformat())
    parts = list(decompose_period(*whole, quarters=quarters))
    days = Counter()
    for part in parts:
        assert part.period.days > 0
        for at in range(part.period.days):
            days[part.period.first + timedelta(at)] += part.sign
    assert {day: times for day, times in days.items() if times} == {
        whole.first + timedelta(at): 1 for at in range(whole.days)
    }
    of_unit = {unit: [part.period for part in parts if part.unit is unit] for unit in SumUnit}
    assert all(part.days <= 15 for part in of_unit[SumUnit.DAY])
    assert len(of_unit[SumUnit.DAY]) <= 2
    for part in parts:
        if part.unit is not SumUnit.DAY:
            assert part.sign == part.period.first.day == (part.period.last + timedelta(1)).day == 1
    for each in of_unit[SumUnit.QUARTER]:
        assert quarters
        assert each.first.month % 3 == (each.last + timedelta(1)).month % 3 == 1
    if quarters:
        assert all(each.days <= 4 * 31 for each in of_unit[SumUnit.MONTH])
    assert len(of_unit[SumUnit.MONTH]) + len(of_unit[SumUnit.QUARTER]) <= (3 if quarters else 1)


def test_a_month_as_a_whole_is_one_piece():
    march = period("2026-03-01", "2026-03-31")
    assert list(decompose_period(*march)) == [SignedPeriod(march, SumUnit.MONTH)]


def test_a_month_without_a_few_days_is_the_month_minus_those():
    parts = list(decompose_period(*period("2026-03-03", "2026-03-29")))
    assert parts == [
        SignedPeriod(period("2026-03-01", "2026-03-02"), SumUnit.DAY, sign=-1),
        SignedPeriod(period("2026-03-30", "2026-03-31"), SumUnit.DAY, sign=-1),
        SignedPeriod(period("2026-03-01", "2026-03-31"), SumUnit.MONTH),
    ]


def test_a_year_and_a_month_are_four_quarters_and_a_month():
    parts = list(decompose_period(*period("2025-01-01", "2026-01-31"), quarters=True))
    assert parts == [
        SignedPeriod(period("2025-01-01", "2025-12-31"), SumUnit.QUARTER),
        SignedPeriod(period("2026-01-01", "2026-01-31"), SumUnit.MONTH),
    ]
