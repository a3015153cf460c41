"""The working calendars published by the State Council, as rows that an office may edit."""

from datetime import date, timedelta
from typing import NamedTuple

from inspections.calendar import CalendarDay

MonthDay = tuple[int, int]


class Schedule(NamedTuple):
    """The State Council's schedule of a year: holidays with first and last day, and the weekend days worked instead."""

    document: str
    off: dict[str, tuple[MonthDay, MonthDay]]
    worked: tuple[MonthDay, ...]


PUBLISHED = {
    2024: Schedule(
        "国办发明电〔2023〕7号",
        {
            "元旦": ((1, 1), (1, 1)),
            "春节": ((2, 10), (2, 17)),
            "清明节": ((4, 4), (4, 6)),
            "劳动节": ((5, 1), (5, 5)),
            "端午节": ((6, 8), (6, 10)),
            "中秋节": ((9, 15), (9, 17)),
            "国庆节": ((10, 1), (10, 7)),
        },
        ((2, 4), (2, 18), (4, 7), (4, 28), (5, 11), (9, 14), (9, 29), (10, 12)),
    ),
    2025: Schedule(
        "国办发明电〔2024〕12号",
        {
            "元旦": ((1, 1), (1, 1)),
            "春节": ((1, 28), (2, 4)),
            "清明节": ((4, 4), (4, 6)),
            "劳动节": ((5, 1), (5, 5)),
            "端午节": ((5, 31), (6, 2)),
            "国庆节、中秋节": ((10, 1), (10, 8)),
        },
        ((1, 26), (2, 8), (4, 27), (9, 28), (10, 11)),
    ),
    2026: Schedule(
        "国办发明电〔2025〕7号",
        {
            "元旦": ((1, 1), (1, 3)),
            "春节": ((2, 15), (2, 23)),
            "清明节": ((4, 4), (4, 6)),
            "劳动节": ((5, 1), (5, 5)),
            "端午节": ((6, 19), (6, 21)),
            "中秋节": ((9, 25), (9, 27)),
            "国庆节": ((10, 1), (10, 7)),
        },
        ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)),
    ),
}


def published_days(year: int) -> list[CalendarDay]:
    """Returns the days off of a published year and the weekend days worked in exchange (调休), ordered by date."""
    document, off, worked = PUBLISHED[year]
    rows = [CalendarDay(date(year, *day), working=True, name="调休上班", source=document) for day in worked]
    for name, (first, last) in off.items():
        day = date(year, *first)
        while day <= date(year, *last):
            rows.append(CalendarDay(day, working=False, name=name, source=document))
            day += timedelta(days=1)
    return sorted(rows, key=lambda row: row.day)
