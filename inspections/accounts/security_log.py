"""The append-only security log: sign-ins, changes of rights, data exports, viewed originals.

GB/T 22239-2019 8.1.4.3 requires such a log for every user, protected against change; the Cybersecurity Law, article 21,
requires six months of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from inspections.accounts.external_identities import ExternalIdentity
from inspections.accounts.people import Grant, Person

RETENTION = timedelta(days=366)
"""How long events are kept. The database itself refuses to delete one that is younger than 180 days."""


class Event(StrEnum):
    """The kind of an event. Values are stable, because they are stored in the log."""

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
    ADMIN_REQUESTED = "admin.requested"
    ADMIN_CONFIRMED = "admin.confirmed"
    ADMIN_REJECTED = "admin.rejected"
    KEY_MADE = "key.made"
    KEY_RENEWED = "key.renewed"
    KEY_REVOKED = "key.revoked"
    DECIDED_BY_LINK = "decision.by_link"
    DELEGATION_MADE = "delegation.made"
    DELEGATION_REVOKED = "delegation.revoked"
    RULES_EDITED = "rules.edited"
    WORDS_ERASED = "words.erased"
    ORIGINAL_VIEWED = "original.viewed"
    PHOTOS_LET_GO = "photos.let_go"
    EXPORTED = "exported"
    IMPORTED = "imported"


class SecurityEvent(Struct, frozen=True):
    """A line of the log. `by`: the acting username, "" if nobody is signed in; `about`: the affected account or object.

    `address`: the client's address, for IPv6 its network. `facts` never contain a password, a token or a name.
    """

    id: UUID
    at: datetime
    event: Event
    by: str
    about: str
    address: str
    facts: dict[str, str]


def change_facts(changed: Iterable[tuple[Struct, Struct]], removed: Iterable[Struct]) -> dict[str, str]:
    """Describes a change: the changed fields and grants, and the providers whose identities were unlinked."""
    unlinked = " ".join(each.provider for each in removed if isinstance(each, ExternalIdentity))
    return {**_differences(changed), **({"unlinked": unlinked} if unlinked else {})}


def _differences(changed: Iterable[tuple[Struct, Struct]]) -> dict[str, str]:
    """Names the changed fields of the first record, and added and removed grants; never secret or personal values."""
    for before, after in changed:
        fields = [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)]
        differences = {"fields": " ".join(fields)}
        if isinstance(before, Person) and isinstance(after, Person) and before.grants != after.grants:
            differences["grants"] = " ".join(_grant_changes(before.grants, after.grants))
        return differences
    return {}


def _grant_changes(before: tuple[Grant, ...], after: tuple[Grant, ...]) -> Iterator[str]:
    yield from (f"-{each.role}:{each.scope}" for each in before if each not in after)
    yield from (f"+{each.role}:{each.scope}" for each in after if each not in before)


def event_fields(event: SecurityEvent) -> Mapping[str, str]:
    """Returns the event as the flat fields that a log collector receives.

    Who did what comes first: a collector may cut a long line (RFC 5424, 6.1), and facts may be long.
    """
    shared = {"at": event.at.isoformat(), "event": event.event, "by": event.by, "about": event.about}
    shared |= {"address": event.address, "id": str(event.id)}
    return {**shared, **event.facts, **shared}
