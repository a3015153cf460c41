"""The tables, repository class and hooks that a database is built with; the engine itself knows no subject."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy.sql import Executable

from storage.engine.reference import ReferenceData
from storage.engine.rows import RowAccess
from storage.engine.schema import Schema

ChangeHook = Callable[
    [RowAccess, Mapping[type[Struct], Sequence[Any]], Iterable[tuple[Struct, Struct]], ReferenceData], None
]
"""Writes rows derived from a change; gets the inserted records by type and the updated (before, after) pairs."""


class DatabaseDefinition(NamedTuple):
    """A database's tables, repository and hooks. `repository`: a UnitOfWork with the queries of all subjects.

    `change_hooks`: run with every change, in its transaction. `startup_statements`: run by the process that holds the
    write lock of an SQLite file before its first write, for example to release claims of the previous process.
    """

    schema: Schema
    repository: Callable[..., Any]
    change_hooks: Sequence[ChangeHook] = ()
    startup_statements: Sequence[Executable] = ()
