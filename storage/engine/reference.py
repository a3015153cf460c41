"""What every action needs and hardly anybody changes: kept in memory, read again when its count has grown."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from msgspec import Struct
from sqlalchemy import Connection, select

from storage.engine.schema import Schema

R = TypeVar("R", bound=Struct)
T = TypeVar("T")

CHANGES = "reference"
"""The series that counts the changes of the reference: one look at it tells a process whether to read it again."""


class Reference:
    """The rows of all tables that are flagged REFERENCE, read once, and what was made of them."""

    def __init__(self, connection: Connection, schema: Schema) -> None:
        self._records = {kind: _by_key(connection, schema, kind) for kind in schema.reference}
        self._made: dict[Callable[[Reference], Any], Any] = {}

    def all(self, kind: type[R]) -> Mapping[Any, R]:
        """By key, in its order."""
        return cast("Mapping[Any, R]", self._records[kind])

    def once(self, make: "Callable[[Reference], T]") -> T:
        """What `make` makes of the reference: made when it is first asked for, and then kept."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]


def _by_key(connection: Connection, schema: Schema, kind: type[Struct]) -> dict[Any, Struct]:
    table = schema.table_of[kind]
    records = (kind(*row) for row in connection.execute(select(table).order_by(*table.primary_key)))
    return {schema.key_of(record)[0]: record for record in records}
