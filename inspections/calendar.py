"""The working calendar: weekdays, the weekends that are worked (调休) and the weekdays that are off.

All instants are aware and UTC; days are cut at Asia/Shanghai, which has kept UTC+8 without summer time since 1992.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Annotated

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
