"""How often somebody may knock: counted in windows, in rows that all processes share."""

from datetime import datetime, timedelta

from msgspec import Struct

from inspections.errors import TooMany

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
