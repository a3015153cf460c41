"""The office's calendar and rules, made of the rows that are kept in memory."""

from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.office.rules import OFFICE, Rulebook, Rules
from storage.engine.reference import Reference


def office_rules(reference: Reference) -> Rules:
    book = reference.all(Rulebook).get(OFFICE)
    return book.rules if book else Rules()


def working_calendar(reference: Reference) -> WorkingCalendar:
    days = {day.day: day.working for day in reference.all(CalendarDay).values()}
    # 1 January is off in every published year: its row says that the year is there.
    published = frozenset(day.year for day in days if day.timetuple().tm_yday == 1)
    return WorkingCalendar(days, published, reference.once(office_rules).office_hours)
