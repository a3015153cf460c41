"""Links by which a responsible party without an account sees its notice, submits one fix and evaluates the closing.

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
from inspections.hazards.deadlines import can_still_be_evaluated
from inspections.hazards.records import OPEN_STATES, Hazard, HistoryEntry, State

LIFETIME_AFTER_DUE = timedelta(days=7)
"""The default lifetime of a link after the deadline: a late party must still be able to submit its fix."""
MIN_LIFETIME, MAX_DAYS = timedelta(days=3), 60
MAX_SUBMISSIONS = 60
"""The most photos and fixes that one link may send, accepted or not: a leaked link cannot fill the disk."""


class NewLink(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An officer's request for a link. `days`: its lifetime in days; `measures`: what the party is asked to do."""

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


def shows_progress(link: FixLink, hazard: Hazard) -> bool:
    """Tells whether the link shows the progress of its case: after its fix, and once the case is closed.

    Before that it shows the notice. A link that has sent a fix never sends another, not even when the hazard is
    reopened: the office makes a new link with the new deadline.
    """
    return link.used_at is not None or hazard.state is State.CLOSED


def _is_expired(link: FixLink, hazard: Hazard, now: datetime) -> bool:
    """Tells whether the link is past its end.

    `expires_at` ends the right to submit a fix. What follows can take longer: a link that has sent its fix lives while
    the case is open, and any link of a closed case while the closing can be evaluated.
    """
    if hazard.state is State.CLOSED:
        return link.expires_at <= now and not can_still_be_evaluated(hazard, now)
    return link.expires_at <= now and link.used_at is None


def check_link_may_submit(link: FixLink, hazard: Hazard, assignments: Sequence[HistoryEntry], now: datetime) -> None:
    """Raises InactiveLink unless the link may submit a fix. `assignments`: as in `check_link_is_active`."""
    if link.used_at is not None:
        raise InactiveLink("used")
    check_link_is_active(link, hazard, assignments, now)
    if hazard.state not in OPEN_STATES:
        raise InactiveLink("ended")


def check_link_is_active(link: FixLink, hazard: Hazard, assignments: Sequence[HistoryEntry], now: datetime) -> None:
    """Raises InactiveLink unless the link may show something: its notice, or the progress of its case.

    It counts as revoked once another responsible party is named. `assignments`: the lines of `assign` after the link
    was created, the only ones that can name another party.
    """
    over = {
        "revoked": link.revoked_at is not None or any("responsible_party" in line.facts for line in assignments),
        "ended": hazard.state not in OPEN_STATES and not shows_progress(link, hazard),
        "expired": _is_expired(link, hazard, now),
    }
    if why := next((why for why, holds in over.items() if holds), None):
        raise InactiveLink(why)
