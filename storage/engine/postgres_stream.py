"""A psycopg cursor that streams large results: rows are read while the server still produces the next ones."""

from collections.abc import Generator, Iterator
from itertools import chain, islice
from typing import Any, cast

from psycopg import Connection, Cursor, capabilities

_CHUNK_ROWS = 500 if capabilities.has_stream_chunked() else 1
"""Rows per chunk, if this libpq supports chunked rows."""


class StreamingCursor(Cursor[Any]):
    """A cursor for psycopg's server_cursor_factory that streams one statement from its first row to its last.

    With a server-side cursor, client and server wait for each other at every batch of rows. Here the server sends
    rows as it finds them, as far as the connection buffers them. A caller that stops early must also end the
    transaction, since closing the cursor cancels the statement.
    """

    def __init__(self, connection: Connection[Any], **_: Any) -> None:
        super().__init__(connection)
        self._stream: Generator[Any] | None = None
        self._coming: Iterator[Any] = iter(())

    def execute(self, query: Any, params: Any = None, **_: Any) -> "StreamingCursor":
        self._stream = cast("Generator[Any]", self.stream(query, params, size=_CHUNK_ROWS))
        first = next(self._stream, None)
        # a stream without rows does not describe its columns
        self._coming = iter(super().execute(query, params)) if first is None else chain([first], self._stream)
        return self

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()  # the connection is busy until the stream ends
        super().close()

    def fetchone(self) -> Any:
        return next(self._coming, None)

    def fetchmany(self, size: int = 0) -> list[Any]:
        return list(islice(self._coming, size))

    def fetchall(self) -> list[Any]:
        return list(self._coming)
