"""What an action answers, and the rows that are to be written with it."""

from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

T_co = TypeVar("T_co", covariant=True)


class Change(Struct, Generic[T_co], frozen=True):
    """What an action decided: the answer for its caller, records to insert, and (before, after) of those that change.

    The store writes all of it in one transaction or none of it. A changed record is written only over the version
    that was read. `removed`: what need not be remembered; nothing of a hazard ever is.
    """

    answer: T_co
    new: tuple[Struct, ...] = ()
    changed: tuple[tuple[Struct, Struct], ...] = ()
    removed: tuple[Struct, ...] = ()


R = TypeVar("R", bound=Struct)


class RecordRepository(Protocol):
    """Records by their keys, and what a new one needs. Inside a write transaction it stays as it is read."""

    def kept(self, kind: type[R], *key: Any) -> R | None:
        """A record as it is kept now, for who will change it: what others see of the rules may be seconds older."""
        ...

    def new_id(self) -> UUID:
        """A fresh UUIDv7 for a record that the server makes by itself."""
        ...

    def new_salt(self) -> str:
        """Sixteen random bytes in hex, that nobody can guess."""
        ...

    def next_number(self, series: str) -> int:
        """The next human number of a series such as `XJ-2026`. Never twice; gaps are allowed."""
        ...
