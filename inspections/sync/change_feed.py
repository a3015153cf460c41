"""What has changed, in an order that can be followed: behind the phone's synchronisation and the live events.

Whoever follows keeps a place: the last change it knows. A place stands in one feed only, and for one reach: after a
restore from a backup the same place would mean something else, and who sees more or less than before has to begin anew.
"""

import hashlib
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from inspections.accounts.people import Person
from inspections.accounts.policy import scope

KEPT = timedelta(days=35)
"""How long a change is remembered: longer than any sign-in lasts, so that who comes back later starts anew anyway."""
HAZARDS = "hazards"


class Place(NamedTuple):
    """Where a change stands. Changes are numbered in the order in which they are written; on PostgreSQL they become
    visible in another, and `transaction` comes first: none appears below the oldest one that is still open.
    """

    transaction: int
    id: int


class Changed(Struct, frozen=True):
    """That a hazard is not what it was, or one of its photos. `lost`: who had it to handle, and has it no longer.

    `day`: since 1970, by the database's clock; from it the database forgets.
    """

    id: int
    transaction_id: int
    day: int
    hazard: UUID
    lost: tuple[str, ...]


class Feed(Struct, frozen=True):
    """A store's changes. `epoch`: another one after each restore. Up to the `forgotten` place they are gone."""

    name: str
    epoch: str
    forgotten_transaction: int = 0
    forgotten_id: int = 0

    @property
    def forgotten(self) -> Place:
        return Place(self.forgotten_transaction, self.forgotten_id)


@lru_cache(maxsize=4096)
def view_of(person: Person) -> str:
    """The same for as long as what `person` sees, and of whom they see the names, lies within the same bounds."""
    reach = (scope(person, "hazard.see"), scope(person, "hazard.personal"))
    return hashlib.sha256(repr(reach).encode()).hexdigest()[:16]
