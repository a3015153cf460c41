"""What every action needs and hardly anybody changes: kept in memory, read again when its count has grown."""

from typing import TypeVar

from msgspec import Struct
from sqlalchemy import Connection, select

from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.categories import Category
from inspections.dispatch import DispatchRule
from inspections.places import Community, Street
from inspections.rules import OFFICE, Rulebook, Rules
from storage.tables import TABLE_OF

R = TypeVar("R", bound=Struct)

KINDS = (Street, Community, Category, CalendarDay, Rulebook, DispatchRule)
REFERENCE = "reference"
"""The series that counts the changes of the reference: one look at it tells a process whether to read it again."""


class Reference:
    """What every action needs and hardly anybody changes, read once: places, catalogue, rules, working calendar."""

    def __init__(self, connection: Connection) -> None:
        self.streets = {street.code: street for street in _all(connection, Street)}
        self.communities = {community.code: community for community in _all(connection, Community)}
        self.categories = {category.code: category for category in _all(connection, Category)}
        self.rules = next((book.rules for book in _all(connection, Rulebook) if book.name == OFFICE), Rules())
        self.dispatch_rules = [rule for rule in _all(connection, DispatchRule) if rule.active]
        days = {day.day: day.working for day in _all(connection, CalendarDay)}
        # 1 January is off in every published year: its row says that the year is there.
        published = frozenset(day.year for day in days if day.timetuple().tm_yday == 1)
        self.calendar = WorkingCalendar(days, published, self.rules.office_hours)


def _all(connection: Connection, kind: type[R]) -> list[R]:
    return [kind(*row) for row in connection.execute(select(TABLE_OF[kind]).order_by(*TABLE_OF[kind].primary_key))]
