"""The published working calendars, as rows that an office may edit: from the library `holidays`."""

from importlib.metadata import version

import holidays

from inspections.calendar import CalendarDay

PUBLISHED = range(2024, 2027)
"""Years whose schedule the State Council has published and the library has right; beyond, it guesses."""


def published_days(year: int) -> list[CalendarDay]:
    """The holidays of a published year and the weekends that are worked in exchange (调休)."""
    china = holidays.country_holidays("CN", years=year, language="zh_CN")
    source = f"holidays {version('holidays')}, CN {year}"
    off = {
        day: CalendarDay(day, working=False, name=name, source=source)
        for day, name in china.items()
        if day.year == year
    }
    worked = {
        day: CalendarDay(day, working=True, name="调休上班", source=source)
        for day in china.weekend_workdays
        if day.year == year
    }
    return sorted([*off.values(), *worked.values()], key=lambda row: row.day)
