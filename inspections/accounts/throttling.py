"""Rate limits and sign-in backoff, stored in the database so that all processes share them."""

from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.errors import TooManyRequests, TooManySignInAttempts

WINDOW = timedelta(minutes=10)
PER_LINK = 120
PER_ADDRESS = 600
"""Most requests of one address in a window; many phones share an address of a mobile carrier."""


class AttemptCounter(Struct, frozen=True):
    """The number of requests or failed attempts under a key since the window began."""

    key: str
    since: datetime
    count: int


def add_request(before: AttemptCounter | None, key: str, limit: int, now: datetime) -> AttemptCounter:
    """Returns the counter with one more request. Raises TooManyRequests with the seconds to wait (`retry_after`)."""
    if before is None or not before.since <= now < before.since + WINDOW:  # also where the clock was set back
        return AttemptCounter(key, now, 1)
    if before.count >= limit:
        raise TooManyRequests(retry_after=int((before.since + WINDOW - now).total_seconds()) + 1)
    return AttemptCounter(key, before.since, before.count + 1)


class Backoff(NamedTuple):
    """The delays after failed attempts: the first `free` failures cause none, the next waits `first`.

    Each further failure waits twice as long as the one before, up to `longest`.
    """

    free: int
    longest: timedelta
    first: timedelta = timedelta(seconds=1)


ACCOUNT_BACKOFF = Backoff(5, timedelta(minutes=5))
"""At most three hundred guesses a day, and an owner locked out by a stranger's guesses waits minutes, not hours."""
LOCKOUT_BACKOFF = Backoff(5, timedelta(minutes=30), timedelta(minutes=30))
"""A lockout of thirty minutes, for the strict profile (security_profile.py)."""
ADDRESS_BACKOFF = Backoff(50, timedelta(minutes=1))
"""More failures are free, because a whole office or many phones of a mobile carrier may share one address."""
NETWORK_BACKOFF = Backoff(500, timedelta(minutes=1))
"""For the /48 network of an IPv6 address, which is what a provider gives to one site (RFC 6177)."""
ATTEMPT_RETENTION = timedelta(hours=1)
"""How long after the last attempt a counter is kept."""
_DOUBLINGS = 20


def add_attempt(before: AttemptCounter | None, key: str, backoff: Backoff, now: datetime) -> AttemptCounter:
    """Returns the counter with one more attempt, counted as failed until it succeeds, so parallel attempts all count.

    `since` becomes the time of this attempt. Raises TooManySignInAttempts with the seconds to wait (`retry_after`).
    """
    if before is None or not before.since <= now < before.since + ATTEMPT_RETENTION:
        return AttemptCounter(key, now, 1)
    over = before.since + _delay(before.count - backoff.free, backoff)
    if now < over:
        raise TooManySignInAttempts(retry_after=ceil((over - now).total_seconds()))
    return AttemptCounter(key, now, before.count + 1)


def remove_attempt(before: AttemptCounter) -> AttemptCounter | None:
    """Returns the counter without one successful attempt, or None if no other is left."""
    return replace(before, count=before.count - 1) if before.count > 1 else None


def _delay(failures: int, backoff: Backoff) -> timedelta:
    return min(backoff.first * 2 ** min(failures, _DOUBLINGS), backoff.longest) if failures >= 0 else timedelta(0)
