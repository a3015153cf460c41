"""The working calendar: weekdays, working weekends (调休) and weekdays off.

All instants are aware and in UTC; days are those of Asia/Shanghai, at UTC+8 without summer time since 1992.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
TimeOfDay = Annotated[time, Meta(tz=False)]
"""A time of the day in Shanghai."""
Span = tuple[TimeOfDay, TimeOfDay]
OFFICE_HOURS: tuple[Span, ...] = ((time(8, 30), time(12, 0)), (time(13, 30), time(17, 30)))
"""The default office hours (see rules.py), with a gap for lunch."""
YEARS = range(1970, 3000)
"""Supported years; outside of them, conversions between time zones overflow."""
_SATURDAY = 5
_DAY = timedelta(days=1)


class CalendarDay(Struct, frozen=True):
    """An exception to the weekday rule: a working weekend or a weekday off, with the source that announces it."""

    day: date
    working: bool
    name: str
    source: str


class Festival(NamedTuple):
    """A statutory festival: its days off, and the range of dates (month, day) that a lunar date can fall into."""

    name: str
    first: tuple[int, int]
    last: tuple[int, int]
    days: int


FESTIVALS_FROM = 2025
FESTIVALS = (
    Festival("元旦", (1, 1), (1, 1), 1),
    Festival("春节", (1, 20), (2, 26), 4),
    Festival("清明节", (4, 3), (4, 7), 1),
    Festival("劳动节", (5, 1), (5, 2), 2),
    Festival("端午节", (5, 25), (6, 28), 1),
    Festival("国庆节", (10, 1), (10, 3), 3),
    Festival("中秋节", (9, 6), (9, 30), 1),
)
"""The statutory festivals (《全国年节及纪念日放假办法》, in force since 2025); before, 春节 had three days, 劳动节 one.

If 中秋节 falls into October, it is joined to 国庆节, which then lasts eight days.
"""
_DAYS_BEFORE_2025 = {"春节": 3, "劳动节": 1}


def schedule_errors(year: int, days: Sequence[CalendarDay]) -> list[tuple[str, str]]:
    """Checks a year's holiday schedule; returns errors as (field of `days`, message).

    All days off of every statutory festival must be listed, even on a weekend. Only a weekend can be a working day.
    """
    errors = [error for number, each in enumerate(days) for error in _day_errors(year, number, each, days[:number])]
    seen = {each.day for each in days}
    off = {each.day for each in days if not each.working}
    eighth = date(year, 10, 8)
    joined = eighth in off or (eighth.weekday() >= _SATURDAY and eighth not in seen)
    return errors + [("days", f"缺少{name}的放假日") for name in _missing_festivals(year, off, joined=joined)]


def _day_errors(year: int, number: int, each: CalendarDay, before: Sequence[CalendarDay]) -> list[tuple[str, str]]:
    unmet = {
        (f"days[{number}].day", f"不是 {year} 年的日期"): each.day.year != year,
        (f"days[{number}].day", "日期重复"): any(each.day == other.day for other in before),
        (f"days[{number}].working", "只有周末才能列为上班"): each.working and each.day.weekday() < _SATURDAY,
    }
    return [error for error, holds in unmet.items() if holds]


def _missing_festivals(year: int, off: set[date], *, joined: bool) -> list[str]:
    """Names of festivals with too few days off. `joined`: 中秋节 is part of 国庆节."""
    missing: list[str] = []
    for name, first, last, days in FESTIVALS:
        needed = _DAYS_BEFORE_2025.get(name, days) if year < FESTIVALS_FROM else days
        found = sum(date(year, *first) <= day <= date(year, *last) for day in off)
        if found < needed and not (joined and name == "中秋节"):
            missing.append(name)
    return missing


class WorkingCalendar(Struct, frozen=True):
    """The calendar of the published years. In other years only weekdays count, and deadlines are provisional."""

    exceptions: dict[date, bool]
    published: frozenset[int]
    office_hours: tuple[Span, ...] = OFFICE_HOURS

    def is_working(self, day: date) -> bool:
        return self.exceptions.get(day, day.weekday() < _SATURDAY)

    def working_days(self, after: date) -> Iterator[date]:
        """Yields the working days after `after`, which is not counted itself (民法典 第二百零一条)."""
        day = after
        while True:
            day += _DAY
            if self.is_working(day):
                yield day

    def covers_dates(self, first: date, last: date) -> bool:
        return all(year in self.published for year in range(first.year, last.year + 1))


def shanghai_date(instant: datetime) -> date:
    return instant.astimezone(SHANGHAI).date()


def shanghai_time(instant: datetime) -> time:
    return instant.astimezone(SHANGHAI).time()


def midnight(day: date) -> datetime:
    """00:00 Asia/Shanghai at the beginning of `day`, as UTC."""
    return shanghai_instant(day, time(0))


def shanghai_instant(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SHANGHAI).astimezone(UTC)


def office_spans(calendar: WorkingCalendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yields the spans of office hours from `start` on, without lunch."""
    day = shanghai_date(start) - _DAY
    for working in calendar.working_days(day):  # pragma: no branch  # working days never end
        for opens, closes in calendar.office_hours:
            if shanghai_instant(working, closes) > start:
                yield max(start, shanghai_instant(working, opens)), shanghai_instant(working, closes)
