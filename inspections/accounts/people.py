"""Persons, their roles, and the communities that each role covers."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from inspections.calendar import YEARS
from inspections.field_types import AwareDatetime, Name

LINK_PREFIX, PROGRAM_PREFIX = "link:", "key:"  # no username contains a colon (people.NewPerson)


class Role(StrEnum):
    INSPECTOR = "inspector"
    OFFICER = "officer"
    HANDLER = "handler"
    SUPERVISOR = "supervisor"
    ANALYST = "analyst"
    DEVICE = "device"
    ADMIN = "admin"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"


SYSTEM = "system"
"""The author of automatic events such as escalations; no account can have this username."""
ERASED = "（已删除）"
"""The name shown for a person whose name was erased; the username stays in the history."""


class Grant(Struct, frozen=True, omit_defaults=True, cache_hash=True):
    """A role over every community whose 12-digit code begins with `scope`.

    `scope` is a community's whole code, a street's nine digits, a district's six, or "" for all (GB/T 10114 codes nest
    by prefix). The grant is in effect from `since` until just before `until`, or always if they are None.
    `by`: the supervisor who lends it, or None if an administrator gave it. Lent grants are never stored with a person;
    they are derived from delegations whenever a person is loaded (delegations.py).
    """

    role: Role
    scope: str
    since: datetime | None = None
    until: datetime | None = None
    by: str | None = None

    def is_in_effect(self, now: datetime) -> bool:
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)


class Person(Struct, frozen=True, cache_hash=True):
    """An account. `password` is an argon2id hash in PHC form, never a password; "" where the name was erased.

    `version` grows with each change by an administrator. `email`: where notices are sent, besides the inbox.
    `password_at`: when the owner set the password, or None if somebody else did. The object's hash is cached, because
    policy.scope caches by it.
    """

    username: str
    name: str
    grants: tuple[Grant, ...]
    password: str
    active: bool = True
    demo: bool = False
    version: int = 1
    email: str | None = None
    password_at: datetime | None = None

    def with_current_grants(self, now: datetime) -> "Person":
        """Returns the person with only the grants in effect at `now`, as the policy functions require."""
        counting = tuple(grant for grant in self.grants if grant.is_in_effect(now))
        return self if len(counting) == len(self.grants) else replace(self, grants=counting)

    def upcoming_grant_changes(self, now: datetime) -> list[datetime]:
        """Returns the instants after `now` at which a grant begins or ends."""
        edges = (edge for grant in self.grants for edge in (grant.since, grant.until))
        return [edge for edge in edges if edge and edge > now]

    def has_role(self, role: Role, community: str) -> bool:
        return any(grant.role == role and community.startswith(grant.scope) for grant in self.grants)

    def can_be_assigned_in(self, community: str) -> bool:
        """Tells whether hazards in a community can be assigned to this person."""
        return self.active and self.has_role(Role.HANDLER, community)


ScopePrefix = Annotated[str, Meta(pattern=r"\A[0-9]{0,12}\Z", description="the beginning of community codes")]
Email = Annotated[str, Meta(max_length=254, pattern=r"\A([A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+)?\Z")]
"""An email address, or "" for none. Narrower than RFC 5321: no quotes, and no characters that could inject headers."""
Password = Annotated[str, Meta(min_length=12, max_length=1024)]


class NewGrant(Struct, frozen=True, forbid_unknown_fields=True):
    """The request for a grant by an administrator."""

    role: Role
    scope: ScopePrefix
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def __post_init__(self) -> None:
        check_period(self.since, self.until)


NewGrants = Annotated[tuple[NewGrant, ...], Meta(max_length=200)]


class NewPerson(Struct, frozen=True, forbid_unknown_fields=True):
    """The request for a new account by an administrator."""

    username: Annotated[str, Meta(pattern=r"\A[a-z0-9_-]{2,32}\Z")]
    name: Name
    password: Password
    grants: NewGrants = ()
    email: Email = ""

    def __post_init__(self) -> None:
        if self.username == SYSTEM:
            raise ValueError("username：该用户名由系统保留")


class PersonChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The request to change an account; `version` is the one that was read.

    `erase` removes name, email address and the reasons of delegations, and excludes all other changes.
    """

    version: Annotated[int, Meta(ge=1, le=1_000_000)]
    name: Name | None = None
    grants: NewGrants | None = None
    active: bool | None = None
    password: Password | None = None
    erase: bool = False
    email: Email | None = None

    def __post_init__(self) -> None:
        if self.erase and any(
            each is not None for each in (self.name, self.grants, self.active, self.password, self.email)
        ):
            raise ValueError("erase：删除姓名不能与其他修改同时提交")


def check_period(since: datetime | None, until: datetime | None) -> None:
    """Checks that a period is valid. Raises ValueError, naming the field."""
    for field, moment in (("since", since), ("until", until)):
        if moment and moment.year not in YEARS:
            raise ValueError(f"{field}：时间超出范围")
    if since and until and until <= since:
        raise ValueError("until：结束时间须晚于开始时间")


def build_grants(grants: Sequence[NewGrant]) -> tuple[Grant, ...]:
    return tuple(Grant(each.role, each.scope, in_utc(each.since), in_utc(each.until)) for each in grants)


def in_utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def is_link_username(username: str) -> bool:
    return username.startswith(LINK_PREFIX)


def is_program(person: Person) -> bool:
    """Tells whether this is a program with an API key, which is no person."""
    return person.username.startswith(PROGRAM_PREFIX)


def is_person_name(text: str, person: Person) -> bool:
    """Tells whether a text is the username or the display name of an account, however it is spelled.

    Case, spaces, full-width letters and the composition of characters make no difference (Unicode TR 15, NFKC).
    """
    return person.name != ERASED and _normalize_name(text) in {
        _normalize_name(person.username),
        _normalize_name(person.name),
    }


def _normalize_name(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
