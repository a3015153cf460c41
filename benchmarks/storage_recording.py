"""What our code says to SQLite, word for word, so that the bare driver can be given the same to do."""

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
def recording() -> Generator[list[Statement]]:
    """Every statement of the SQLite connections that are opened inside, as it goes to the driver."""
    said: list[Statement] = []

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
            said.append(Statement(sql, parameters, many=False))
            return super().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:
            rows = list(parameters)
            said.append(Statement(sql, rows, many=True))
            return super().executemany(sql, rows)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> sqlite3.Cursor:
            return super().cursor(Cursor)

        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
            return self.cursor().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Any) -> sqlite3.Cursor:
            return self.cursor().executemany(sql, parameters)

    def connecting(_dialect: Any, _record: Any, _positional: Any, named: dict[str, Any]) -> None:
        named["factory"] = Connection

    event.listen(Engine, "do_connect", connecting)
    try:
        yield said
    finally:
        event.remove(Engine, "do_connect", connecting)
