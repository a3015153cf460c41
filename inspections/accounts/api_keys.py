"""API keys for programs, such as a dashboard or a device. Each has a scope and an expiry date."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import PROGRAM_PREFIX, Grant, Person, Role, ScopePrefix
from inspections.field_types import AwareDatetime, Name

MAX_LIFETIME = timedelta(days=400)
"""The longest lifetime of a key, so that somebody reviews each key about once a year."""


class NewApiKey(Struct, frozen=True, forbid_unknown_fields=True):
    """The request for a new key. Role `analyst`: reads what analysts read, no personal data; `device`: for a device."""

    id: UUID
    name: Name
    scope: ScopePrefix
    expires_at: AwareDatetime
    role: Literal["analyst", "device"] = "analyst"


class ApiKey(Struct, frozen=True):
    """A key. `secret`: SHA-256 digest of the newest secret; `used_at`: the first use of that secret.

    `previous`: digest of the secret before, which also stays valid, so that a program can switch without a gap.
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

    def accepts_secret(self, digest: str, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at and digest in {self.secret, self.previous}

    @property
    def principal(self) -> Person:
        """The person that a program acts as with this key; no account can have this username."""
        return Person(f"{PROGRAM_PREFIX}{self.id}", self.name, (Grant(self.role, self.scope),), "")


def rotate_secret(key: ApiKey, secret: str) -> ApiKey:
    """Returns the key with a new secret. A used secret stays valid as `previous`; one that was never used does not."""
    previous = key.previous if key.used_at is None else key.secret
    return replace(key, secret=secret, used_at=None, previous=previous)
