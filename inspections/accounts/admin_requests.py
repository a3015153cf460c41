"""Requests to change an administrator's account, which an administrator of another kind confirms (strict profile).

GB/T 22239-2019, 8.1.5: system, security and audit administrators check each other, so none of them may become another
by setting a password or giving a role.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import PersonChange

REQUEST_LIFETIME = timedelta(hours=24)


class RequestState(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    EXPIRED = "expired"


class AdminRequest(Struct, frozen=True):
    """A requested change of the account `username` by the administrator `requested_by`.

    `change`: without the password; None: the second factor is to be removed. `password`: the hash of the new password,
    "" for none. After the decision neither password, name nor email address is kept.
    """

    id: UUID
    username: str
    requested_by: str
    requested_at: datetime
    change: PersonChange | None
    password: str = ""
    sets_password: bool = False
    decided_by: str | None = None
    decided_at: datetime | None = None
    confirmed: bool = False

    @property
    def deadline(self) -> datetime:
        return self.requested_at + REQUEST_LIFETIME

    def state(self, now: datetime) -> RequestState:
        if self.decided_at is not None:
            return RequestState.CONFIRMED if self.confirmed else RequestState.REJECTED
        return RequestState.PENDING if now < self.deadline else RequestState.EXPIRED

    def decide(self, by: str, now: datetime, *, confirmed: bool) -> "AdminRequest":
        change = replace(self.change, name=None, email=None) if self.change else None
        return replace(self, change=change, password="", decided_by=by, decided_at=now, confirmed=confirmed)
