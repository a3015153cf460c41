"""Maps record types to tables, and holds the statements that read and write one row."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from msgspec import Struct
from sqlalchemy import Delete, Select, Table, Update, and_, bindparam, delete, insert, select, update

Query = Select[*tuple[Any, ...]]

LOCKED = "locked"
"""A flag in a table's `info`: reads by key lock the row (FOR UPDATE) where several transactions write."""
CACHED = "cached"
"""A flag in a table's `info`: the writing process of SQLite keeps rows in memory that it has read by key (rows.py)."""
REFERENCE = "reference"
"""A flag in a table's `info`: all of its rows are cached in memory (reference.py)."""
_VERSION_COLUMNS = ("version", "history_length", "offset")
"""Columns that grow with every change: a row is updated only if they still have the value that was read."""


class Schema:
    """Tables by record type, in the order of insertion: a table comes after those it refers to."""

    def __init__(self, table_of: Mapping[type[Struct], Table]) -> None:
        self.table_of = table_of
        self.keys = {kind: tuple(column.name for column in table.primary_key) for kind, table in table_of.items()}
        self._read_key = {kind: _key_reader(names) for kind, names in self.keys.items()}
        self.guards = {
            kind: tuple(name for name in _VERSION_COLUMNS if name in table.c) for kind, table in table_of.items()
        }
        self.place_of = {kind: place for place, kind in enumerate(table_of)}
        self._with_parents: dict[tuple[type[Struct], ...], frozenset[type[Struct]]] = {}
        self.locked_kinds = self._kinds_with_flag(LOCKED)
        self.cached_kinds = self._kinds_with_flag(CACHED)
        self.reference_kinds = self._kinds_with_flag(REFERENCE)
        self.read: dict[type[Struct], Query] = {}
        self.insert = {kind: insert(table) for kind, table in table_of.items()}
        self.remove: dict[type[Struct], Delete] = {}
        for kind, table in table_of.items():
            by_key = and_(*(table.c[name] == bindparam(name) for name in self.keys[kind]))
            self.read[kind] = select(table).where(by_key)
            self.remove[kind] = delete(table).where(by_key)

    def with_parents(self, kinds: tuple[type[Struct], ...]) -> frozenset[type[Struct]]:
        """Returns these types, and all types whose rows theirs refer to by foreign keys."""
        if kinds not in self._with_parents:
            kind_of = {table: kind for kind, table in self.table_of.items()}
            found: set[type[Struct]] = set()
            waiting = list(kinds)
            while waiting:
                if (kind := waiting.pop()) not in found:
                    found.add(kind)
                    waiting += [kind_of[key.column.table] for key in self.table_of[kind].foreign_keys]
            self._with_parents[kinds] = frozenset(found)
        return self._with_parents[kinds]

    def _kinds_with_flag(self, flag: str) -> frozenset[type[Struct]]:
        return frozenset(kind for kind, table in self.table_of.items() if table.info.get(flag))

    def key_query(self, kind: type[Struct], key: Sequence[Any]) -> tuple[Query, dict[str, Any]]:
        """The query for a record by its primary key, and the parameters."""
        return self.read[kind], dict(zip(self.keys[kind], key, strict=True))

    def primary_key(self, record: Struct) -> tuple[Any, ...]:
        return self._read_key[type(record)](record)


def _key_reader(names: Sequence[str]) -> Callable[[Struct], tuple[Any, ...]]:
    read = attrgetter(*names)
    return read if len(names) > 1 else lambda record: (read(record),)


@cache
def update_statement(schema: Schema, kind: type[Struct], names: tuple[str, ...]) -> Update:
    """The UPDATE of some columns, guarded by the key and version columns that were read."""
    table = schema.table_of[kind]
    unchanged = (table.c[name] == bindparam(f"was_{name}") for name in (*schema.keys[kind], *schema.guards[kind]))
    return update(table).where(and_(*unchanged)).values({name: bindparam(name) for name in names})
