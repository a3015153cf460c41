"""The feed of changes behind the phones' synchronisation and the live events.

A client keeps a cursor: the last change it knows. A cursor is valid for one feed and one scope only, so a client must
start again after a restore from a backup, and after a change of what it may see.
"""

import hashlib
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from inspections.accounts.people import Person
from inspections.accounts.policy import scope

RETENTION = timedelta(days=35)
"""The retention of changes. It exceeds every sign-in's lifetime, so a client that returns later starts again anyway."""
HAZARDS = "hazards"


class Cursor(NamedTuple):
    """The position of a change in the feed, ordered by `transaction`, then `id`.

    PostgreSQL shows changes in another order than their ids, but none below the oldest open transaction.
    """

    transaction: int
    id: int


class HazardChange(Struct, frozen=True):
    """A record that a hazard or one of its photos has changed. `lost`: usernames that are no longer its handlers.

    `day`: days since 1970 by the database's clock, for the retention.
    """

    id: int
    transaction_id: int
    day: int
    hazard: UUID
    lost: tuple[str, ...]


class Feed(Struct, frozen=True):
    """The state of a feed. `epoch` changes with each restore. Changes up to `trim_cursor` are deleted."""

    name: str
    epoch: str
    forgotten_transaction: int = 0
    forgotten_id: int = 0

    @property
    def trim_cursor(self) -> Cursor:
        return Cursor(self.forgotten_transaction, self.forgotten_id)


@lru_cache(maxsize=4096)
def scope_fingerprint(person: Person) -> str:
    """Returns a hash of the scope in which the person sees hazards and names; another scope gives another hash."""
    reach = (scope(person, "hazard.see"), scope(person, "hazard.personal"))
    return hashlib.sha256(repr(reach).encode()).hexdigest()[:16]
