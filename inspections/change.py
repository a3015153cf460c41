"""The return type of actions, and the repository that all actions share."""

from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

T_co = TypeVar("T_co", covariant=True)


class Change(Struct, Generic[T_co], frozen=True):
    """The decision of an action: an answer, records to insert, (before, after) pairs to update, records to delete.

    The store writes all of it in one transaction. An update fails if the record is not the version that was read.
    Records of hazards are never deleted.
    """

    answer: T_co
    new: tuple[Struct, ...] = ()
    changed: tuple[tuple[Struct, Struct], ...] = ()
    removed: tuple[Struct, ...] = ()


R = TypeVar("R", bound=Struct)


class RecordRepository(Protocol):
    """Records by their keys, and ids, salts and numbers for new ones. Reads in a write transaction are repeatable."""

    def get(self, kind: type[R], *key: Any) -> R | None:
        """Reads the stored record in order to change it; cached reference data may be seconds older."""
        ...

    def new_id(self) -> UUID:
        """A new UUIDv7 for a record that the server creates."""
        ...

    def new_salt(self) -> str:
        """Sixteen cryptographically random bytes in hex."""
        ...

    def next_number(self, series: str) -> int:
        """The next human-readable number of a series such as `XJ-2026`. It is unique; gaps are allowed."""
        ...
