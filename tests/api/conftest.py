"""The whole application in the test's process, over a copy of a freshly loaded demo office."""

import shutil
import signal
from contextlib import ExitStack

import pytest
from litestar.testing import TestClient

from api.app import assembled, at_home
from api.settings import Settings
from tests.builders import broker as brokers
from tests.builders.api import Api, Clock, prepare
from tests.builders.postgres import new_database


@pytest.fixture(scope="session")
def loaded(tmp_path_factory):
    """A folder with the demo office in it, and a token for each of its people."""
    folder = tmp_path_factory.mktemp("office")
    return folder, prepare(f"sqlite:///{folder}/anxun.db")


@pytest.fixture(scope="session")
def loaded_postgres():
    """The name of a database with the demo office in it, and a token for each of its people."""
    with new_database() as url:
        yield url.rpartition("/")[2], prepare(url)


@pytest.fixture(scope="session")
def assembled_once():
    """Routes take a quarter of a second to put together; each test has a context of its own."""
    return assembled(Settings())


@pytest.fixture
def api(request, tmp_path, clock, assembled_once):
    folder = tmp_path / "data"
    with ExitStack() as stack:
        if getattr(request, "param", "sqlite") == "sqlite":
            template, tokens = request.getfixturevalue("loaded")
            shutil.copytree(template, folder)
            url = ""
        else:
            template, tokens = request.getfixturevalue("loaded_postgres")
            url = stack.enter_context(new_database(template))
        settings = Settings(data=str(folder), database=url, tick_seconds=0.05)
        app = at_home(assembled_once, settings, clock)
        client = stack.enter_context(TestClient(app, raise_server_exceptions=False))
        yield Api(client, clock, dict(tokens), folder)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def broker(tmp_path):
    made = brokers.Broker(tmp_path / "broker").start()
    yield made
    made.end(signal.SIGKILL)


@pytest.fixture
def publisher(broker):
    made = brokers.Publisher(broker.port)
    yield made
    made.stop()
