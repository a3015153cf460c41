"""Prefetches the reads of a whole group in one query per kind of read, because round trips cost more than the reads.

Each action first runs against an almost empty repository, which records its queries; its Change is thrown away. A
query that this run misses is executed later as usual, and a query recorded in vain does no harm.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, cast

from msgspec import Struct
from sqlalchemy import ARRAY, BindParameter, Connection, bindparam, func, select, true
from sqlalchemy.sql.visitors import replacement_traverse

from storage.engine.definition import DatabaseDefinition
from storage.engine.group_commit import Action, NeedsOwnTransaction
from storage.engine.reference import ReferenceData
from storage.engine.rows import PrefetchedRows
from storage.engine.schema import Query, Schema


def prefetch(
    connection: Connection, contents: DatabaseDefinition, reference: ReferenceData, actions: Iterable[Action[Any]]
) -> PrefetchedRows:
    """Runs all actions against a recorder, then fetches the rows of the queries it recorded."""
    rehearsal = _QueryRecorder(contents.schema)
    repository = contents.repository(connection, contents, reference, rehearsal, _dummy_number)
    for action in actions:
        with suppress(Exception):  # the real run follows, and may raise the same
            action(repository)
    return {key: rows for asked in rehearsal.queries.items() for key, rows in _fetch_batch(connection, *asked).items()}


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

    records = insert = remove = replace = with_for_update


def _fetch_batch(connection: Connection, query: Query, asked: list[Mapping[str, Any]]) -> PrefetchedRows:
    answers: dict[int, list[Sequence[Any]]] = {number: [] for number, _ in enumerate(asked, 1)}
    lists = {name: [each[name] for each in asked] for name in asked[0]}
    for number, *row in connection.execute(_batch_query(query), lists):
        answers[number].append(row)
    return {(query, *each.values()): answers[number] for number, each in enumerate(asked, 1)}


@cache
def _batch_query(query: Query) -> Query:
    """Turns a query into one that takes a list for each parameter. The first column of a row is the list index from 1.

    The query is joined LATERAL, so that it runs for each index with its own limit and order.
    """
    types = {name: bind.type for name, bind in query.compile().binds.items() if bind.required}
    lists = (bindparam(name, type_=ARRAY(kind)) for name, kind in types.items())
    asked = func.unnest(*lists).table_valued(*types, with_ordinality="number").render_derived()

    def replace_bind(element: Any, **_: Any) -> Any:
        return asked.c[element.key] if isinstance(element, BindParameter) and element.required else None

    answer = cast("Query", replacement_traverse(query, {}, replace_bind)).lateral()
    return select(asked.c.number, *answer.c).select_from(asked.join(answer, true()))
