"""The queries of the domain for this subject, over one connection."""

from datetime import date

from sqlalchemy import select

from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.office.categories import Category
from inspections.office.rules import Rules
from storage.engine.unit_of_work import UnitOfWork
from storage.office.reference import office_rules, working_calendar
from storage.office.tables import calendar_days


class OfficeRepository(UnitOfWork):
    """Queries for categories, rules and the calendar; all but `calendar_days` are answered from memory."""

    @property
    def calendar(self) -> WorkingCalendar:
        return self._reference.derive(working_calendar)

    @property
    def rules(self) -> Rules:
        return self._reference.derive(office_rules)

    def calendar_days(self, year: int) -> list[CalendarDay]:
        days = calendar_days.c.day
        return self.select(
            CalendarDay,
            select(calendar_days).where(days.between(date(year, 1, 1), date(year, 12, 31))).order_by(days),
        )

    def category(self, code: str) -> Category | None:
        return self._reference.records_by_key(Category).get(code)

    def categories(self) -> list[Category]:
        return list(self._reference.records_by_key(Category).values())
