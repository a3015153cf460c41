"""The initial data of every office: the catalogue of hazard categories and the published working calendar."""

from msgspec import Struct

from inspections.change import Change
from inspections.office.categories import CATALOGUE
from storage.database import Database
from storage.office.published_calendar import PUBLISHED, published_days
from storage.repository import Repository


async def seed_office(database: Database) -> None:
    """Inserts missing initial data; existing data stays unchanged, because an office may have edited it."""
    await database.transact(lambda repository: Change(None, tuple(initial_records(repository))))


def initial_records(repository: Repository) -> list[Struct]:
    days = [day for year in PUBLISHED for day in published_days(year)]
    return [*(() if repository.categories() else CATALOGUE), *(() if repository.calendar.published else days)]
