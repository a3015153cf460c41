"""The one way in and the one way out: `transact` writes, `read` reads. Which engine keeps it, the URL says."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from storage.engine.connections import postgres_module, sqlite_path
from storage.engine.contents import Contents
from storage.engine.sqlite import SqliteDatabase
from storage.photos.queries import FORGET_CLAIMS
from storage.repository import Action, Repository
from storage.schema import SCHEMA
from storage.statistics.deltas import count_changes
from storage.sync.change_log import record_changes

T = TypeVar("T")


class Database(Protocol):
    async def transact(self, action: Action[T]) -> T:
        """Runs `action` and commits what it returns; answers after the commit.

        It may run several times before one counts, so it has no effect but its Change.
        Raises what the action refuses with, or Unavailable where the store could not keep it. A caller that goes
        away in the middle changes nothing: the action is then kept whole, and nobody is told.
        """
        ...

    async def read(self, ask: Callable[[Repository], T]) -> T:
        """Answers from one snapshot, on a reading connection."""
        ...

    def ask(self, ask: Callable[[Repository], T]) -> T:
        """`read` for threads."""
        ...

    def damage(self) -> list[str]:
        """What the engine itself finds broken in its files, where it can tell."""
        ...

    async def close(self) -> None:
        """Finishes what was accepted and refuses the rest."""
        ...


CONTENTS = Contents(SCHEMA, Repository, (record_changes, count_changes), (FORGET_CLAIMS,))


def open_database(url: str) -> Database:
    """`url`: sqlite:///path or postgresql://…, already migrated. psycopg comes with the extra `[postgres]`."""
    if (path := sqlite_path(url)) is not None:
        return SqliteDatabase(path, CONTENTS)
    return postgres_module(url).PostgresDatabase(url, CONTENTS)
