"""Who acts: roles, the communities they cover, and the person behind a request."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class Role(StrEnum):
    INSPECTOR = "inspector"
    OFFICER = "officer"
    HANDLER = "handler"
    SUPERVISOR = "supervisor"
    ANALYST = "analyst"
    DEVICE = "device"
    ADMIN = "admin"


SYSTEM = "system"
"""The author of what happens by itself (escalations); no account can have this name."""


class Grant(Struct, frozen=True):
    """A role over every community whose 12-digit code begins with `scope`.

    A community's whole code, a street's nine digits, a district's six, or "" for all: one rule for every level
    (GB/T 10114 codes nest by prefix).
    """

    role: Role
    scope: str


class Person(Struct, frozen=True):
    """An account. `password` is an argon2id hash in PHC form, never a password."""

    username: str
    name: str
    grants: tuple[Grant, ...]
    password: str
    active: bool = True
    demo: bool = False

    def holds(self, role: Role, community: str) -> bool:
        return any(grant.role == role and community.startswith(grant.scope) for grant in self.grants)

    def fixes_in(self, community: str) -> bool:
        """Whether hazards there can be assigned to them."""
        return self.active and self.holds(Role.HANDLER, community)


class Session(Struct, frozen=True):
    """A signed-in device. Only SHA-256 digests of its tokens are kept."""

    id: UUID
    username: str
    device: str
    access: str
    access_expires_at: datetime
    refresh: str
    refresh_expires_at: datetime
    previous_refresh: str | None
    previous_until: datetime | None
    created_at: datetime
    revoked_at: datetime | None = None
