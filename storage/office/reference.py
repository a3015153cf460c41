"""The office's calendar and rules, built from rows that are cached in memory."""

from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.office.rules import OFFICE, Rulebook, Rules
from storage.engine.reference import ReferenceData


def office_rules(reference: ReferenceData) -> Rules:
    book = reference.records_by_key(Rulebook).get(OFFICE)
    return book.rules if book else Rules()


def working_calendar(reference: ReferenceData) -> WorkingCalendar:
    days = {day.day: day.working for day in reference.records_by_key(CalendarDay).values()}
    # 1 January is off in every published year, so its row shows that the year is published.
    published = frozenset(day.year for day in days if day.timetuple().tm_yday == 1)
    return WorkingCalendar(days, published, reference.derive(office_rules).office_hours)
