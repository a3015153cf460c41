"""How often somebody may knock, and how soon after a wrong password: in rows that all processes share."""

from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.errors import TooMany, TooManyTries

WINDOW = timedelta(minutes=10)
PER_LINK = 120
PER_ADDRESS = 600
"""Of one address in a window. Behind one of a mobile carrier stand many phones."""


class Tally(Struct, frozen=True):
    """How often something was asked for under this key since the window began."""

    key: str
    since: datetime
    count: int


def counted(before: Tally | None, key: str, limit: int, now: datetime) -> Tally:
    """The tally with one more. Raises TooMany, which says in how many seconds to come again."""
    if before is None or not before.since <= now < before.since + WINDOW:  # also where the clock was set back
        return Tally(key, now, 1)
    if before.count >= limit:
        raise TooMany(retry_after=int((before.since + WINDOW - now).total_seconds()) + 1)
    return Tally(key, before.since, before.count + 1)


class Patience(NamedTuple):
    """So many failures in a row cost no time; behind them `first`, then each wait is twice the one before.

    Up to `longest`.
    """

    free: int
    longest: timedelta
    first: timedelta = timedelta(seconds=1)


OF_ACCOUNT = Patience(5, timedelta(minutes=5))
"""Three hundred guesses a day at most: short enough that who is kept out by a stranger comes in the same morning."""
LOCKING = Patience(5, timedelta(minutes=30), timedelta(minutes=30))
"""Where a lock is asked for (security_profile.py)."""
OF_ADDRESS = Patience(50, timedelta(minutes=1))
"""Behind one address stands a whole office, or the phones of a mobile carrier."""
TRIES_KEPT = timedelta(hours=1)
"""Since the last one."""
_DOUBLINGS = 20


def tried(before: Tally | None, key: str, patience: Patience, now: datetime) -> Tally:
    """The tally with one more try, taken as failed until it is known: of those that come at once each counts.

    `since`: of the last try. Raises TooManyTries, which says in how many seconds to come again.
    """
    if before is None or not before.since <= now < before.since + TRIES_KEPT:
        return Tally(key, now, 1)
    over = before.since + _pause(before.count - patience.free, patience)
    if now < over:
        raise TooManyTries(retry_after=ceil((over - now).total_seconds()))
    return Tally(key, now, before.count + 1)


def untried(before: Tally) -> Tally | None:
    """The tally without a try that was no failure; None where that was all."""
    return replace(before, count=before.count - 1) if before.count > 1 else None


def _pause(failures: int, patience: Patience) -> timedelta:
    return min(patience.first * 2 ** min(failures, _DOUBLINGS), patience.longest) if failures >= 0 else timedelta(0)
