"""One notice, one code: a link by which the responsible party, which has no account, sees its notice and sends its fix.

The token is shown once, to who makes the link; what is kept is its digest. A link counts as somebody of its own: its
photos, its uploads and its line of history are under its name, and it sees what it has sent and nothing else by digest.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from inspections.accounts.people import LINK_PREFIX, Person
from inspections.errors import LinkOver
from inspections.field_types import Words
from inspections.hazards.records import OPEN, Entry, Hazard

PAST_DUE = timedelta(days=7)
"""How long after the deadline a link lives by itself: who is late is to be able to send its fix."""
LEAST, MOST_DAYS = timedelta(days=3), 60
SENDS = 60
"""Photos and fixes that one link takes in all, accepted or not: a link that got about fills no disk."""


class NewLink(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A link as an officer makes it. `days`: how long it lives; `measures`: what is asked of the party."""

    id: UUID
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] | None = None
    measures: Words | None = None


class FixLink(Struct, frozen=True):
    """Its id is that of the line of history that says it was made. `digest`: sha-256 of the token, in hex.

    `opened`: how often its page was asked for, by people or by the messenger that looks at it for them; `sent`: how
    often it began to send something.
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
        """Who sends by it: somebody without any role."""
        return Person(f"{LINK_PREFIX}{self.id.hex}", "整改责任主体", (), "")


def expires(hazard: Hazard, days: int | None, now: datetime) -> datetime:
    """When a link made now ends: after `days`, else a week after the deadline; from three days to sixty."""
    if days is not None:
        return now + timedelta(days=days)
    wanted = (hazard.due_at or now) + PAST_DUE
    return min(max(wanted, now + LEAST), now + timedelta(days=MOST_DAYS))


def check_stands(link: FixLink, hazard: Hazard, history: Sequence[Entry], now: datetime) -> None:
    """Raises LinkOver. A link is for the party that it was made for: once another is named, it is as if revoked."""
    over = {
        "used": link.used_at is not None,
        "revoked": link.revoked_at is not None or _another_party(link, history),
        "ended": hazard.state not in OPEN,
        "expired": link.expires_at <= now,
    }
    if why := next((why for why, holds in over.items() if holds), None):
        raise LinkOver(why)


def _another_party(link: FixLink, history: Sequence[Entry]) -> bool:
    made_at = next((line.seq for line in history if line.id == link.id), 0)
    return any(line.seq > made_at and "responsible_party" in line.facts for line in history)
