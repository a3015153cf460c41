"""Provides a migrated database of each kind, with the small office of the pure tests in it.

tests/builders/postgres.py chooses the PostgreSQL server.
"""

import asyncio
import shutil

import pytest

from inspections.change import Change
from inspections.office.categories import CATALOGUE
from inspections.places.communities import Street
from storage.database import open_database
from storage.migration import migrate
from tests.builders.office import HERE, THERE, chen, li, ma, qian, sun, wang, zhao, zhou
from tests.builders.postgres import new_database


@pytest.fixture(scope="session")
def postgres_template():
    """Yields the name of a migrated database that others are copied from."""
    with new_database() as url:
        migrate(url)
        yield url.rpartition("/")[2]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """The file of a migrated database, the same."""
    path = tmp_path_factory.mktemp("migrated") / "anxun.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Yields the URL of a migrated, empty database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path)
        yield f"sqlite:///{tmp_path}/anxun.db"
        return
    with new_database(request.getfixturevalue("postgres_template")) as made:
        yield made


@pytest.fixture
def database(url):
    database = open_database(url)
    street = Street(HERE.street, "新嘉街道", "XJ")
    office = (street, HERE, THERE, *CATALOGUE, wang, li, zhao, sun, ma, chen, zhou, qian)
    asyncio.run(database.transact(lambda _: Change(None, office)))
    yield database
    asyncio.run(database.close())


class Desk:
    """Acts on a database one action after another, as the pure tests act on their office."""

    def __init__(self, database):
        self.database = database

    def do(self, action, *facts, **more):
        return asyncio.run(self.database.transact(lambda repository: action(repository, *facts, **more)))

    def hazard(self, hazard_id):
        return self.database.read_sync(lambda repository: repository.hazard(hazard_id))

    def history(self, hazard_id):
        return self.database.read_sync(lambda repository: repository.history(hazard_id))


@pytest.fixture
def desk(database):
    return Desk(database)
