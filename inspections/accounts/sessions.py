"""A signed-in device and the family of its tokens: which are good, and what the first use of one means for the others.

Whoever renews gets a new pair, and the old one stays good until the new one is first used: the answer may have been
lost in a stairwell, any number of times. Asked again, the old one makes a sibling of equal standing. The first sibling
that is used replaces the old pair; for a minute the old one may still ask again, and the other siblings may still be
used, since two requests of one phone may have renewed side by side: each that is used in time stands beside the first.
A sibling that was not is refused by itself. Whatever comes later with a token that was used and replaced holds a copy,
or is the one whose copy was used: the whole family ends, and the person signs in again (RFC 9700, 4.14.2, with grace).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

ACCESS_LASTS = timedelta(minutes=15)
IDLE_LASTS = timedelta(days=14)
SESSION_LASTS = timedelta(days=30)
GRACE = timedelta(seconds=60)
UNUSED_AT_MOST = 16
"""Pairs of a session that nobody has used yet; the oldest give way."""


class Digests(NamedTuple):
    """SHA-256 digests of a new access and a new refresh token."""

    access: str
    refresh: str


class Session(Struct, frozen=True):
    """A device that signed in. `seen_at`: when it last got tokens. `idle_seconds`: it ends so long after that."""

    id: UUID
    username: str
    device: str
    created_at: datetime
    expires_at: datetime
    seen_at: datetime
    revoked_at: datetime | None = None
    idle_seconds: int = int(IDLE_LASTS.total_seconds())

    def stands(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    def idle_until(self, now: datetime) -> datetime:
        return min(now + timedelta(seconds=self.idle_seconds), self.expires_at)


class TokenPair(Struct, frozen=True):
    """An access and a refresh token, of which only SHA-256 digests are kept.

    `parent`: the pair whose refresh token made this one. `used_at`: when either was first used. `spent_until`: another
    pair stands in its place; until then its refresh token may ask again.
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
        """Also while it was never used and a sibling was; whether it is one, its first use decides."""
        in_time = self.spent_until is None or (self.used_at is None and now <= self.spent_until)
        return in_time and now < self.access_expires_at

    def renews(self, now: datetime) -> bool:
        return now < self.refresh_expires_at and (self.spent_until is None or now <= self.spent_until)


Changes = tuple[tuple[TokenPair, TokenPair], ...]


def new_pair(session: Session, pair_id: UUID, digests: Digests, now: datetime, parent: UUID | None = None) -> TokenPair:
    access_ends, refresh_ends = min(now + ACCESS_LASTS, session.expires_at), session.idle_until(now)
    return TokenPair(pair_id, session.id, parent, digests.access, access_ends, digests.refresh, refresh_ends, now)


def first_use(pair: TokenPair, parent: TokenPair | None, standing: Sequence[TokenPair], now: datetime) -> Changes:
    """What changes when `pair` is used for the first time. `standing`: the pairs of its session that are not spent.

    Nothing, where another pair than a sibling has replaced it. `parent`: None where there is none, or none any more.
    Where the parent is spent already, what is replaced now gets no more grace than it has: two who hold copies cannot
    take turns for longer than a minute.
    """
    if pair.spent_until:
        beside = any(each.parent == pair.parent for each in standing)
        return ((pair, replace(pair, used_at=now, spent_until=None)),) if beside else ()
    until = (parent.spent_until if parent else None) or now + GRACE
    others = [each for each in standing if each.id != pair.id]
    return ((pair, replace(pair, used_at=now)), *((each, replace(each, spent_until=until)) for each in others))


def giving_way(standing: Sequence[TokenPair]) -> tuple[TokenPair, ...]:
    """The unused pairs that go when one more is made."""
    unused = sorted((each for each in standing if each.used_at is None), key=lambda each: each.issued_at)
    return tuple(unused[: max(0, len(unused) - UNUSED_AT_MOST + 1)])
