"""Reference data (rules, calendar, categories), cached in memory and reloaded when its change count has grown."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from msgspec import Struct
from sqlalchemy import Connection, select

from storage.engine.schema import Schema

R = TypeVar("R", bound=Struct)
T = TypeVar("T")

REFERENCE_SERIES = "reference"
"""The number series that counts changes of reference data; a process compares it to know whether to reload."""


class ReferenceData:
    """All rows of the tables flagged REFERENCE, loaded once, and values derived from them."""

    def __init__(self, connection: Connection, schema: Schema) -> None:
        self._records = {kind: _load_by_key(connection, schema, kind) for kind in schema.reference_kinds}
        self._made: dict[Callable[[ReferenceData], Any], Any] = {}

    def records_by_key(self, kind: type[R]) -> Mapping[Any, R]:
        """The records of one type by key, in key order."""
        return cast("Mapping[Any, R]", self._records[kind])

    def derive(self, make: "Callable[[ReferenceData], T]") -> T:
        """Returns `make(self)`, computed at the first call and cached."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]


def _load_by_key(connection: Connection, schema: Schema, kind: type[Struct]) -> dict[Any, Struct]:
    table = schema.table_of[kind]
    records = (kind(*row) for row in connection.execute(select(table).order_by(*table.primary_key)))
    return {schema.primary_key(record)[0]: record for record in records}
