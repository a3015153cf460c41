"""A migrated database in a folder of its own, with the small office of the pure tests in it."""

import asyncio

import pytest

from inspections.categories import CATALOGUE
from inspections.places import Street
from inspections.register import Change
from storage.database import Database
from storage.migration import migrate
from tests.inspections.office import HERE, THERE, chen, li, qian, sun, wang, zhao, zhou


@pytest.fixture
def path(tmp_path):
    migrate(tmp_path / "anxun.db")
    return tmp_path / "anxun.db"


@pytest.fixture
def database(path):
    database = Database(path)
    street = Street(HERE.street, "新嘉街道", "XJ")
    office = (street, HERE, THERE, *CATALOGUE, wang, li, zhao, sun, chen, zhou, qian)
    asyncio.run(database.transact(lambda _: Change(None, office)))
    yield database
    asyncio.run(database.close())


class Desk:
    """Acts on a database one action after another, as the pure tests act on their office."""

    def __init__(self, database):
        self.database = database

    def do(self, action, *facts, **more):
        return asyncio.run(self.database.transact(lambda register: action(register, *facts, **more)))

    def hazard(self, hazard_id):
        return self.database.ask(lambda register: register.hazard(hazard_id))

    def history(self, hazard_id):
        return self.database.ask(lambda register: register.history(hazard_id))


@pytest.fixture
def desk(database):
    return Desk(database)
