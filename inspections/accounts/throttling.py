"""Rate limits and sign-in backoff, stored in the database so that all processes share them."""

from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.errors import TooMany, TooManyTries

WINDOW = timedelta(minutes=10)
PER_LINK = 120
PER_ADDRESS = 600
"""Most requests of one address in a window; many phones share an address of a mobile carrier."""


class Tally(Struct, frozen=True):
    """The number of requests or failed attempts under a key since the window began."""

    key: str
    since: datetime
    count: int


def counted(before: Tally | None, key: str, limit: int, now: datetime) -> Tally:
    """Returns the counter with one more request. Raises TooMany with the seconds to wait (`retry_after`)."""
    if before is None or not before.since <= now < before.since + WINDOW:  # also where the clock was set back
        return Tally(key, now, 1)
    if before.count >= limit:
        raise TooMany(retry_after=int((before.since + WINDOW - now).total_seconds()) + 1)
    return Tally(key, before.since, before.count + 1)


class Patience(NamedTuple):
    """The delays after failed attempts: the first `free` failures cause none, the next waits `first`.

    Each further failure waits twice as long as the one before, up to `longest`.
    """

    free: int
    longest: timedelta
    first: timedelta = timedelta(seconds=1)


OF_ACCOUNT = Patience(5, timedelta(minutes=5))
"""At most three hundred guesses a day, and an owner locked out by a stranger's guesses waits minutes, not hours."""
LOCKING = Patience(5, timedelta(minutes=30), timedelta(minutes=30))
"""A lockout of thirty minutes, for the strict profile (security_profile.py)."""
OF_ADDRESS = Patience(50, timedelta(minutes=1))
"""More failures are free, because a whole office or many phones of a mobile carrier may share one address."""
TRIES_KEPT = timedelta(hours=1)
"""How long after the last attempt a counter is kept."""
_DOUBLINGS = 20


def tried(before: Tally | None, key: str, patience: Patience, now: datetime) -> Tally:
    """Returns the counter with one more attempt, counted as failed until it succeeds, so parallel attempts all count.

    `since` becomes the time of this attempt. Raises TooManyTries with the seconds to wait (`retry_after`).
    """
    if before is None or not before.since <= now < before.since + TRIES_KEPT:
        return Tally(key, now, 1)
    over = before.since + _pause(before.count - patience.free, patience)
    if now < over:
        raise TooManyTries(retry_after=ceil((over - now).total_seconds()))
    return Tally(key, now, before.count + 1)


def untried(before: Tally) -> Tally | None:
    """Returns the counter without one successful attempt, or None if no other is left."""
    return replace(before, count=before.count - 1) if before.count > 1 else None


def _pause(failures: int, patience: Patience) -> timedelta:
    return min(patience.first * 2 ** min(failures, _DOUBLINGS), patience.longest) if failures >= 0 else timedelta(0)
