"""Leases of numbered broker sessions. Each session queues its messages while no worker holds its lease."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

LEASE_DURATION = timedelta(seconds=30)
"""The lifetime of a lease. Workers renew well before it ends, so an expired lease means a killed worker."""


class Lease(Struct, frozen=True):
    """A worker's lease of session `number`. `leaving`: the holder takes nothing new and drains the session."""

    number: int
    holder: str
    until: datetime
    leaving: bool = False


def choose_lease_number(leases: Sequence[Lease], holder: str, now: datetime) -> int:
    """Prefers our own lease, then an expired one with its queued messages, then the lowest free number."""
    own = [lease.number for lease in leases if lease.holder == holder]
    expired = [lease.number for lease in leases if lease.until <= now]
    taken = {lease.number for lease in leases}
    free = [number for number in range(len(leases) + 1) if number not in taken]
    return min(own or expired or free)
