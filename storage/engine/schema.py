"""The tables of records: each by the kind of its rows, and the statements that read and write one row of it."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Delete, Select, Table, Update, and_, bindparam, delete, insert, select, update

Query = Select[*tuple[Any, ...]]

LOCKED = "locked"
"""In a table's `info`: its rows are read in order to change them, and locked where several write side by side."""
REFERENCE = "reference"
"""In a table's `info`: all of its rows are kept in memory (reference.py)."""
_GROWING = ("version", "history_length", "offset")
"""Columns that only grow: a record is replaced only where they are still what was read."""


class Schema:
    """`table_of`: in the order in which rows can be inserted; what is referred to comes first."""

    def __init__(self, table_of: Mapping[type[Struct], Table]) -> None:
        self.table_of = table_of
        self.keys = {kind: tuple(column.name for column in table.primary_key) for kind, table in table_of.items()}
        self.guards = {kind: tuple(name for name in _GROWING if name in table.c) for kind, table in table_of.items()}
        self.locked = self._flagged(LOCKED)
        self.reference = self._flagged(REFERENCE)
        self.read: dict[type[Struct], Query] = {}
        self.insert = {kind: insert(table) for kind, table in table_of.items()}
        self.remove: dict[type[Struct], Delete] = {}
        for kind, table in table_of.items():
            by_key = and_(*(table.c[name] == bindparam(name) for name in self.keys[kind]))
            self.read[kind] = select(table).where(by_key)
            self.remove[kind] = delete(table).where(by_key)

    def _flagged(self, flag: str) -> frozenset[type[Struct]]:
        return frozenset(kind for kind, table in self.table_of.items() if table.info.get(flag))

    def question(self, kind: type[Struct], key: Sequence[Any]) -> tuple[Query, dict[str, Any]]:
        """The query for a record by its key, and its parameters."""
        return self.read[kind], dict(zip(self.keys[kind], key, strict=True))

    def key_of(self, record: Struct) -> tuple[Any, ...]:
        return tuple(getattr(record, name) for name in self.keys[type(record)])


@cache
def replacing(schema: Schema, kind: type[Struct], names: tuple[str, ...]) -> Update:
    """Writes these columns of a row that is still what was read."""
    table = schema.table_of[kind]
    unchanged = (table.c[name] == bindparam(f"was_{name}") for name in (*schema.keys[kind], *schema.guards[kind]))
    return update(table).where(and_(*unchanged)).values({name: bindparam(name) for name in names})
