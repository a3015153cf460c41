"""Workers' places at the broker: no two in one, none left with messages in it."""

from inspections.monitoring.actions.broker_leases import adopt_slot, begin_leaving, keep_slot, leave_slot, take_slot
from inspections.monitoring.broker_leases import LEASE, Slot
from tests.builders.office import NOW, Office, later


def test_each_worker_has_a_place_of_its_own_and_finds_it_again():
    office = Office()
    assert [office.do(take_slot, each, NOW) for each in ("a", "b", "c", "b")] == [0, 1, 2, 1]
    office.do(leave_slot, 1)
    office.do(leave_slot, 1)
    assert office.do(take_slot, "d", NOW) == 1


def test_a_place_whose_lease_is_over_is_taken_over_with_what_waits_in_it():
    office = Office()
    office.do(take_slot, "a", NOW)
    office.do(take_slot, "b", NOW)
    assert office.do(keep_slot, 1, "b", later(seconds=20))
    assert office.do(take_slot, "c", NOW + LEASE) == 0
    assert office.do(keep_slot, 0, "a", NOW + LEASE) is False
    assert office.do(keep_slot, 7, "a", NOW + LEASE) is False


def test_what_was_left_behind_is_emptied_by_one_of_those_who_are_there():
    office = Office()
    for holder in ("a", "b"):
        office.do(take_slot, holder, NOW)
    assert office.do(adopt_slot, "a", later(seconds=20)) is None
    office.do(keep_slot, 0, "a", later(seconds=25))
    assert office.do(adopt_slot, "a", later(seconds=40)) == 1
    assert office.do(adopt_slot, "a", later(seconds=41)) is None
    assert office.do(take_slot, "c", later(seconds=42)) == 2
    assert office.do(keep_slot, 0, "a", later(seconds=50))
    assert office.do(adopt_slot, "a", later(seconds=71)) == 1  # whoever emptied it was killed too
    office.do(leave_slot, 1)
    assert {each.number for each in office.all(Slot)} == {0, 2}


def test_the_last_one_leaves_its_place_as_it_is():
    office = Office()
    office.do(take_slot, "a", NOW)
    office.do(take_slot, "b", NOW)
    assert office.do(begin_leaving, 0, NOW) is True
    assert office.do(begin_leaving, 1, NOW) is False  # the other is on its way out
    assert office.do(begin_leaving, 5, NOW) is False
    office.do(leave_slot, 0)
    assert office.do(take_slot, "c", later(seconds=1)) == 1  # at once, with what waits in it
    office.do(take_slot, "d", later(seconds=1))
    office.do(begin_leaving, 1, later(seconds=1))
    assert office.do(take_slot, "c", later(seconds=2)) == 1
    assert office.kept(Slot, 1).leaving is False
