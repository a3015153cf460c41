"""Actions on broker leases: acquire, renew, take over an expired one, drain, release."""

from datetime import datetime

from msgspec.structs import replace

from inspections.change import Change
from inspections.monitoring.broker_leases import LEASE, Slot, choose
from inspections.monitoring.repository import MonitoringRepository


def take_slot(repository: MonitoringRepository, holder: str, now: datetime) -> Change[int]:
    slots = repository.slots()
    mine = Slot(choose(slots, holder, now), holder, now + LEASE)
    before = next((slot for slot in slots if slot.number == mine.number), None)
    return Change(mine.number, (mine,)) if before is None else Change(mine.number, changed=((before, mine),))


def keep_slot(repository: MonitoringRepository, number: int, holder: str, now: datetime) -> Change[bool]:
    """Extends the lease. Returns False if another worker has taken it over after it expired."""
    slot = repository.kept(Slot, number)
    if slot is None or slot.holder != holder:
        return Change(answer=False)
    return Change(answer=True, changed=((slot, replace(slot, until=now + LEASE)),))


def adopt_slot(repository: MonitoringRepository, holder: str, now: datetime) -> Change[int | None]:
    """Takes over an expired lease in order to drain its session; returns its number, or None."""
    over = next((slot for slot in repository.slots() if slot.until <= now), None)
    if over is None:
        return Change(None)
    adopted = Slot(over.number, f"{over.number} by {holder}", now + LEASE, leaving=True)
    return Change(over.number, changed=((over, adopted),))


def begin_leaving(repository: MonitoringRepository, number: int, now: datetime) -> Change[bool]:
    """Marks the lease as draining. Returns False for the last worker: its session queues messages for the next one."""
    slots = repository.slots()
    mine = next((slot for slot in slots if slot.number == number), None)
    stays = any(slot.number != number and slot.until > now and not slot.leaving for slot in slots)
    if mine is None:
        return Change(answer=False)
    if not stays:
        return Change(answer=False, changed=((mine, replace(mine, until=now)),))
    return Change(answer=True, changed=((mine, replace(mine, until=now + LEASE, leaving=True)),))


def leave_slot(repository: MonitoringRepository, number: int) -> Change[None]:
    """Deletes the lease after its session is drained."""
    slot = repository.kept(Slot, number)
    return Change(None, removed=(slot,) if slot is not None else ())
