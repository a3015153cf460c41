"""Keys for programs: a dashboard that reads, a device that will report. Each has a scope and an end."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import Grant, Person, Role, ScopePrefix
from inspections.field_types import Line, Moment

LONGEST = timedelta(days=400)
"""So that somebody looks at each of them once a year."""


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    """`role` analyst: reads what analysts read, no personal data. device: is a device's."""

    id: UUID
    name: Line
    scope: ScopePrefix
    expires_at: Moment
    role: Literal["analyst", "device"] = "analyst"


class Key(Struct, frozen=True):
    """`secret`: the SHA-256 digest of the newest secret, `used_at`: when that was first used. `previous`: of the one
    before, which is good beside it, so that a program can be given the new one without a gap.
    """

    id: UUID
    name: str
    role: Role
    scope: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    secret: str
    used_at: datetime | None = None
    previous: str | None = None
    revoked_at: datetime | None = None

    def opens(self, digest: str, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at and digest in {self.secret, self.previous}

    @property
    def holder(self) -> Person:
        """Who a program is with this key; no account can have this name."""
        return Person(f"key:{self.id}", self.name, (Grant(self.role, self.scope),), "")


def rotated(key: Key, secret: str) -> Key:
    """With a new secret. One that nobody has used, because the answer was lost, gives way; one in use stays good."""
    previous = key.previous if key.used_at is None else key.secret
    return replace(key, secret=secret, used_at=None, previous=previous)
