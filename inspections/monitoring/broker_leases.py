"""Places at the broker: each has a session of its own there, in which messages wait while nobody is in it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

LEASE = timedelta(seconds=30)
"""A worker says oftener than this that it is there; whose lease is over has been killed."""


class Slot(Struct, frozen=True):
    """`holder`: which process is in it, until when at least. `leaving`: it takes nothing new, and empties it."""

    number: int
    holder: str
    until: datetime
    leaving: bool = False


def choose(slots: Sequence[Slot], holder: str, now: datetime) -> int:
    """One's own; else one that was left behind, with what waits in it; else the lowest that is free."""
    own = [slot.number for slot in slots if slot.holder == holder]
    behind = [slot.number for slot in slots if slot.until <= now]
    taken = {slot.number for slot in slots}
    free = [number for number in range(len(slots) + 1) if number not in taken]
    return min(own or behind or free)
