"""What the engine keeps without knowing it: handed in where the engine and the subjects are joined."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.sql import Executable

from storage.engine.reference import Reference
from storage.engine.schema import Schema

Consequence = Callable[
    [Connection, Mapping[type[Struct], Sequence[Any]], Iterable[tuple[Struct, Struct]], Reference], None
]
"""Writes what follows from records by kind that were inserted, and from (before, after) of those that were updated."""


class Contents(NamedTuple):
    """`repository`: a UnitOfWork with the questions of all subjects, made as one is.

    `consequences`: written with every change. `takes_over`: statements that a process that owns an SQLite file alone
    runs before its first write, since whoever wrote before is gone.
    """

    schema: Schema
    repository: Callable[..., Any]
    consequences: Sequence[Consequence] = ()
    takes_over: Sequence[Executable] = ()
