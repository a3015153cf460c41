"""What every office begins with: the catalogue of hazards and the published working calendar."""

from msgspec import Struct

from inspections.categories import CATALOGUE
from inspections.register import Change
from storage.calendar import PUBLISHED, published_days
from storage.database import Database
from storage.register import Register


async def furnish(database: Database) -> None:
    """What is there already stays as it is: an office edits both."""
    await database.transact(lambda register: Change(None, tuple(beginnings(register))))


def beginnings(register: Register) -> list[Struct]:
    days = [day for year in PUBLISHED for day in published_days(year)]
    return [*(() if register.categories() else CATALOGUE), *(() if register.calendar.published else days)]
