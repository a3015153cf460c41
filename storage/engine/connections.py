"""Opens the engine that a database URL names: SQLite, or PostgreSQL with its optional driver."""

import importlib.util
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType

from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from inspections.errors import Unavailable
from storage.engine.failures import MissingDependency
from storage.engine.sqlite import sqlite_engine, write_lock


def writing_engine(url: str) -> Engine:
    """Opens an engine that may write and change the schema, for migrations and other maintenance."""
    if (path := sqlite_path(url)) is not None:
        return sqlite_engine(path, writing=True)
    return postgres_module(url).postgres_engine(url)


def reading_engine(url: str) -> Engine:
    """Opens a read-only engine for long reads in another process, beside the writers."""
    if (path := sqlite_path(url)) is not None:
        return sqlite_engine(path, writing=False, cache_mib=8)
    return postgres_module(url).postgres_engine(url, reading=True)


def analyze(url: str) -> None:
    """Renews the statistics of PostgreSQL's planner after many rows were written at once.

    Without them plans are made blindly until autovacuum comes, or for ever where it is off. SQLite plans by its indexes
    alone here: statistics that nobody renews would grow wrong. Raises Unavailable.
    """
    if sqlite_path(url) is not None:
        return
    engine = writing_engine(url)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("analyze"))
    except DBAPIError as error:
        raise Unavailable from error
    finally:
        engine.dispose()


def require_driver(url: str) -> None:
    """Checks that psycopg is installed if the URL names PostgreSQL. Raises MissingDependency."""
    if sqlite_path(url) is None and importlib.util.find_spec("psycopg") is None:
        raise MissingDependency("PostgreSQL needs the extra `postgres`: pip install 'anxun[postgres]'")


def postgres_module(url: str) -> ModuleType:
    """Imports the PostgreSQL module, which needs the extra `postgres`. Raises MissingDependency."""
    require_driver(url)
    from storage.engine import postgres  # noqa: PLC0415  # SQLite needs no psycopg

    return postgres


def write_access(url: str) -> AbstractContextManager[None]:
    """Holds the right to write: one process at a time on SQLite (raises DatabaseInUse), any number on PostgreSQL."""
    path = sqlite_path(url)
    return nullcontext() if path is None else write_lock(path)


def sqlite_path(url: str) -> Path | None:
    """The file that an SQLite URL names, or None for any other URL."""
    made = make_url(url)
    return Path(made.database or "") if made.get_backend_name() == "sqlite" else None
