"""Leases of numbered broker sessions. Each session queues its messages while no worker holds its lease."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

LEASE = timedelta(seconds=30)
"""The lifetime of a lease. Workers renew well before it ends, so an expired lease means a killed worker."""


class Slot(Struct, frozen=True):
    """A worker's lease of session `number`. `leaving`: the holder takes nothing new and drains the session."""

    number: int
    holder: str
    until: datetime
    leaving: bool = False


def choose(slots: Sequence[Slot], holder: str, now: datetime) -> int:
    """Prefers our own lease, then an expired one with its queued messages, then the lowest free number."""
    own = [slot.number for slot in slots if slot.holder == holder]
    behind = [slot.number for slot in slots if slot.until <= now]
    taken = {slot.number for slot in slots}
    free = [number for number in range(len(slots) + 1) if number not in taken]
    return min(own or behind or free)
