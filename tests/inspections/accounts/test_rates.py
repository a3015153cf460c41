"""Who fails to sign in waits; who comes in is forgiven."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.accounts.actions.sign_in import Tries, good_password, try_password
from inspections.accounts.throttling import OF_ACCOUNT, OF_ADDRESS, TRIES_KEPT, Tally, tried, untried
from inspections.errors import TooManyTries
from tests.builders.office import NOW, Office

TRIES = Tries("a", "b")


def waits(tally, patience, now):
    try:
        tried(tally, "key", patience, now)
    except TooManyTries as refusal:
        return refusal.facts["retry_after"]
    return None


@given(
    pauses=st.lists(st.floats(0, 7200), max_size=40),
    patience=st.sampled_from([OF_ACCOUNT, OF_ADDRESS]),
)
def test_an_attacker_never_gets_more_than_the_free_tries_and_those_they_waited_for(pauses, patience):
    tally, now, got = None, NOW, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        wait = waits(tally, patience, now)
        if wait is None:
            tally = tried(tally, "key", patience, now)
            got.append(now)
        else:
            assert 1 <= wait <= patience.longest.total_seconds()
            assert waits(tally, patience, now + timedelta(seconds=wait)) is None
    for first in got:
        hour = [each for each in got if first <= each < first + TRIES_KEPT]
        assert len(hour) <= patience.free * 2 + TRIES_KEPT / patience.longest + 12


def test_a_clock_that_was_set_back_keeps_nobody_out():
    tally = Tally("key", NOW + timedelta(days=1), 99)
    assert tried(tally, "key", OF_ACCOUNT, NOW) == Tally("key", NOW, 1)


def test_what_was_no_failure_is_not_counted():
    office = Office()
    for _ in range(2):
        office.do(try_password, TRIES, NOW)
    assert {each.key: each.count for each in office.all(Tally)} == {"a": 2, "b": 2}
    office.do(good_password, TRIES, whole=False)
    assert {each.key: each.count for each in office.all(Tally)} == {"a": 1, "b": 1}
    office.do(try_password, TRIES, NOW)
    office.do(good_password, TRIES, whole=True)
    assert {each.key: each.count for each in office.all(Tally)} == {"b": 1}
    office.do(good_password, TRIES, whole=True)
    assert office.all(Tally) == []
    office.do(good_password, TRIES, whole=True)
    assert untried(Tally("b", NOW, 1)) is None


def test_a_try_that_was_refused_counts_for_neither():
    office = Office()
    office.keep(Tally("b", NOW, OF_ADDRESS.free))
    with pytest.raises(TooManyTries):
        office.do(try_password, TRIES, NOW)
    assert [each.count for each in office.all(Tally)] == [OF_ADDRESS.free]
