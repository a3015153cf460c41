"""Lists the calendar years that the State Council has published."""

from datetime import date, timedelta

from inspections.calendar import CalendarDay

# Holidays from and to (month, day), both inclusive; then the weekend days that are worked.
SCHEDULES = {
    2024: (
        [
            ((1, 1), (1, 1)),
            ((2, 10), (2, 17)),
            ((4, 4), (4, 6)),
            ((5, 1), (5, 5)),
            ((6, 8), (6, 10)),
            ((9, 15), (9, 17)),
            ((10, 1), (10, 7)),
        ],
        [(2, 4), (2, 18), (4, 7), (4, 28), (5, 11), (9, 14), (9, 29), (10, 12)],
    ),
    2025: (
        [
            ((1, 1), (1, 1)),
            ((1, 28), (2, 4)),
            ((4, 4), (4, 6)),
            ((5, 1), (5, 5)),
            ((5, 31), (6, 2)),
            ((10, 1), (10, 8)),
        ],
        [(1, 26), (2, 8), (4, 27), (9, 28), (10, 11)],
    ),
    2026: (
        [
            ((1, 1), (1, 3)),
            ((2, 15), (2, 23)),
            ((4, 4), (4, 6)),
            ((5, 1), (5, 5)),
            ((6, 19), (6, 21)),
            ((9, 25), (9, 27)),
            ((10, 1), (10, 7)),
        ],
        [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)],
    ),
}


def days_of(year):
    """Returns every day of a year and whether its schedule makes it a working day."""
    spans, worked = SCHEDULES[year]
    days = {date(year, 1, 1) + timedelta(days=n) for n in range(366)}
    days = {day: day.weekday() < 5 for day in days if day.year == year}
    for first, last in spans:
        days |= {day: False for day in days if date(year, *first) <= day <= date(year, *last)}
    return days | {date(year, *day): True for day in worked}


def scheduled_days(year):
    """Lists the days of a schedule as an administrator sends them: its holidays and its working weekend days."""
    spans, worked = SCHEDULES[year]
    off = [day for day in sorted(days_of(year)) for a, b in spans if date(year, *a) <= day <= date(year, *b)]
    days = [CalendarDay(day, working=False, name="节日", source="国办") for day in off]
    return days + [CalendarDay(date(year, *day), working=True, name="调休上班", source="国办") for day in worked]
