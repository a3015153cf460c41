"""Records the statements that Anxun sends to SQLite, so that the bare driver can repeat them."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Engine, event


class Statement(NamedTuple):
    sql: str
    parameters: Any
    many: bool


@contextmanager
def record_statements() -> Generator[list[Statement]]:
    """Records all statements of SQLite connections that are opened inside the block, as the driver gets them."""
    statements: list[Statement] = []

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
            statements.append(Statement(sql, parameters, many=False))
            return super().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:
            rows = list(parameters)
            statements.append(Statement(sql, rows, many=True))
            return super().executemany(sql, rows)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> sqlite3.Cursor:
            return super().cursor(Cursor)

        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
            return self.cursor().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:
            return self.cursor().executemany(sql, parameters)

    def use_recording_connection(_dialect: Any, _record: Any, _positional: Any, named: dict[str, Any]) -> None:
        named["factory"] = Connection

    event.listen(Engine, "do_connect", use_recording_connection)
    try:
        yield statements
    finally:
        event.remove(Engine, "do_connect", use_recording_connection)
