"""The initial data of every office: the catalogue of hazard categories, the working calendar, the checklists."""

from msgspec import Struct

from inspections.change import Change
from inspections.office.categories import CATALOGUE
from inspections.rounds.checklists import ChecklistState
from storage.database import Database
from storage.office.published_calendar import PUBLISHED, published_days
from storage.repository import Repository
from storage.rounds.starter_lists import starter_lists


async def seed_office(database: Database) -> None:
    """Inserts missing initial data; existing data stays unchanged, because an office may have edited it."""
    await database.transact(lambda repository: Change(None, tuple(initial_records(repository))))


def initial_records(repository: Repository) -> list[Struct]:
    days = [day for year in PUBLISHED for day in published_days(year)]
    return [
        *(() if repository.categories() else CATALOGUE),
        *(() if repository.calendar.published else days),
        *(() if repository.checklist_summaries(tuple(ChecklistState)) else starter_lists()),
    ]
