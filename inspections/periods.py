"""Periods of Shanghai days, split into days, ISO weeks or months, and the periods they are compared with."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum, StrEnum, auto
from typing import NamedTuple

_DAY = timedelta(days=1)
_WEEK_DAYS, _MONTHS, _QUARTER = 7, 12, 3


class Interval(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Period(NamedTuple):
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


class Bucket(NamedTuple):
    """A day, week or month of a period, perhaps cut at its ends. `name`: 2026-11-23, 2026-W48 (ISO 8601) or 2026-11."""

    name: str
    period: Period


def buckets(period: Period, interval: Interval) -> Iterator[Bucket]:
    """Splits a period into consecutive buckets."""
    begins = period.first
    while begins <= period.last:
        name, ends = _enclosing_interval(begins, interval)
        ends = min(ends, period.last)
        yield Bucket(name, Period(begins, ends))
        begins = ends + _DAY


def _enclosing_interval(day: date, interval: Interval) -> tuple[str, date]:
    """The name and last day of the whole day, week or month that contains `day`."""
    if interval is Interval.DAY:
        return day.isoformat(), day
    if interval is Interval.WEEK:
        year, week, weekday = day.isocalendar()
        return f"{year}-W{week:02}", day + (_WEEK_DAYS - weekday) * _DAY
    return f"{day:%Y-%m}", _end_of_month(day)


def default_period(today: date, interval: Interval) -> Period:
    """The last thirty days, twelve weeks or twelve months, including the current one."""
    if interval is Interval.DAY:
        return Period(today - 29 * _DAY, today)
    if interval is Interval.WEEK:
        return Period(today - (today.isocalendar().weekday - 1 + 11 * _WEEK_DAYS) * _DAY, today)
    return Period(_subtract_months(today.replace(day=1), 11), today)


def previous_period(period: Period) -> Period:
    """The preceding period (环比): the same number of whole months if `period` is whole months, else of days."""
    last = period.first - _DAY
    if period.first.day == 1 and period.last == _end_of_month(period.last):
        months = _month_number(period.last) - _month_number(period.first) + 1
        return Period(_subtract_months(period.first, months), last)
    return Period(period.first - period.days * _DAY, last)


def year_ago_period(period: Period) -> Period:
    """The same dates one year earlier (同比); the last day of a month stays the last day, also in February."""
    return Period(_subtract_year(period.first), _subtract_year(period.last, ends=True))


def _subtract_year(day: date, *, ends: bool = False) -> date:
    there = day.replace(year=day.year - 1, day=1)
    last = _end_of_month(there)
    return last if ends and day == _end_of_month(day) else there.replace(day=min(day.day, last.day))


def _month_number(day: date) -> int:
    return day.year * _MONTHS + day.month - 1


def _subtract_months(first: date, months: int) -> date:
    return _first_of_month(_month_number(first) - months)


def _first_of_month(month: int) -> date:
    """The first day of a month; `month` is a `_month_number`."""
    year, rest = divmod(month, _MONTHS)
    return date(year, rest + 1, 1)


def first_of_quarter(day: date) -> date:
    """The first day of the calendar quarter that contains `day`."""
    return _first_of_month(_month_number(day) // _QUARTER * _QUARTER)


def _end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


class SumUnit(Enum):
    """The units that totals are stored for."""

    DAY = auto()
    MONTH = auto()
    QUARTER = auto()


class SignedPeriod(NamedTuple):
    """A period of whole quarters, months or days, whose total is added or, with sign -1, subtracted."""

    period: Period
    unit: SumUnit
    sign: int = 1


def decompose_period(first: date, last: date, *, quarters: bool = False) -> Iterator[SignedPeriod]:
    """Expresses a period as a sum of whole months and at most half a month of days at either end.

    More than half a month is the whole month minus its other days. `quarters`: join the three months of a quarter.
    """
    begins, ends = first.replace(day=1), _end_of_month(last)
    if begins == last.replace(day=1) and 2 * Period(first, last).days < ends.day:
        yield SignedPeriod(Period(first, last), SumUnit.DAY)
        return
    before, after = Period(begins, first - _DAY), Period(last + _DAY, ends)
    if 2 * before.days > _end_of_month(first).day:
        yield SignedPeriod(Period(first, _end_of_month(first)), SumUnit.DAY)
        begins = _end_of_month(first) + _DAY
    elif before.days:
        yield SignedPeriod(before, SumUnit.DAY, sign=-1)
    if 2 * after.days > ends.day:
        yield SignedPeriod(Period(last.replace(day=1), last), SumUnit.DAY)
        ends = last.replace(day=1) - _DAY
    elif after.days:
        yield SignedPeriod(after, SumUnit.DAY, sign=-1)
    if begins < ends:
        yield from (
            _split_off_quarters(begins, ends) if quarters else [SignedPeriod(Period(begins, ends), SumUnit.MONTH)]
        )


def _split_off_quarters(first: date, last: date) -> Iterator[SignedPeriod]:
    """Splits whole months into quarters and the months before and after them."""
    begins = _first_of_month(-(-_month_number(first) // _QUARTER) * _QUARTER)
    behind = first_of_quarter(last + _DAY)
    if begins >= behind:
        yield SignedPeriod(Period(first, last), SumUnit.MONTH)
        return
    if first < begins:
        yield SignedPeriod(Period(first, begins - _DAY), SumUnit.MONTH)
    yield SignedPeriod(Period(begins, behind - _DAY), SumUnit.QUARTER)
    if behind <= last:
        yield SignedPeriod(Period(behind, last), SumUnit.MONTH)


class RelativeChange(NamedTuple):
    """The change against another period's value `then`; `percent` has two digits, and is None if `then` is 0."""

    then: int
    delta: int
    percent: float | None


def relative_change(now: int, then: int) -> RelativeChange:
    return RelativeChange(then, now - then, round((now - then) / then * 100, 2) if then else None)
