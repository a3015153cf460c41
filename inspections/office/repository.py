"""The queries that actions of this subject need from a store."""

from typing import Protocol

from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.change import RecordRepository
from inspections.office.categories import Category
from inspections.office.rules import Rules


class OfficeRepository(RecordRepository, Protocol):
    """Queries for categories, rules and the calendar."""

    @property
    def calendar(self) -> WorkingCalendar: ...
    @property
    def rules(self) -> Rules: ...
    def calendar_days(self, year: int) -> list[CalendarDay]: ...
    def category(self, code: str) -> Category | None: ...
    def categories(self) -> list[Category]: ...
