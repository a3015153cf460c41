"""Broker leases: no two workers share a lease, and no lease is abandoned with messages waiting."""

from inspections.monitoring.actions.broker_leases import (
    acquire_lease,
    adopt_expired_lease,
    begin_drain,
    release_lease,
    renew_lease,
)
from inspections.monitoring.broker_leases import LEASE_DURATION, Lease
from tests.builders.office import NOW, Office, later


def test_each_worker_gets_a_lease_of_its_own_and_the_same_one_again():
    office = Office()
    assert [office.do(acquire_lease, each, NOW) for each in ("a", "b", "c", "b")] == [0, 1, 2, 1]
    office.do(release_lease, 1)
    office.do(release_lease, 1)
    assert office.do(acquire_lease, "d", NOW) == 1


def test_an_expired_lease_is_taken_over_by_the_next_worker():
    office = Office()
    office.do(acquire_lease, "a", NOW)
    office.do(acquire_lease, "b", NOW)
    assert office.do(renew_lease, 1, "b", later(seconds=20))
    assert office.do(acquire_lease, "c", NOW + LEASE_DURATION) == 0
    assert office.do(renew_lease, 0, "a", NOW + LEASE_DURATION) is False
    assert office.do(renew_lease, 7, "a", NOW + LEASE_DURATION) is False


def test_an_expired_lease_is_adopted_by_one_running_worker():
    office = Office()
    for holder in ("a", "b"):
        office.do(acquire_lease, holder, NOW)
    assert office.do(adopt_expired_lease, "a", later(seconds=20)) is None
    office.do(renew_lease, 0, "a", later(seconds=25))
    assert office.do(adopt_expired_lease, "a", later(seconds=40)) == 1
    assert office.do(adopt_expired_lease, "a", later(seconds=41)) is None
    assert office.do(acquire_lease, "c", later(seconds=42)) == 2
    assert office.do(renew_lease, 0, "a", later(seconds=50))
    assert office.do(adopt_expired_lease, "a", later(seconds=71)) == 1  # the worker that adopted it was killed too
    office.do(release_lease, 1)
    assert {each.number for each in office.all(Lease)} == {0, 2}


def test_the_last_worker_leaves_its_lease_undrained():
    office = Office()
    office.do(acquire_lease, "a", NOW)
    office.do(acquire_lease, "b", NOW)
    assert office.do(begin_drain, 0, NOW) is True
    assert office.do(begin_drain, 1, NOW) is False  # the other worker is draining already
    assert office.do(begin_drain, 5, NOW) is False
    office.do(release_lease, 0)
    assert office.do(acquire_lease, "c", later(seconds=1)) == 1  # at once, with the messages that wait in it
    office.do(acquire_lease, "d", later(seconds=1))
    office.do(begin_drain, 1, later(seconds=1))
    assert office.do(acquire_lease, "c", later(seconds=2)) == 1
    assert office.get(Lease, 1).leaving is False
