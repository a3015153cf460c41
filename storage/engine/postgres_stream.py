"""A psycopg cursor that streams large results: rows are read while the server still produces the next ones."""

from collections.abc import Generator, Iterator
from itertools import chain, islice
from typing import Any, cast

from psycopg import Connection, Cursor, capabilities

_AT_ONCE = 500 if capabilities.has_stream_chunked() else 1
"""Rows per chunk, if this libpq supports chunked rows."""


class Streamed(Cursor[Any]):
    """A cursor for psycopg's server_cursor_factory that streams one statement from its first row to its last.

    With a server-side cursor, client and server wait for each other at every batch of rows. Here the server sends
    rows as it finds them, as far as the connection buffers them. A caller that stops early must also end the
    transaction, since closing the cursor cancels the statement.
    """

    def __init__(self, connection: Connection[Any], **_: Any) -> None:
        super().__init__(connection)
        self._sent: Generator[Any] | None = None
        self._coming: Iterator[Any] = iter(())

    def execute(self, query: Any, params: Any = None, **_: Any) -> "Streamed":
        self._sent = cast("Generator[Any]", self.stream(query, params, size=_AT_ONCE))
        first = next(self._sent, None)
        # a stream without rows does not describe its columns
        self._coming = iter(super().execute(query, params)) if first is None else chain([first], self._sent)
        return self

    def close(self) -> None:
        if self._sent is not None:
            self._sent.close()  # the connection is busy until the stream ends
        super().close()

    def fetchone(self) -> Any:
        return next(self._coming, None)

    def fetchmany(self, size: int = 0) -> list[Any]:
        return list(islice(self._coming, size))

    def fetchall(self) -> list[Any]:
        return list(self._coming)
