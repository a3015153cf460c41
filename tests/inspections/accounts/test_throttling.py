"""Throttling: failed sign-ins cause delays, and a successful sign-in removes its own attempt."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.accounts.actions.sign_in import AttemptKeys, count_password_attempt, undo_password_attempt
from inspections.accounts.throttling import (
    ACCOUNT_BACKOFF,
    ADDRESS_BACKOFF,
    ATTEMPT_RETENTION,
    AttemptCounter,
    add_attempt,
    remove_attempt,
)
from inspections.errors import TooManySignInAttempts
from tests.builders.office import NOW, Office

ATTEMPT_KEYS = AttemptKeys("a", "b")


def retry_after(tally, patience, now):
    try:
        add_attempt(tally, "key", patience, now)
    except TooManySignInAttempts as refusal:
        return refusal.facts["retry_after"]
    return None


@given(
    pauses=st.lists(st.floats(0, 7200), max_size=40),
    patience=st.sampled_from([ACCOUNT_BACKOFF, ADDRESS_BACKOFF]),
)
def test_an_attacker_gets_only_the_free_attempts_and_those_they_waited_for(pauses, patience):
    tally, now, got = None, NOW, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        wait = retry_after(tally, patience, now)
        if wait is None:
            tally = add_attempt(tally, "key", patience, now)
            got.append(now)
        else:
            assert 1 <= wait <= patience.longest.total_seconds()
            assert retry_after(tally, patience, now + timedelta(seconds=wait)) is None
    for first in got:
        hour = [each for each in got if first <= each < first + ATTEMPT_RETENTION]
        assert len(hour) <= patience.free * 2 + ATTEMPT_RETENTION / patience.longest + 12


def test_a_clock_that_was_set_back_locks_nobody_out():
    tally = AttemptCounter("key", NOW + timedelta(days=1), 99)
    assert add_attempt(tally, "key", ACCOUNT_BACKOFF, NOW) == AttemptCounter("key", NOW, 1)


def test_a_successful_sign_in_is_not_counted():
    office = Office()
    for _ in range(2):
        office.do(count_password_attempt, ATTEMPT_KEYS, NOW)
    assert {each.key: each.count for each in office.all(AttemptCounter)} == {"a": 2, "b": 2}
    office.do(undo_password_attempt, ATTEMPT_KEYS, whole=False)
    assert {each.key: each.count for each in office.all(AttemptCounter)} == {"a": 1, "b": 1}
    office.do(count_password_attempt, ATTEMPT_KEYS, NOW)
    office.do(undo_password_attempt, ATTEMPT_KEYS, whole=True)
    assert {each.key: each.count for each in office.all(AttemptCounter)} == {"b": 1}
    office.do(undo_password_attempt, ATTEMPT_KEYS, whole=True)
    assert office.all(AttemptCounter) == []
    office.do(undo_password_attempt, ATTEMPT_KEYS, whole=True)
    assert remove_attempt(AttemptCounter("b", NOW, 1)) is None


def test_a_refused_attempt_is_counted_for_neither_key():
    office = Office()
    office.keep(AttemptCounter("b", NOW, ADDRESS_BACKOFF.free))
    with pytest.raises(TooManySignInAttempts):
        office.do(count_password_attempt, ATTEMPT_KEYS, NOW)
    assert [each.count for each in office.all(AttemptCounter)] == [ADDRESS_BACKOFF.free]
