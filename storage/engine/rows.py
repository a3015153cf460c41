"""Reads and writes records, through SQLAlchemy Core or, on SQLite, directly through the driver.

On SQLite a read by key takes the database five microseconds, and Core four times that. So Core compiles a statement
once, and the driver runs it with our column types applied. On PostgreSQL the network dominates, and Core's handling of
lost connections is needed.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar, cast
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy import Connection, Insert, Select, Update, Uuid
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.types import TypeEngine

from storage.engine.schema import Query, Schema, update_statement

R = TypeVar("R", bound=Struct)
PrefetchedRows = Mapping[tuple[Any, ...], Sequence[Sequence[Any]]]
"""Rows by a query and the values of its parameters; the rows may be empty."""
NO_PREFETCHED_ROWS: PrefetchedRows = MappingProxyType({})


class RowAccess(Protocol):
    """Reads and writes of single records over one connection."""

    def get(self, kind: type[R], key: Sequence[Any]) -> R | None: ...
    def with_for_update(self, query: Select[Any], *, skip: bool = False) -> Select[Any]:
        """Adds FOR UPDATE to a query if rows have to be locked. `skip`: leave out rows that others have locked."""
        ...

    def fetch(self, query: Query, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Executes a module-level query, whose compiled form is cached or whose rows were prefetched."""
        ...

    def records(self, kind: type[R], query: Select[Any]) -> list[R]:
        """Records of any query over all columns of their table."""
        ...

    def insert(self, records: Sequence[Struct]) -> None:
        """Inserts records of one type."""
        ...

    def remove(self, record: Struct) -> None: ...
    def replace(self, changes: Sequence[tuple[Struct, Struct]]) -> int:
        """Updates each (before, after) pair in order, only where the row still is what was read as `before`.

        Returns the number of updated rows; fewer than pairs means that a row was changed meanwhile.
        """
        ...


class CoreRows:
    """RowAccess through SQLAlchemy Core; rows that an action may change are read FOR UPDATE.

    `before_lock`: called before rows are locked; None in a read-only transaction, which locks nothing.
    `prefetched`: rows that need not be queried again.
    """

    def __init__(
        self,
        connection: Connection,
        schema: Schema,
        before_lock: Callable[[], None] | None = None,
        prefetched: PrefetchedRows = NO_PREFETCHED_ROWS,
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._before_lock = before_lock
        self._prefetched = prefetched

    def get(self, kind: type[R], key: Sequence[Any]) -> R | None:
        query, parameters = self._schema.key_query(kind, key)
        rows = self.fetch(self.with_for_update(query) if kind in self._schema.locked_kinds else query, parameters)
        return kind(*rows[0]) if rows else None

    def with_for_update(self, query: Select[Any], *, skip: bool = False) -> Select[Any]:
        if self._before_lock is None:
            return query
        self._before_lock()
        return query.with_for_update(skip_locked=skip)

    def fetch(self, query: Query, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        rows = self._prefetched.get((query, *parameters.values()))
        return self._connection.execute(query, parameters).all() if rows is None else rows

    def records(self, kind: type[R], query: Select[Any]) -> list[R]:
        return [kind(*row) for row in self._connection.execute(query)]

    def insert(self, records: Sequence[Struct]) -> None:
        self._connection.execute(self._schema.insert[type(records[0])], [_values(record) for record in records])

    def remove(self, record: Struct) -> None:
        self._connection.execute(self._schema.remove[type(record)], _key_values(self._schema, record))

    def replace(self, changes: Sequence[tuple[Struct, Struct]]) -> int:
        written = 0
        for what, alike in groupby(changes, _changed_columns):
            guarded = [_replace_parameters(self._schema, *each) for each in alike]
            written += self._connection.execute(update_statement(self._schema, *what), guarded).rowcount
        return written


class SqliteRows:
    """RowAccess through the SQLite driver, over a connection in a transaction. Raises the driver's own errors."""

    def __init__(self, connection: Connection, schema: Schema) -> None:
        self._connection = connection
        self._schema = schema
        self._driver: Any = connection.connection.dbapi_connection

    def get(self, kind: type[R], key: Sequence[Any]) -> R | None:
        query, parameters = self._schema.key_query(kind, key)
        form = _select_statement(query)
        row = self._driver.execute(form.sql, form.bind_parameters(parameters)).fetchone()
        return kind(*form.convert_row(row)) if row else None

    def with_for_update(self, query: Select[Any], *, skip: bool = False) -> Select[Any]:  # noqa: ARG002  # there is one writer
        return query

    def fetch(self, query: Query, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        form = _select_statement(query)
        if form.expands:
            with self._connection.execute(query, parameters) as result:
                return [form.convert_row(row) for row in cast("Any", result.cursor)]
        return [form.convert_row(row) for row in self._driver.execute(form.sql, form.bind_parameters(parameters))]

    def records(self, kind: type[R], query: Select[Any]) -> list[R]:
        form = _select_statement(self._schema.read[kind])
        with self._connection.execute(query) as result:
            return [kind(*form.convert_row(row)) for row in cast("Any", result.cursor)]

    def insert(self, records: Sequence[Struct]) -> None:
        form = _insert_statement(self._schema, type(records[0]))
        self._driver.executemany(form.sql, [form.convert_row(astuple(record)) for record in records])

    def remove(self, record: Struct) -> None:
        self._connection.execute(self._schema.remove[type(record)], _key_values(self._schema, record))

    def replace(self, changes: Sequence[tuple[Struct, Struct]]) -> int:
        written = 0
        for what, alike in groupby(changes, _changed_columns):
            form = _replace_statement(self._schema, *what)
            guarded = [form.bind_parameters(_replace_parameters(self._schema, *each)) for each in alike]
            written += self._driver.executemany(form.sql, guarded).rowcount
        return written


def _values(record: Struct) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def _key_values(schema: Schema, record: Struct) -> dict[str, Any]:
    return {name: getattr(record, name) for name in schema.keys[type(record)]}


def _replace_parameters(schema: Schema, before: Struct, after: Struct) -> dict[str, Any]:
    names = (*schema.keys[type(after)], *schema.guards[type(after)])
    return _values(after) | {f"was_{name}": getattr(before, name) for name in names}


def _changed_columns(change: tuple[Struct, Struct]) -> tuple[type[Struct], tuple[str, ...]]:
    """The record type and the columns that differ; the last column if none do, so that the version is still checked.

    Only these are written. If an UPDATE names an unchanged column, SQLite rewrites its indexes; if it names the key,
    SQLite searches every table that refers to it.
    """
    before, after = change
    names = after.__struct_fields__
    return type(after), tuple(name for name in names if getattr(before, name) != getattr(after, name)) or names[-1:]


_DIALECT = SQLiteDialect_pysqlite()


class _CompiledStatement(NamedTuple):
    """A compiled statement for the SQLite driver, with its parameters in order and their converters.

    `fixed`: parameters whose value is part of the statement, such as a limit. `shapes`: converters by column position,
    for result rows or, in an INSERT, for the record. `expands`: a parameter is a list, so that Core has to execute it.
    """

    sql: str
    parameters: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    fixed: Mapping[str, Any]
    shapes: tuple[tuple[int, Callable[[Any], Any]], ...] = ()
    expands: bool = False

    def bind_parameters(self, values: Mapping[str, Any]) -> list[Any]:
        given = {**self.fixed, **values} if self.fixed else values
        return [
            value if (value := given[name]) is None or bind is None else bind(value) for name, bind in self.parameters
        ]

    def convert_row(self, row: Sequence[Any]) -> list[Any]:
        shaped = list(row)
        for at, shape in self.shapes:
            if (value := shaped[at]) is not None:
                shaped[at] = shape(value)
        return shaped


@cache
def _select_statement(query: Query) -> _CompiledStatement:
    shapes = ((at, _result_converter(column.type)) for at, column in enumerate(query.selected_columns))
    return _compile(query)._replace(shapes=tuple((at, shape) for at, shape in shapes if shape is not None))


@cache
def _insert_statement(schema: Schema, kind: type[Struct]) -> _CompiledStatement:
    """The INSERT of a record type, with parameters in the order of the record's fields."""
    form = _compile(schema.insert[kind], list(schema.table_of[kind].c.keys()))
    shapes = ((at, unshape) for at, (_, unshape) in enumerate(form.parameters))
    return form._replace(shapes=tuple((at, unshape) for at, unshape in shapes if unshape is not None))


@cache
def _replace_statement(schema: Schema, kind: type[Struct], names: tuple[str, ...]) -> _CompiledStatement:
    return _compile(update_statement(schema, kind, names))


def _compile(statement: Query | Insert | Update, keys: list[str] | None = None) -> _CompiledStatement:
    made: Any = statement.compile(dialect=_DIALECT, column_keys=keys)
    types = ((name, made.binds[name].type) for name in made.positiontup or ())
    fixed = {name: value for name, value in made.params.items() if value is not None}
    expands = any(bind.expanding for bind in made.binds.values())
    return _CompiledStatement(
        str(made), tuple((name, _bind_converter(kind)) for name, kind in types), fixed, expands=expands
    )


_parse_uuid = partial(msgspec.convert, type=UUID)
"""Parses 32 hex digits, in less than half the time of uuid.UUID."""


def _result_converter(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """The function that converts a stored SQLite value to a Python value, if one is needed."""
    if isinstance(kind, Uuid):
        return _parse_uuid
    return getattr(kind, "from_sqlite", None) or _sqlite_type(kind).result_processor(_DIALECT, None)


def _bind_converter(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """The function that converts a Python value to its stored SQLite value, if one is needed."""
    return getattr(kind, "to_sqlite", None) or _sqlite_type(kind).bind_processor(_DIALECT)


def _sqlite_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.dialect_impl(_DIALECT)
