"""Reads and writes records on PostgreSQL through psycopg, and prefetches the reads of a whole group.

New rows are sent as JSON, and writes in pipeline mode (docs/decisions/0049-rows-as-json.md).

Round trips cost more than the reads, so a group has one query for each kind of read. For that each action first runs
against an almost empty repository, which records its queries; its Change is thrown away. A query that this run misses
is executed later as usual, and a query recorded in vain does no harm.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple, cast

import msgspec
import psycopg
from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy import ARRAY, BindParameter, Connection, Select, bindparam, func, literal_column, select, true
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.visitors import replacement_traverse

from inspections.errors import Conflict
from storage.engine.columns import Bits64
from storage.engine.definition import DatabaseDefinition
from storage.engine.group_commit import Action, NeedsOwnTransaction
from storage.engine.reference import ReferenceData
from storage.engine.rows import (
    NO_PREFETCHED_ROWS,
    ROW_CHANGED,
    DriverRows,
    PrefetchedRows,
    R,
    T,
    insert_statement,
    select_statement,
)
from storage.engine.schema import Query, Schema

_POSTGRES = PGDialect_psycopg(paramstyle="format")


class PostgresRows(DriverRows):
    """Rows of PostgreSQL; those that an action may change are read FOR UPDATE. Raises SQLAlchemy's errors.

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
        super().__init__(connection, schema, _POSTGRES)
        self._before_lock = before_lock
        self._prefetched = prefetched
        self._required: list[tuple[Any, int]] = []

    def run(self, sql: str, parameters: Sequence[Any]) -> Any:
        try:
            return self._driver.execute(sql, parameters)
        except psycopg.Error as error:
            raise self._as_core_error(sql, error) from error

    def run_batch(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Any:
        if len(parameters) == 1:
            return self.run(sql, parameters[0])
        cursor = self._driver.cursor()
        try:
            cursor.executemany(sql, parameters)
        except psycopg.Error as error:
            raise self._as_core_error(sql, error) from error
        return cursor

    def insert(self, records: Sequence[Struct]) -> None:
        form = _insert_statement(self._schema, type(records[0]))
        self.run(form.sql, [form.encode(records).decode()])

    @contextmanager
    def batch(self) -> Generator[None]:
        """A block of statements that write. They are sent in pipeline mode, without waiting for each other's result."""
        try:
            with self._driver.pipeline():
                yield
        except psycopg.Error as error:
            raise self._as_core_error("pipeline", error) from error
        required, self._required = self._required, []
        for cursor, count in required:
            if cursor.rowcount != count:
                raise Conflict(ROW_CHANGED)

    def require_rows(self, cursor: Any, count: int) -> None:
        self._required.append((cursor, count))

    def _as_core_error(self, sql: str, error: psycopg.Error) -> BaseException:
        """The error that SQLAlchemy raises for it; a lost connection leaves the pool."""
        lost = bool(self._driver.closed)
        if lost:
            self._connection.invalidate(error)
        return DBAPIError.instance(
            sql, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost, dialect=_POSTGRES
        )

    def get(self, kind: type[R], key: Sequence[Any]) -> R | None:
        query, parameters = self._schema.key_query(kind, key)
        rows = self.fetch(self.with_for_update(query) if kind in self._schema.locked_kinds else query, parameters)
        return kind(*rows[0]) if rows else None

    def with_for_update(self, query: Select[Any], *, skip: bool = False) -> Select[Any]:
        if self._before_lock is None:
            return query
        self._before_lock()
        return _lock_rows(query, skip=skip)

    def fetch(self, query: Query, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        rows = self._prefetched.get((query, *parameters.values()))
        return super().fetch(query, parameters) if rows is None else rows

    def fetch_records(self, make: Callable[..., T], query: Query, asked: Sequence[Mapping[str, Any]]) -> list[list[T]]:
        known = [self._prefetched.get((query, *each.values())) for each in asked]
        if None in known:
            return super().fetch_records(make, query, asked)
        return [[make(*row) for row in rows or ()] for rows in known]

    def execute_batch(self, query: Query, asked: Sequence[Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        answers: list[list[Any]] = [[] for _ in asked]
        if asked:
            form = select_statement(_batch_query(query), _POSTGRES)
            lists = {name: [each[name] for each in asked] for name in asked[0]}
            rows: list[tuple[Any, ...]] = self.run(form.sql, form.bind_parameters(lists)).fetchall()
            for row in rows:
                answers[row[0] - 1].append(row[1:])
        return answers


class _InsertStatement(NamedTuple):
    """An INSERT that takes all its rows as one parameter, a JSON array of objects, and the encoder of this array."""

    sql: str
    encode: Callable[[Sequence[Struct]], bytes]


@cache
def _insert_statement(schema: Schema, kind: type[Struct]) -> _InsertStatement:
    """The INSERT of a record type. JSON is encoded at once; sixty parameters of each row would be converted singly.

    In a text column `json_populate_recordset` stores an object or array as it stands, so a value of a Json column needs
    no conversion. https://www.postgresql.org/docs/current/functions-json.html
    """
    table = schema.table_of[kind]
    names = table.c.keys()
    columns = ", ".join(f'"{name}"' for name in names)
    rows = f"json_populate_recordset(null::{table.name}, %s)"
    sql = f"insert into {table.name} ({columns}) select {columns} from {rows}"  # noqa: S608  # names of our own tables
    if not any(isinstance(column.type, Bits64) for column in table.c):
        return _InsertStatement(sql, msgspec.json.encode)
    form = insert_statement(schema, kind, _POSTGRES)  # a signed integer takes the place of each unsigned one

    def encode(records: Sequence[Struct]) -> bytes:
        return msgspec.json.encode([dict(zip(names, form.convert_row(astuple(each)), strict=True)) for each in records])

    return _InsertStatement(sql, encode)


@cache
def _lock_rows(query: Select[Any], *, skip: bool) -> Select[Any]:
    """The query with FOR UPDATE, made once, so that it is compiled once. All locking queries are module-level."""
    return query.with_for_update(skip_locked=skip)


@cache
def _batch_query(query: Query) -> Query:
    """Turns a query into one that takes a list for each parameter. The first column of a row is the list index from 1.

    The query is joined LATERAL, so that it runs for each index with its own limit and order. OFFSET 0 keeps PostgreSQL
    from merging it into the join, where it would read whole tables if it has no statistics.
    """
    types = {name: bind.type for name, bind in query.compile().binds.items() if bind.required}
    lists = (bindparam(name, type_=ARRAY(kind)) for name, kind in types.items())
    asked = func.unnest(*lists).table_valued(*types, with_ordinality="number").render_derived()

    def replace_bind(element: Any, **_: Any) -> Any:
        return asked.c[element.key] if isinstance(element, BindParameter) and element.required else None

    each = query.offset(literal_column("0"))
    answer = cast("Query", replacement_traverse(each, {}, replace_bind)).lateral()
    return select(asked.c.number, *answer.c).select_from(asked.join(answer, true()))


def prefetch(
    connection: Connection, contents: DatabaseDefinition, reference: ReferenceData, actions: Iterable[Action[Any]]
) -> PrefetchedRows:
    """Runs all actions against a recorder, then fetches the rows of the queries it recorded."""
    rehearsal = _QueryRecorder(contents.schema)
    repository = contents.repository(connection, contents, reference, rehearsal, _dummy_number)
    for action in actions:
        with suppress(Exception):  # the real run follows, and may raise the same
            action(repository)
    rows = PostgresRows(connection, contents.schema)
    return {
        (query, *each.values()): found
        for query, asked in rehearsal.queries.items()
        for each, found in zip(asked, rows.fetch_batch(query, asked), strict=True)
    }


def _dummy_number(_: str) -> int:
    return 0


class _QueryRecorder:
    """A RowAccess that finds no rows and records all queries. A read that locks is not prefetched."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.queries: dict[Query, list[Mapping[str, Any]]] = {}

    def get(self, kind: type[Struct], key: Sequence[Any]) -> None:
        if kind in self._schema.locked_kinds:
            raise NeedsOwnTransaction
        self.fetch(*self._schema.key_query(kind, key))

    def fetch(self, query: Query, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        self.queries.setdefault(query, []).append(parameters)
        return ()

    def fetch_records(self, _: Any, query: Query, asked: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        self.queries.setdefault(query, []).extend(asked)
        return [[] for _ in asked]

    def with_for_update(self, *_: Any, **__: Any) -> Any:
        raise NeedsOwnTransaction

    fetch_batch = records = execute = insert = remove = replace = with_for_update
