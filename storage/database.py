"""The Database Protocol: `transact` writes and `read` reads. The URL names the engine, SQLite or PostgreSQL."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from storage.engine.connections import postgres_module, sqlite_path
from storage.engine.definition import DatabaseDefinition
from storage.engine.sqlite import SqliteDatabase
from storage.photos.queries import CLEAR_CLAIMS
from storage.repository import Action, Repository
from storage.schema import SCHEMA
from storage.statistics.deltas import append_count_deltas
from storage.sync.change_log import record_changes

T = TypeVar("T")


class Database(Protocol):
    async def transact(self, action: Action[T]) -> T:
        """Runs `action`, commits its Change, and then returns its answer.

        The action may run several times before a commit succeeds, so it must have no effect but its Change.
        Raises the refusal of the action, or Unavailable if the commit failed. Cancelling the caller does not stop the
        action: it is still committed as a whole.
        """
        ...

    async def read(self, query: Callable[[Repository], T]) -> T:
        """Runs `query` on one snapshot, over a reading connection."""
        ...

    async def read_row(self, query: Callable[[Repository], T]) -> T:
        """Like `read`, for a query of a few rows by key, which a database in this process answers on the event loop."""
        ...

    def read_sync(self, query: Callable[[Repository], T]) -> T:
        """Like `read`, but blocking; for threads without an event loop."""
        ...

    def integrity_errors(self) -> list[str]:
        """Damage that the engine detects in its own files, if it can check them."""
        ...

    async def close(self) -> None:
        """Finishes accepted actions, refuses new ones, and closes all connections."""
        ...


DEFINITION = DatabaseDefinition(SCHEMA, Repository, (record_changes, append_count_deltas), (CLEAR_CLAIMS,))


def open_database(url: str) -> Database:
    """Opens a migrated database: sqlite:///path, or postgresql://… with the extra `[postgres]`."""
    if (path := sqlite_path(url)) is not None:
        return SqliteDatabase(path, DEFINITION)
    return postgres_module(url).PostgresDatabase(url, DEFINITION)
