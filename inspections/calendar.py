"""The working calendar: weekdays, the weekends that are worked (调休) and the weekdays that are off.

All instants are aware and UTC; days are cut at Asia/Shanghai, which has kept UTC+8 without summer time since 1992.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
Clock = Annotated[time, Meta(tz=False)]
"""A time of the day in Shanghai."""
Span = tuple[Clock, Clock]
OFFICE_HOURS: tuple[Span, ...] = ((time(8, 30), time(12, 0)), (time(13, 30), time(17, 30)))
"""From opening to closing, as an office has it that says nothing else (rules.py); lunch is the gap."""
YEARS = range(1970, 3000)
"""Beyond, an instant cannot be moved between time zones without overflowing."""
_SATURDAY = 5
_DAY = timedelta(days=1)


class CalendarDay(Struct, frozen=True):
    """A day that differs from its weekday: a weekend that is worked, or a weekday that is off, and who says so."""

    day: date
    working: bool
    name: str
    source: str


class Festival(NamedTuple):
    """A festival of the law: so many days off between two dates (month, day), wherever the moon puts it that year."""

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
"""《全国年节及纪念日放假办法》 as of 2024, in force since 2025; before, 春节 had three days and 劳动节 one.

中秋节 may fall into October: then it is joined to 国庆节, which lasts eight days.
"""
_FEWER_BEFORE = {"春节": 3, "劳动节": 1}


def unlike_a_year(year: int, days: Sequence[CalendarDay]) -> list[tuple[str, str]]:
    """What keeps these days from being the published schedule of that year: fields of `days`, and words.

    Every festival of the law must be there, off days as well as weekends that are festivals; what is worked is a
    weekend.
    """
    errors = [error for number, each in enumerate(days) for error in _wrong_day(year, number, each, days[:number])]
    seen = {each.day for each in days}
    off = {each.day for each in days if not each.working}
    eighth = date(year, 10, 8)
    joined = eighth in off or (eighth.weekday() >= _SATURDAY and eighth not in seen)
    return errors + [("days", f"缺少{name}的放假日") for name in _missing_festivals(year, off, joined=joined)]


def _wrong_day(year: int, number: int, each: CalendarDay, before: Sequence[CalendarDay]) -> list[tuple[str, str]]:
    unmet = {
        (f"days[{number}].day", f"不是 {year} 年的日期"): each.day.year != year,
        (f"days[{number}].day", "日期重复"): any(each.day == other.day for other in before),
        (f"days[{number}].working", "只有周末才能列为上班"): each.working and each.day.weekday() < _SATURDAY,
    }
    return [error for error, holds in unmet.items() if holds]


def _missing_festivals(year: int, off: set[date], *, joined: bool) -> list[str]:
    """`joined`: 中秋节 is a part of 国庆节."""
    missing: list[str] = []
    for name, first, last, days in FESTIVALS:
        needed = _FEWER_BEFORE.get(name, days) if year < FESTIVALS_FROM else days
        found = sum(date(year, *first) <= day <= date(year, *last) for day in off)
        if found < needed and not (joined and name == "中秋节"):
            missing.append(name)
    return missing


class WorkingCalendar(Struct, frozen=True):
    """The exceptions of the published years. A year that is not `published` falls back to weekdays: provisional."""

    exceptions: dict[date, bool]
    published: frozenset[int]
    office_hours: tuple[Span, ...] = OFFICE_HOURS

    def is_working(self, day: date) -> bool:
        return self.exceptions.get(day, day.weekday() < _SATURDAY)

    def working_days(self, after: date) -> Iterator[date]:
        """The working days that follow `after`, `after` itself not counted (民法典 第二百零一条)."""
        day = after
        while True:
            day += _DAY
            if self.is_working(day):
                yield day

    def knows(self, first: date, last: date) -> bool:
        return all(year in self.published for year in range(first.year, last.year + 1))


def shanghai_date(instant: datetime) -> date:
    return instant.astimezone(SHANGHAI).date()


def shanghai_time(instant: datetime) -> time:
    return instant.astimezone(SHANGHAI).time()


def midnight(day: date) -> datetime:
    """00:00 Asia/Shanghai at the beginning of `day`, as UTC."""
    return at(day, time(0))


def at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SHANGHAI).astimezone(UTC)


def office_spans(calendar: WorkingCalendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of office time from `start` on, lunch left out."""
    day = shanghai_date(start) - _DAY
    for working in calendar.working_days(day):  # pragma: no branch  # they never end
        for opens, closes in calendar.office_hours:
            if at(working, closes) > start:
                yield max(start, at(working, opens)), at(working, closes)
