"""Delegation: a supervisor lends their role to another account for a period (委托代行).

A delegation is kept once, in a row of its own, and never copied into the account that receives it: who holds what is
derived from it whenever a person is looked at. So it ends by itself, and as soon as the giver no longer has the role.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import Grant, Person, Role, ScopePrefix, check_period
from inspections.field_types import Line, Moment, Words

LONGEST = timedelta(days=90)
LATE = timedelta(minutes=5)
"""How far back a delegation may begin: a phone's clock is not ours, and the request takes its time."""


class Delegation(Struct, frozen=True):
    """That `giver` lends `role` to `receiver` from `since` until just before `until`; both are usernames.

    `scope` narrows what the giver holds: the beginning of community codes, "" for all of it, whatever that is then.
    """

    id: UUID
    giver: str
    receiver: str
    role: Role
    scope: str
    since: datetime
    until: datetime
    reason: str
    made_at: datetime
    revoked_at: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether it counts now or will."""
        return self.revoked_at is None and now < self.until


class NewDelegation(Struct, frozen=True, forbid_unknown_fields=True):
    """A delegation as its giver sends it. `id` is made by the client, so that the same one sent again is recognised."""

    id: UUID
    to: Line
    since: Moment
    until: Moment
    reason: Words
    role: Literal["supervisor"] = "supervisor"
    scope: ScopePrefix = ""

    def __post_init__(self) -> None:
        check_period(self.since, self.until)
        if self.until - self.since > LONGEST:
            raise ValueError(f"until：委托期限最长 {LONGEST.days} 天")


def empowered(person: Person, received: Iterable[Delegation], giver: Callable[[str], Person | None]) -> Person:
    """The person with what others lend them, each grant with its period; `giver` finds a person by username.

    Only what an administrator gave the giver is lent, so nothing that is lent is lent on.
    """
    lent = tuple(grant for each in received for grant in _lent(each, giver(each.giver)))
    return replace(person, grants=(*person.grants, *lent)) if lent else person


def _lent(delegation: Delegation, giver: Person | None) -> Iterator[Grant]:
    if giver is None or not giver.active:
        return
    for own in giver.grants:
        scope = _narrower(own.scope, delegation.scope)
        if own.role == delegation.role and scope is not None:
            since = max(delegation.since, own.since or delegation.since)
            until = min(delegation.until, own.until or delegation.until)
            yield Grant(own.role, scope, since, until, giver.username)


def _narrower(one: str, other: str) -> str | None:
    """What lies in both scopes: the longer one, or None where neither begins with the other."""
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer if longer.startswith(shorter) else None
