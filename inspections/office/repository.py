"""What actions of this subject may ask of a store."""

from typing import Protocol

from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.change import RecordRepository
from inspections.office.categories import Category
from inspections.office.rules import Rules


class OfficeRepository(RecordRepository, Protocol):
    """Categories, deadlines and the calendar."""

    @property
    def calendar(self) -> WorkingCalendar: ...
    @property
    def rules(self) -> Rules: ...
    def calendar_days(self, year: int) -> list[CalendarDay]: ...
    def category(self, code: str) -> Category | None: ...
    def categories(self) -> list[Category]: ...
