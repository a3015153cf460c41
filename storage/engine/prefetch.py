"""What the members of a group will read, asked for all of them at once: a round trip for each costs more than they do.

Who reads what is found out in a rehearsal: each action runs against a repository in which hardly anything is there, its
questions are noted and its Change is thrown away. What a rehearsal misses is asked in earnest; what it asks in vain
does no harm.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, cast

from msgspec import Struct
from sqlalchemy import ARRAY, BindParameter, Connection, bindparam, func, select, true
from sqlalchemy.sql.visitors import replacement_traverse

from storage.engine.contents import Contents
from storage.engine.group_commit import Action, Alone
from storage.engine.reference import Reference
from storage.engine.rows import Foreseen
from storage.engine.schema import Query, Schema


def foreseen(
    connection: Connection, contents: Contents, reference: Reference, actions: Iterable[Action[Any]]
) -> Foreseen:
    """The answers to what the actions will ask by queries that are made once for the whole program."""
    rehearsal = _Rehearsal(contents.schema)
    repository = contents.repository(connection, contents, reference, rehearsal, _no_number)
    for action in actions:
        with suppress(Exception):  # it runs in earnest afterwards, and fails or refuses there if it must
            action(repository)
    return {key: rows for asked in rehearsal.asked.items() for key, rows in _answers(connection, *asked).items()}


def _no_number(_: str) -> int:
    return 0


class _Rehearsal:
    """Rows that finds nothing, and notes what it was asked, by query. Whoever locks a row reads it afresh."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.asked: dict[Query, list[Mapping[str, Any]]] = {}

    def by_key(self, kind: type[Struct], key: Sequence[Any]) -> None:
        if kind in self._schema.locked:
            raise Alone
        self.found(*self._schema.question(kind, key))

    def found(self, query: Query, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        self.asked.setdefault(query, []).append(parameters)
        return ()

    def locked(self, *_: Any, **__: Any) -> Any:
        raise Alone

    records = insert = remove = replace = locked


def _answers(connection: Connection, query: Query, asked: list[Mapping[str, Any]]) -> Foreseen:
    answers: dict[int, list[Sequence[Any]]] = {number: [] for number, _ in enumerate(asked, 1)}
    lists = {name: [each[name] for each in asked] for name in asked[0]}
    for number, *row in connection.execute(_for_all(query), lists):
        answers[number].append(row)
    return {(query, *each.values()): answers[number] for number, each in enumerate(asked, 1)}


@cache
def _for_all(query: Query) -> Query:
    """The query for lists of parameters. Before each row stands the number of those it answers, counted from one.

    A query with a limit is run for each of them in turn, which leaves the rows of one answer in their order.
    """
    types = {name: bind.type for name, bind in query.compile().binds.items() if bind.required}
    lists = (bindparam(name, type_=ARRAY(kind)) for name, kind in types.items())
    asked = func.unnest(*lists).table_valued(*types, with_ordinality="number").render_derived()

    def of_a_list(element: Any, **_: Any) -> Any:
        return asked.c[element.key] if isinstance(element, BindParameter) and element.required else None

    answer = cast("Query", replacement_traverse(query, {}, of_a_list)).lateral()
    return select(asked.c.number, *answer.c).select_from(asked.join(answer, true()))
