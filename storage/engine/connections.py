"""Which engine a URL names: SQLite by default, PostgreSQL where it is asked for."""

import importlib.util
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType

from sqlalchemy import Engine, make_url

from storage.engine.failures import NotInstalled
from storage.engine.sqlite import owning, sqlite_engine


def writing_engine(url: str) -> Engine:
    """For migrations: an engine that may change the schema."""
    if (path := sqlite_path(url)) is not None:
        return sqlite_engine(path, writing=True)
    return postgres_module(url).postgres_engine(url)


def reading_engine(url: str) -> Engine:
    """For who reads much beside those who write, in another process."""
    if (path := sqlite_path(url)) is not None:
        return sqlite_engine(path, writing=False, cache_mib=8)
    return postgres_module(url).postgres_engine(url, reading=True)


def check_installed(url: str) -> None:
    """The embedded default does without psycopg. Raises NotInstalled where it is asked for and not there."""
    if sqlite_path(url) is None and importlib.util.find_spec("psycopg") is None:
        raise NotInstalled("PostgreSQL needs the extra `postgres`: pip install 'anxun[postgres]'")


def postgres_module(url: str) -> ModuleType:
    """The module for PostgreSQL, which needs its extra. Raises NotInstalled."""
    check_installed(url)
    from storage.engine import postgres  # noqa: PLC0415  # the embedded default does without psycopg

    return postgres


def owned(url: str) -> AbstractContextManager[None]:
    """The right to write: on SQLite of one process at a time (raises Locked), on PostgreSQL of any number."""
    path = sqlite_path(url)
    return nullcontext() if path is None else owning(path)


def sqlite_path(url: str) -> Path | None:
    """The file behind an SQLite URL, None behind any other."""
    made = make_url(url)
    return Path(made.database or "") if made.get_backend_name() == "sqlite" else None
