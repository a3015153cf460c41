"""The one way in and the one way out: `transact` writes, `read` reads. Which engine keeps it, the URL says."""

import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Protocol, TypeVar

from sqlalchemy import Engine, make_url

from storage.failures import Unready
from storage.register import Action, Register
from storage.sqlite import SqliteDatabase, owning, sqlite_engine

T = TypeVar("T")


class NotInstalled(Unready):
    """A setting asks for a part that is not installed; says which extra brings it."""


class Database(Protocol):
    async def transact(self, action: Action[T]) -> T:
        """Runs `action` and commits what it returns; answers after the commit.

        It may run several times before one counts, so it has no effect but its Change.
        Raises what the action refuses with, or Unavailable where the store could not keep it. A caller that goes
        away in the middle changes nothing: the action is then kept whole, and nobody is told.
        """
        ...

    async def read(self, ask: Callable[[Register], T]) -> T:
        """Answers from one snapshot, on a reading connection."""
        ...

    def ask(self, ask: Callable[[Register], T]) -> T:
        """`read` for threads."""
        ...

    def damage(self) -> list[str]:
        """What the engine itself finds broken in its files, where it can tell."""
        ...

    async def close(self) -> None:
        """Finishes what was accepted and refuses the rest."""
        ...


def open_database(url: str) -> Database:
    """`url`: sqlite:///path or postgresql://…, already migrated. psycopg comes with the extra `[postgres]`."""
    if (path := sqlite_path(url)) is not None:
        return SqliteDatabase(path)
    return _postgres(url).PostgresDatabase(url)


def writing_engine(url: str) -> Engine:
    """For migrations: an engine that may change the schema."""
    if (path := sqlite_path(url)) is not None:
        return sqlite_engine(path, writing=True)
    return _postgres(url).postgres_engine(url)


def reading_engine(url: str) -> Engine:
    """For who reads much beside those who write, in another process."""
    if (path := sqlite_path(url)) is not None:
        return sqlite_engine(path, writing=False, cache_mib=8)
    return _postgres(url).postgres_engine(url, reading=True)


def check_installed(url: str) -> None:
    """The embedded default does without psycopg. Raises NotInstalled where it is asked for and not there."""
    if sqlite_path(url) is None and importlib.util.find_spec("psycopg") is None:
        raise NotInstalled("PostgreSQL needs the extra `postgres`: pip install 'anxun[postgres]'")


def _postgres(url: str) -> ModuleType:
    check_installed(url)
    from storage import postgres  # noqa: PLC0415

    return postgres


def owned(url: str) -> AbstractContextManager[None]:
    """The right to write: on SQLite of one process at a time (raises Locked), on PostgreSQL of any number."""
    path = sqlite_path(url)
    return nullcontext() if path is None else owning(path)


def sqlite_path(url: str) -> Path | None:
    """The file behind an SQLite URL, None behind any other."""
    made = make_url(url)
    return Path(made.database or "") if made.get_backend_name() == "sqlite" else None
