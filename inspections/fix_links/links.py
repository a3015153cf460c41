"""One-time links by which a responsible party without an account sees its notice and submits its fix.

The token is shown once, to the officer who creates the link; only its digest is stored. A link acts as a person of its
own: its photos, uploads and history line are under its name, and by digest it sees only what it has sent.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from inspections.accounts.people import LINK_PREFIX, Person
from inspections.errors import InactiveLink
from inspections.field_types import LongText
from inspections.hazards.records import OPEN_STATES, Hazard, HistoryEntry

LIFETIME_AFTER_DUE = timedelta(days=7)
"""The default lifetime of a link after the deadline: a late party must still be able to submit its fix."""
MIN_LIFETIME, MAX_DAYS = timedelta(days=3), 60
MAX_SUBMISSIONS = 60
"""The most photos and fixes that one link may send, accepted or not: a leaked link cannot fill the disk."""


class NewLink(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An officer's request for a link. `days`: its lifetime; `measures`: what the party is asked to do."""

    id: UUID
    days: Annotated[int, Meta(ge=1, le=MAX_DAYS)] | None = None
    measures: LongText | None = None


class FixLink(Struct, frozen=True):
    """A link of the responsible party; its id is that of the history line that created it.

    `digest`: sha-256 of the token, in hex. `opened`: how often its page was requested, by people or by a messenger that
    previews it; `sent`: how often it began to send something.
    """

    id: UUID
    hazard: UUID
    digest: str
    by: str
    at: datetime
    expires_at: datetime
    opened: int = 0
    sent: int = 0
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def sender(self) -> Person:
        """The person without any role in whose name the link sends."""
        return Person(f"{LINK_PREFIX}{self.id.hex}", "整改责任主体", (), "")


def link_expiry(hazard: Hazard, days: int | None, now: datetime) -> datetime:
    """The expiry of a link created now: after `days`, else a week after the deadline, within three to sixty days."""
    if days is not None:
        return now + timedelta(days=days)
    wanted = (hazard.due_at or now) + LIFETIME_AFTER_DUE
    return min(max(wanted, now + MIN_LIFETIME), now + timedelta(days=MAX_DAYS))


def check_link_is_valid(link: FixLink, hazard: Hazard, assignments: Sequence[HistoryEntry], now: datetime) -> None:
    """Raises InactiveLink unless the link is valid. It counts as revoked once another responsible party is named.

    `assignments`: the lines of `assign` after the link was created, the only ones that can name another party.
    """
    over = {
        "used": link.used_at is not None,
        "revoked": link.revoked_at is not None or any("responsible_party" in line.facts for line in assignments),
        "ended": hazard.state not in OPEN_STATES,
        "expired": link.expires_at <= now,
    }
    if why := next((why for why, holds in over.items() if holds), None):
        raise InactiveLink(why)
