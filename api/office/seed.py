"""What every office begins with: the catalogue of hazards and the published working calendar."""

from msgspec import Struct

from inspections.change import Change
from inspections.office.categories import CATALOGUE
from storage.database import Database
from storage.office.published_calendar import PUBLISHED, published_days
from storage.repository import Repository


async def furnish(database: Database) -> None:
    """What is there already stays as it is: an office edits both."""
    await database.transact(lambda repository: Change(None, tuple(beginnings(repository))))


def beginnings(repository: Repository) -> list[Struct]:
    days = [day for year in PUBLISHED for day in published_days(year)]
    return [*(() if repository.categories() else CATALOGUE), *(() if repository.calendar.published else days)]
