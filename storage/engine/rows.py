"""Reads and writes records directly through the driver of the database.

SQLAlchemy Core compiles each statement once, and the driver runs it with our column types applied. A read by key takes
SQLite five microseconds and Core four times that; on PostgreSQL Core takes 200 of 300 microseconds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, lru_cache
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy import (
    BindParameter,
    Connection,
    Delete,
    Dialect,
    Insert,
    Select,
    TextClause,
    Update,
    bindparam,
    func,
)
from sqlalchemy.sql.visitors import replacement_traverse

from inspections.errors import Conflict
from storage.engine.columns import SQLITE, ValueList, bind_converter, result_converter
from storage.engine.schema import Query, Schema, update_statement

R = TypeVar("R", bound=Struct)
T = TypeVar("T")
Statement = Insert | Update | Delete | TextClause
PrefetchedRows = Mapping[tuple[Any, ...], Sequence[Sequence[Any]]]
"""Rows by a query and the values of its parameters; the rows may be empty."""
_ASKED = "asked"
ROW_CHANGED = "记录已被更新，请重试"
KNOWN_ROWS = 1024
"""How many converted rows are kept: some ten megabytes, where each is a hazard."""
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

    def fetch_batch(self, query: Query, asked: Sequence[Mapping[str, Any]]) -> list[Sequence[Sequence[Any]]]:
        """Executes a module-level query for each of the parameters, which have the same names; answers in order."""
        ...

    def fetch_records(self, make: Callable[..., T], query: Query, asked: Sequence[Mapping[str, Any]]) -> list[list[T]]:
        """Like `fetch_batch`, but with `make(*row)` for each row; the same object for a row that was read before."""
        ...

    def records(self, kind: type[R], query: Select[Any]) -> list[R]:
        """Records of any query over all columns of their table: the same objects for rows that were read before."""
        ...

    def execute(self, statement: Statement, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Executes a module-level statement that writes, once for each of the parameters, which have the same names."""
        ...

    def insert(self, records: Sequence[Struct]) -> None:
        """Inserts records of one type."""
        ...

    def remove(self, record: Struct) -> None: ...
    def replace(self, changes: Sequence[tuple[Struct, Struct]]) -> None:
        """Updates each (before, after) pair in order, only where the row still is what was read as `before`.

        Raises Conflict if a row was changed meanwhile; within `batch` at its end at the latest.
        """
        ...

    def batch(self) -> AbstractContextManager[None]:
        """A block of statements that write, which may be sent together. Errors are raised at its end at the latest."""
        ...


class DriverRows(ABC):
    """RowAccess through a driver: statements are compiled once, and column types convert the values."""

    def __init__(self, connection: Connection, schema: Schema, dialect: Dialect) -> None:
        self._connection = connection
        self._schema = schema
        self._dialect = dialect
        self._driver: Any = connection.connection.dbapi_connection

    @abstractmethod
    def run(self, sql: str, parameters: Sequence[Any]) -> Any:
        """Executes one statement and returns the driver's cursor."""

    @abstractmethod
    def run_batch(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Any:
        """Executes one statement for each of the parameters and returns the driver's cursor."""

    @abstractmethod
    def require_rows(self, cursor: Any, count: int) -> None:
        """Raises Conflict if a statement wrote fewer rows; within `batch` at its end at the latest."""

    @abstractmethod
    def execute_batch(self, query: Query, asked: Sequence[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        """Executes a query for each of the parameters and returns the driver's rows."""

    def get(self, kind: type[R], key: Sequence[Any]) -> R | None:
        rows = self.fetch(*self._schema.key_query(kind, key))
        return kind(*rows[0]) if rows else None

    def fetch(self, query: Query, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        form = select_statement(query, self._dialect)
        if form.expands:
            with self._connection.execute(query, parameters) as result:
                return [form.convert_row(row) for row in cast("Any", result.cursor).fetchall()]
        return [form.convert_row(row) for row in self.run(form.sql, form.bind_parameters(parameters)).fetchall()]

    def fetch_batch(self, query: Query, asked: Sequence[Mapping[str, Any]]) -> list[Sequence[Sequence[Any]]]:
        form = select_statement(query, self._dialect)
        return [[form.convert_row(row) for row in rows] for rows in self.execute_batch(query, asked)]

    def fetch_records(self, make: Callable[..., T], query: Query, asked: Sequence[Mapping[str, Any]]) -> list[list[T]]:
        found = self.execute_batch(query, asked)
        return [[_convert_row(make, query, self._dialect, row) for row in rows] for rows in found]

    def records(self, kind: type[R], query: Select[Any]) -> list[R]:
        read, dialect = self._schema.read[kind], self._dialect
        with self._connection.execute(query) as result:
            return [_convert_row(kind, read, dialect, row) for row in cast("Any", result.cursor).fetchall()]

    def execute(self, statement: Statement, parameters: Sequence[Mapping[str, Any]]) -> None:
        form = _write_statement(statement, tuple(parameters[0]), self._dialect)
        self.run_batch(form.sql, [form.bind_parameters(each) for each in parameters])

    def insert(self, records: Sequence[Struct]) -> None:
        form = insert_statement(self._schema, type(records[0]), self._dialect)
        self.run_batch(form.sql, [form.convert_row(astuple(record)) for record in records])

    def remove(self, record: Struct) -> None:
        key = {name: getattr(record, name) for name in self._schema.keys[type(record)]}
        self.execute(self._schema.remove[type(record)], [key])

    def replace(self, changes: Sequence[tuple[Struct, Struct]]) -> None:
        for what, alike in groupby(changes, _changed_columns):
            form = _replace_statement(self._schema, *what, self._dialect)
            guarded = [form.bind_parameters(_replace_parameters(self._schema, what[1], *each)) for each in alike]
            self.require_rows(self.run_batch(form.sql, guarded), len(guarded))


class RecordCache:
    """Stored records of CACHED tables by type and key, for the one process that writes them.

    A record is dropped when it is written, whether or not that is committed, and read again.
    """

    LIMIT = 4096

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._records: dict[tuple[type[Struct], tuple[Any, ...]], Struct] = {}

    def get(self, kind: type[R], key: Sequence[Any], read: Callable[[type[R], Sequence[Any]], R | None]) -> R | None:
        if kind not in self._schema.cached_kinds:
            return read(kind, key)
        place = kind, tuple(key)
        found = cast("R | None", self._records.get(place))
        if found is None and (found := read(kind, key)) is not None:
            if len(self._records) >= self.LIMIT:
                self._records.clear()
            self._records[place] = found
        return found

    def drop(self, records: Iterable[Struct]) -> None:
        for record in records:
            if type(record) in self._schema.cached_kinds:
                self._records.pop((type(record), self._schema.primary_key(record)), None)


class SqliteRows(DriverRows):
    """Rows of SQLite, over a connection in a transaction. Raises the driver's own errors.

    `cache`: only on the connection that writes, since another's snapshot may be older.
    """

    def __init__(self, connection: Connection, schema: Schema, cache: RecordCache | None = None) -> None:
        super().__init__(connection, schema, SQLITE)
        self._cache = cache

    def get(self, kind: type[R], key: Sequence[Any]) -> R | None:
        return super().get(kind, key) if self._cache is None else self._cache.get(kind, key, super().get)

    def remove(self, record: Struct) -> None:
        super().remove(record)
        if self._cache is not None:
            self._cache.drop((record,))

    def replace(self, changes: Sequence[tuple[Struct, Struct]]) -> None:
        if self._cache is not None:
            self._cache.drop(after for _, after in changes)
        super().replace(changes)

    def batch(self) -> AbstractContextManager[None]:
        return nullcontext()

    def run(self, sql: str, parameters: Sequence[Any]) -> Any:
        return self._driver.execute(sql, parameters)

    def run_batch(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Any:
        return self._driver.executemany(sql, parameters)

    def require_rows(self, cursor: Any, count: int) -> None:
        if cursor.rowcount != count:
            raise Conflict(ROW_CHANGED)

    def with_for_update(self, query: Select[Any], *, skip: bool = False) -> Select[Any]:  # noqa: ARG002  # there is one writer
        return query

    def execute_batch(self, query: Query, asked: Sequence[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        if len(asked) > 1 and (joined := _joined_query(query)) is not None:
            answers: list[list[Any]] = [[] for _ in asked]
            form = select_statement(joined, SQLITE)
            values = form.bind_parameters({_ASKED: [value for each in asked for value in each.values()]})
            for row in self._driver.execute(form.sql, values):
                answers[row[0]].append(row[1:])
            return answers
        form, execute = select_statement(query, SQLITE), self._driver.execute
        return [execute(form.sql, form.bind_parameters(each)).fetchall() for each in asked]


@cache
def _joined_query(query: Query) -> Query | None:
    """Turns a query into one that takes a list for its parameter. The first column of a row is the list index from 0.

    None for a query with a limit, which SQLite cannot apply to each item, and for one with several parameters.
    """
    form = query.compile(dialect=SQLITE)
    needed = [bind for bind in form.binds.values() if bind.required]
    if len(needed) != 1 or "LIMIT" in str(form):
        return None
    asked = func.json_each(bindparam(_ASKED, type_=ValueList(needed[0].type))).table_valued("key", "value")

    def replace_bind(element: Any, **_: Any) -> Any:
        return asked.c.value if isinstance(element, BindParameter) and element.required else None

    each = cast("Query", replacement_traverse(query, {}, replace_bind))
    return each.with_only_columns(asked.c.key, *each.selected_columns)


def _replace_parameters(schema: Schema, names: Sequence[str], before: Struct, after: Struct) -> dict[str, Any]:
    unchanged = (*schema.keys[type(after)], *schema.guards[type(after)])
    return {name: getattr(after, name) for name in names} | {f"was_{name}": getattr(before, name) for name in unchanged}


def changed_fields(before: Struct, after: Struct) -> tuple[str, ...]:
    """Returns the names of the fields whose values differ in two records of one type.

    Most values are the same object; comparing equal ids would take longer than all else here.
    """
    fields = zip(after.__struct_fields__, astuple(before), astuple(after), strict=True)
    return tuple(name for name, was, now in fields if was is not now and was != now)


def _changed_columns(change: tuple[Struct, Struct]) -> tuple[type[Struct], tuple[str, ...]]:
    """The record type and the columns that differ; the last column if none do, so that the version is still checked.

    Only these are written. If an UPDATE names an unchanged column, SQLite rewrites its indexes; if it names the key,
    SQLite searches every table that refers to it.
    """
    after = change[1]
    return type(after), changed_fields(*change) or after.__struct_fields__[-1:]


class _CompiledStatement(NamedTuple):
    """A compiled statement for a driver, with its parameters in order and their converters.

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


@lru_cache(KNOWN_ROWS)
def _convert_row(make: Callable[..., T], query: Query, dialect: Dialect, row: tuple[Any, ...]) -> T:
    """Returns `make` of a converted row of a query, which is kept: lists are read again, and few rows have changed."""
    return make(*select_statement(query, dialect).convert_row(row))


@cache
def select_statement(query: Query, dialect: Dialect) -> _CompiledStatement:
    """The compiled form of a query that is built once."""
    shapes = ((at, result_converter(column.type, dialect)) for at, column in enumerate(query.selected_columns))
    return _compile(query, dialect)._replace(shapes=tuple((at, shape) for at, shape in shapes if shape is not None))


@cache
def _write_statement(statement: Statement, names: tuple[str, ...], dialect: Dialect) -> _CompiledStatement:
    return _compile(statement, dialect, list(names))


@cache
def insert_statement(schema: Schema, kind: type[Struct], dialect: Dialect) -> _CompiledStatement:
    """The INSERT of a record type, with parameters in the order of the record's fields."""
    form = _compile(schema.insert[kind], dialect, list(schema.table_of[kind].c.keys()))
    shapes = ((at, unshape) for at, (_, unshape) in enumerate(form.parameters))
    return form._replace(shapes=tuple((at, unshape) for at, unshape in shapes if unshape is not None))


@cache
def _replace_statement(
    schema: Schema, kind: type[Struct], names: tuple[str, ...], dialect: Dialect
) -> _CompiledStatement:
    return _compile(update_statement(schema, kind, names), dialect)


def _compile(statement: Query | Statement, dialect: Dialect, keys: list[str] | None = None) -> _CompiledStatement:
    made: Any = statement.compile(dialect=dialect, column_keys=keys)
    types = ((name, made.binds[name].type) for name in made.positiontup or ())
    fixed = {name: value for name, value in made.params.items() if value is not None}
    expands = any(bind.expanding for bind in made.binds.values())
    return _CompiledStatement(
        str(made), tuple((name, bind_converter(kind, dialect)) for name, kind in types), fixed, expands=expands
    )
