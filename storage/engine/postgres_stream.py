"""Many rows of PostgreSQL, read while the server finds those that follow."""

from collections.abc import Generator, Iterator
from itertools import chain, islice
from typing import Any, cast

from psycopg import Connection, Cursor, capabilities

_AT_ONCE = 500 if capabilities.has_stream_chunked() else 1
"""Rows that come together, where libpq can."""


class Streamed(Cursor[Any]):
    """A cursor of psycopg's server_cursor_factory: for one statement, that is read from its first row to its last.

    A cursor that the server holds is asked for some hundred rows at a time: one waits while the other is at work.
    This one is sent them as they are found, as far ahead as the connection holds. Who stops before the end has to end
    the transaction, too: the server is told to leave it.
    """

    def __init__(self, connection: Connection[Any], **_: Any) -> None:
        super().__init__(connection)
        self._sent: Generator[Any] | None = None
        self._coming: Iterator[Any] = iter(())

    def execute(self, query: Any, params: Any = None, **_: Any) -> "Streamed":
        self._sent = cast("Generator[Any]", self.stream(query, params, size=_AT_ONCE))
        first = next(self._sent, None)
        # a stream without rows does not say what columns it has
        self._coming = iter(super().execute(query, params)) if first is None else chain([first], self._sent)
        return self

    def close(self) -> None:
        if self._sent is not None:
            self._sent.close()  # nothing else can be asked while rows come
        super().close()

    def fetchone(self) -> Any:
        return next(self._coming, None)

    def fetchmany(self, size: int = 0) -> list[Any]:
        return list(islice(self._coming, size))

    def fetchall(self) -> list[Any]:
        return list(self._coming)
