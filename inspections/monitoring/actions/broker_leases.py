"""Actions on broker leases: acquire, renew, take over an expired one, drain, release."""

from datetime import datetime

from msgspec.structs import replace

from inspections.change import Change
from inspections.monitoring.broker_leases import LEASE_DURATION, Lease, choose_lease_number
from inspections.monitoring.repository import MonitoringRepository


def acquire_lease(repository: MonitoringRepository, holder: str, now: datetime) -> Change[int]:
    leases = repository.leases()
    lease = Lease(choose_lease_number(leases, holder, now), holder, now + LEASE_DURATION)
    before = next((each for each in leases if each.number == lease.number), None)
    return Change(lease.number, (lease,)) if before is None else Change(lease.number, changed=((before, lease),))


def renew_lease(repository: MonitoringRepository, number: int, holder: str, now: datetime) -> Change[bool]:
    """Extends the lease. Returns False if another worker has taken it over after it expired."""
    lease = repository.get(Lease, number)
    if lease is None or lease.holder != holder:
        return Change(answer=False)
    return Change(answer=True, changed=((lease, replace(lease, until=now + LEASE_DURATION)),))


def adopt_expired_lease(repository: MonitoringRepository, holder: str, now: datetime) -> Change[int | None]:
    """Takes over an expired lease in order to drain its session; returns its number, or None."""
    expired = next((lease for lease in repository.leases() if lease.until <= now), None)
    if expired is None:
        return Change(None)
    adopted = Lease(expired.number, f"{expired.number} by {holder}", now + LEASE_DURATION, leaving=True)
    return Change(expired.number, changed=((expired, adopted),))


def begin_drain(repository: MonitoringRepository, number: int, now: datetime) -> Change[bool]:
    """Marks the lease as draining. Returns False for the last worker: its session queues messages for the next one."""
    leases = repository.leases()
    lease = next((each for each in leases if each.number == number), None)
    has_successor = any(each.number != number and each.until > now and not each.leaving for each in leases)
    if lease is None:
        return Change(answer=False)
    if not has_successor:
        return Change(answer=False, changed=((lease, replace(lease, until=now)),))
    return Change(answer=True, changed=((lease, replace(lease, until=now + LEASE_DURATION, leaving=True)),))


def release_lease(repository: MonitoringRepository, number: int) -> Change[None]:
    """Deletes the lease after its session is drained."""
    lease = repository.get(Lease, number)
    return Change(None, removed=(lease,) if lease is not None else ())
