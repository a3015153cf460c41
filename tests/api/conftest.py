"""Fixtures that run the whole application in the test's process, on a copy of a freshly loaded demo office."""

import shutil
import signal
from contextlib import ExitStack
from dataclasses import replace

import pytest
from litestar.testing import TestClient

from api.accounts.sign_in.authentication import HASHER
from api.app import assemble_app, attach_context
from api.settings import Settings
from storage.process_limits import READING
from tests.builders import broker as brokers
from tests.builders.api import Api, Clock, prepare
from tests.builders.postgres import new_database
from tests.builders.waiting import PATIENCE


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords():
    """In this process: a thousand sign-ins in the time of thirty. Servers of their own hash as in production."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = {"time_cost": 1, "memory_cost": 8}
        patch.setattr(HASHER, "_parameters", replace(HASHER._parameters, **cheap))
        yield


@pytest.fixture(scope="session", autouse=True)
def _patient_file_reader():
    """Gives the process that reads a file more time: it has a low priority and is slow beside a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.http.file_reader.READING", READING._replace(seconds=PATIENCE))
        yield


@pytest.fixture(scope="session")
def demo_office(tmp_path_factory):
    """Load the demo office into a folder; return the folder and a token for each person."""
    folder = tmp_path_factory.mktemp("office")
    return folder, prepare(f"sqlite:///{folder}/anxun.db")


@pytest.fixture(scope="session")
def demo_database():
    """Load the demo office into a PostgreSQL database; yield its name and a token for each person."""
    with new_database() as url:
        yield url.rpartition("/")[2], prepare(url)


@pytest.fixture(scope="session")
def application():
    """Assemble the routes once, which takes a quarter of a second; each test attaches a context of its own."""
    return assemble_app(Settings())


@pytest.fixture
def api(request, tmp_path, clock, application):
    folder = tmp_path / "data"
    with ExitStack() as stack:
        if getattr(request, "param", "sqlite") == "sqlite":
            template, tokens = request.getfixturevalue("demo_office")
            shutil.copytree(template, folder)
            url = ""
        else:
            template, tokens = request.getfixturevalue("demo_database")
            url = stack.enter_context(new_database(template))
        settings = Settings(data=str(folder), database=url, tick_seconds=0.05)
        app = attach_context(application, settings, clock)
        client = stack.enter_context(TestClient(app, raise_server_exceptions=False))
        client.headers["X-Request-ID"] = "request-of-a-test"  # so that two answers can be equal
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
