"""The security log: who signed in, was given rights, took data out, looked at originals. Lines are only ever added.

GB/T 22239-2019 8.1.4.3 asks for such a log of every user, guarded against change; the Cybersecurity Law, article 21,
for six months of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from inspections.accounts.external_identities import Identity
from inspections.accounts.people import Grant, Person

KEPT = timedelta(days=366)
"""The database itself refuses to remove a line that is younger than 180 days."""


class Event(StrEnum):
    """What a line is about. Values are stable: they stand in the log for good."""

    SIGNED_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGNED_OUT = "sign_out"
    TOKEN_COPIED = "token.copied"  # noqa: S105  # the name of an event
    DEVICE_REVOKED = "device.revoked"
    DEVICES_REVOKED = "devices.revoked"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  # the name of an event
    FACTOR_CONFIRMED = "totp.confirmed"
    FACTOR_REMOVED = "totp.removed"
    IDENTITY_LINKED = "identity.linked"
    IDENTITY_UNLINKED = "identity.unlinked"
    ACCOUNT_MADE = "account.made"
    ACCOUNT_CHANGED = "account.changed"
    KEY_MADE = "key.made"
    KEY_RENEWED = "key.renewed"
    KEY_REVOKED = "key.revoked"
    DELEGATION_MADE = "delegation.made"
    DELEGATION_REVOKED = "delegation.revoked"
    RULES_EDITED = "rules.edited"
    WORDS_ERASED = "words.erased"
    ORIGINAL_VIEWED = "original.viewed"
    PHOTOS_LET_GO = "photos.let_go"
    EXPORTED = "exported"
    IMPORTED = "imported"


class SecurityEvent(Struct, frozen=True):
    """A line. `by`: whose sign-in did it, "" for nobody's; `about`: the account, key or object that it was done to.

    `address`: where the request came from, of IPv6 the network. `facts` never hold a password, a token or a name.
    """

    id: UUID
    at: datetime
    event: Event
    by: str
    about: str
    address: str
    facts: dict[str, str]


def facts_of(changed: Iterable[tuple[Struct, Struct]], removed: Iterable[Struct]) -> dict[str, str]:
    """What a change says of itself: its differences, and at which providers an account is linked no more."""
    unlinked = " ".join(each.provider for each in removed if isinstance(each, Identity))
    return {**_differences(changed), **({"unlinked": unlinked} if unlinked else {})}


def _differences(changed: Iterable[tuple[Struct, Struct]]) -> dict[str, str]:
    """Which fields of the first record change, and which grants come and go; never what is secret or personal."""
    for before, after in changed:
        fields = [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)]
        said = {"fields": " ".join(fields)}
        if isinstance(before, Person) and isinstance(after, Person) and before.grants != after.grants:
            said["grants"] = " ".join(_moves(before.grants, after.grants))
        return said
    return {}


def _moves(before: tuple[Grant, ...], after: tuple[Grant, ...]) -> Iterator[str]:
    yield from (f"-{each.role}:{each.scope}" for each in before if each not in after)
    yield from (f"+{each.role}:{each.scope}" for each in after if each not in before)


def line_of(event: SecurityEvent) -> Mapping[str, str]:
    """The event as a collector gets it."""
    shared = {"id": str(event.id), "at": event.at.isoformat(), "event": event.event, "by": event.by}
    return {**event.facts, **shared, "about": event.about, "address": event.address}
