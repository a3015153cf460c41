"""Reads and writes records on PostgreSQL through psycopg, and prefetches the reads of a whole group.

Round trips cost more than the reads, so a group has one query for each kind of read. For that each action first runs
against an almost empty repository, which records its queries; its Change is thrown away. A query that this run misses
is executed later as usual, and a query recorded in vain does no harm.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, cast

import psycopg
from msgspec import Struct
from sqlalchemy import ARRAY, BindParameter, Connection, Select, bindparam, func, literal_column, select, true
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.visitors import replacement_traverse

from storage.engine.definition import DatabaseDefinition
from storage.engine.group_commit import Action, NeedsOwnTransaction
from storage.engine.reference import ReferenceData
from storage.engine.rows import NO_PREFETCHED_ROWS, DriverRows, PrefetchedRows, R
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

    def run(self, sql: str, parameters: Sequence[Any]) -> Any:
        try:
            return self._driver.execute(sql, parameters)
        except psycopg.Error as error:
            raise self._as_core_error(sql, error) from error

    def run_batch(self, sql: str, parameters: Sequence[Sequence[Any]]) -> int:
        if len(parameters) == 1:
            return self.run(sql, parameters[0]).rowcount
        cursor = self._driver.cursor()
        try:
            cursor.executemany(sql, parameters)
        except psycopg.Error as error:
            raise self._as_core_error(sql, error) from error
        return cursor.rowcount

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

    def fetch_batch(self, query: Query, asked: Sequence[Mapping[str, Any]]) -> list[Sequence[Sequence[Any]]]:
        answers: list[list[Any]] = [[] for _ in asked]
        if asked:
            lists = {name: [each[name] for each in asked] for name in asked[0]}
            for number, *row in super().fetch(_batch_query(query), lists):
                answers[number - 1].append(row)
        return list(answers)


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

    def with_for_update(self, *_: Any, **__: Any) -> Any:
        raise NeedsOwnTransaction

    fetch_batch = records = execute = insert = remove = replace = with_for_update
