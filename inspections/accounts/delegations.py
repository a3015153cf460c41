"""Delegation: a supervisor lends their role to another account for a period (委托代行).

A delegation is stored once and never copied into the account that receives it: grants are derived from it whenever a
person is loaded. So a delegation ends by itself, and also as soon as the giver no longer has the role.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import Grant, Person, Role, ScopePrefix, check_period
from inspections.field_types import AwareDatetime, LongText, Name

MAX_PERIOD = timedelta(days=90)
START_TOLERANCE = timedelta(minutes=5)
"""How far in the past a delegation may begin, to allow for clock differences and slow requests."""


class Delegation(Struct, frozen=True):
    """A loan of `role` by `giver` to `receiver` (usernames), from `since` until just before `until`.

    `scope` narrows the giver's grants to a prefix of community codes; "" lends all the giver has at any time.
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

    def is_valid(self, now: datetime) -> bool:
        """Tells whether the delegation is neither revoked nor expired; it may begin later."""
        return self.revoked_at is None and now < self.until


class NewDelegation(Struct, frozen=True, forbid_unknown_fields=True):
    """The request for a new delegation. The client makes `id`, so that a repeated request is recognized."""

    id: UUID
    to: Name
    since: AwareDatetime
    until: AwareDatetime
    reason: LongText
    role: Literal["supervisor"] = "supervisor"
    scope: ScopePrefix = ""

    def __post_init__(self) -> None:
        check_period(self.since, self.until)
        if self.until - self.since > MAX_PERIOD:
            raise ValueError(f"until：委托期限最长 {MAX_PERIOD.days} 天")


def add_delegated_grants(
    person: Person, received: Iterable[Delegation], giver: Callable[[str], Person | None]
) -> Person:
    """Adds the grants that others lend to the person, each with its period; `giver` finds a person by username.

    Only grants that an administrator gave the giver can be lent, so borrowed grants cannot be lent on.
    """
    lent = tuple(grant for each in received for grant in _delegated_grants(each, giver(each.giver)))
    return replace(person, grants=(*person.grants, *lent)) if lent else person


def _delegated_grants(delegation: Delegation, giver: Person | None) -> Iterator[Grant]:
    if giver is None or not giver.active:
        return
    for own in giver.grants:
        scope = _intersect_scopes(own.scope, delegation.scope)
        if own.role == delegation.role and scope is not None:
            since = max(delegation.since, own.since or delegation.since)
            until = min(delegation.until, own.until or delegation.until)
            yield Grant(own.role, scope, since, until, giver.username)


def _intersect_scopes(one: str, other: str) -> str | None:
    """Returns the intersection of two scopes: the longer prefix, or None if neither begins with the other."""
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer if longer.startswith(shorter) else None
