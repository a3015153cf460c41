"""Signed-in devices and their token pairs: validity, renewal and detection of stolen tokens.

Renewal issues a new pair, and the old pair stays valid until the new one is first used, because the response may get
lost on a bad connection. If the old pair renews again, it issues a sibling of equal rank. The first sibling that is
used replaces the old pair. For one minute after that, the old pair may still renew and other siblings may still be
used, because two requests of one phone may have renewed in parallel; each sibling used in time stays valid. A sibling
not used in time is refused. A token that was used, replaced and then sent again later has been copied: the session
ends, and the person must sign in again (RFC 9700, 4.14.2, with a grace period).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

ACCESS_LIFETIME = timedelta(minutes=15)
IDLE_LIFETIME = timedelta(days=14)
SESSION_LIFETIME = timedelta(days=30)
GRACE = timedelta(seconds=60)
MAX_UNUSED_PAIRS = 16
"""The most pairs of a session that were never used; the oldest are dropped."""


class TokenDigests(NamedTuple):
    """SHA-256 digests of a new access and a new refresh token."""

    access: str
    refresh: str


class Session(Struct, frozen=True):
    """A signed-in device. `seen_at`: when it last received tokens; the session expires `idle_seconds` later."""

    id: UUID
    username: str
    device: str
    created_at: datetime
    expires_at: datetime
    seen_at: datetime
    revoked_at: datetime | None = None
    idle_seconds: int = int(IDLE_LIFETIME.total_seconds())

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    def idle_deadline(self, now: datetime) -> datetime:
        return min(now + timedelta(seconds=self.idle_seconds), self.expires_at)


class TokenPair(Struct, frozen=True):
    """An access and a refresh token, of which only SHA-256 digests are stored.

    `parent`: the pair whose refresh token issued this one. `used_at`: the first use of either token. `spent_until`: set
    when another pair has replaced this one; until then its refresh token may still renew.
    """

    id: UUID
    session: UUID
    parent: UUID | None
    access: str
    access_expires_at: datetime
    refresh: str
    refresh_expires_at: datetime
    issued_at: datetime
    used_at: datetime | None = None
    spent_until: datetime | None = None

    def gives_access(self, now: datetime) -> bool:
        """Tells whether the access token is valid. A replaced pair that was never used still is, until its grace ends.

        Its first use then decides whether it is a sibling of the pair that replaced it.
        """
        in_time = self.spent_until is None or (self.used_at is None and now <= self.spent_until)
        return in_time and now < self.access_expires_at

    def can_renew(self, now: datetime) -> bool:
        return now < self.refresh_expires_at and (self.spent_until is None or now <= self.spent_until)


PairChanges = tuple[tuple[TokenPair, TokenPair], ...]


def new_pair(
    session: Session, pair_id: UUID, digests: TokenDigests, now: datetime, parent: UUID | None = None
) -> TokenPair:
    access_ends, refresh_ends = min(now + ACCESS_LIFETIME, session.expires_at), session.idle_deadline(now)
    return TokenPair(pair_id, session.id, parent, digests.access, access_ends, digests.refresh, refresh_ends, now)


def record_first_use(
    pair: TokenPair, parent: TokenPair | None, standing: Sequence[TokenPair], now: datetime
) -> PairChanges:
    """Returns the changes to pairs when `pair` is first used. `standing`: the pairs of its session not yet replaced.

    Nothing changes if a pair other than a sibling has replaced it. `parent`: None if it does not exist any more.
    If the parent is already replaced, the pairs replaced now share its grace period, so that two holders of copies
    cannot alternate for longer than a minute.
    """
    if pair.spent_until:
        beside = any(each.parent == pair.parent for each in standing)
        return ((pair, replace(pair, used_at=now, spent_until=None)),) if beside else ()
    until = (parent.spent_until if parent else None) or now + GRACE
    others = [each for each in standing if each.id != pair.id]
    return ((pair, replace(pair, used_at=now)), *((each, replace(each, spent_until=until)) for each in others))


def surplus_pairs(standing: Sequence[TokenPair]) -> tuple[TokenPair, ...]:
    """Returns the oldest unused pairs, to be dropped when one more is issued."""
    unused = sorted((each for each in standing if each.used_at is None), key=lambda each: each.issued_at)
    return tuple(unused[: max(0, len(unused) - MAX_UNUSED_PAIRS + 1)])
