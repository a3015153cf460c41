from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.accounts.actions.sign_in import (
    change_password,
    close_session,
    delete_expired_tokens,
    find_signed_in_person,
    find_valid_session,
    open_session,
    record_access_use,
    refresh_session,
)
from inspections.accounts.sessions import MAX_UNUSED_PAIRS, Session, TokenDigests, TokenPair
from inspections.errors import Forbidden, Unauthenticated
from tests.builders.office import NOW, Office, later, new_id, wang

SESSION = new_id()


def token_digests(name):
    return TokenDigests(f"access {name}", f"refresh {name}")


def office_with_session():
    office = Office()
    office.do(open_session, wang, SESSION, "phone", token_digests(1), NOW)
    return office


def renew(office, old, new, now=NOW):
    """Renew the session with the refresh token of the pair `old`; the new pair is `new`."""
    renewed = office.do(refresh_session, f"refresh {old}", new_id(), token_digests(new), now)
    return None if isinstance(renewed, Session) else renewed


def use(office, name, now=NOW):
    """Use the access token of this pair; return whether it is accepted."""
    return office.do(record_access_use, f"access {name}", now) is not None


def test_an_access_token_is_valid_for_a_quarter_of_an_hour():
    office = office_with_session()
    assert find_valid_session(office, "access 1", later(minutes=14)).person == wang
    assert find_valid_session(office, "access 1", later(minutes=15)) is None
    assert find_valid_session(office, "refresh 1", NOW) is None
    assert find_valid_session(office, "nobody's", NOW) is None
    assert not use(office, "nobody's")


def test_a_slow_request_outlives_its_token_but_not_its_device_or_account():
    office = office_with_session()
    assert find_signed_in_person(office, "access 1", later(minutes=40)) == wang
    assert find_signed_in_person(office, "refresh 1", NOW) is None
    assert find_signed_in_person(office, "nobody's", NOW) is None
    office.keep(replace(wang, active=False))
    assert find_signed_in_person(office, "access 1", NOW) is None
    office.keep(wang)
    office.do(close_session, "access 1", NOW)
    assert find_signed_in_person(office, "access 1", NOW) is None


def test_a_phone_may_renew_repeatedly_after_lost_answers():
    office = office_with_session()
    for lost in range(2, 6):
        assert renew(office, 1, lost, later(hours=lost)).person == wang
    assert renew(office, 1, 6, later(hours=7))
    assert use(office, 6, later(hours=7))
    assert not use(office, 1, later(hours=7))
    assert not use(office, 5, later(hours=7, seconds=61))  # siblings survive only if they are used within a minute
    assert use(office, 6, later(hours=7, seconds=61))


@pytest.mark.parametrize("kept", [2, 3])
def test_two_concurrent_renewals_of_one_phone_both_succeed(kept):
    office = office_with_session()
    use(office, 1)
    renew(office, 1, 2, later(minutes=15))
    renew(office, 1, 3, later(minutes=15))
    for name in (2, 3, 2, 3):
        assert use(office, name, later(minutes=15, seconds=1))
    for minutes in (16, 29):
        assert use(office, kept, later(minutes=minutes))
    assert renew(office, kept, 4, later(minutes=30))
    assert use(office, 4, later(minutes=30))
    assert use(office, 4, later(minutes=44))
    assert not use(office, 5 - kept, later(minutes=30, seconds=1))


def test_a_late_unused_sibling_is_refused_and_the_session_continues():
    office = office_with_session()
    renew(office, 1, 2)
    renew(office, 1, 3)
    use(office, 2)
    assert not use(office, 3, later(seconds=61))
    assert renew(office, 3, 4, later(seconds=61)) is None
    assert office.all(Session)[0].revoked_at is None
    assert use(office, 2, later(seconds=62))


def test_a_sibling_may_renew_before_any_other_use():
    office = office_with_session()
    renew(office, 1, 2)
    renew(office, 1, 3)
    use(office, 2)
    assert renew(office, 3, 4, later(seconds=30))
    assert use(office, 4, later(seconds=31))
    assert renew(office, 2, 5, later(seconds=92)) is None  # it was used and replaced, so somebody holds a copy
    assert office.all(Session)[0].revoked_at == later(seconds=92)


def test_a_pair_renewed_from_a_replaced_sibling_gives_no_access():
    office = office_with_session()
    renew(office, 1, 2)
    renew(office, 1, 3)
    assert use(office, 2)
    assert use(office, 3)
    renew(office, 2, 4)
    renew(office, 3, 5)
    assert use(office, 4)
    assert not use(office, 5)


def test_the_old_tokens_stay_valid_until_the_new_ones_are_used():
    office = office_with_session()
    renew(office, 1, 2, later(minutes=5))
    assert use(office, 1, later(minutes=6))
    assert use(office, 2, later(minutes=7))
    assert not use(office, 1, later(minutes=7))


def test_a_replaced_token_may_renew_for_a_minute_and_then_ends_the_session():
    office = office_with_session()
    renew(office, 1, 2)
    use(office, 2)
    assert renew(office, 1, 3, later(seconds=60)).person == wang
    assert use(office, 3, later(seconds=60))
    assert renew(office, 2, 4, later(seconds=61)) is None  # its grace period ends with that of the pair before
    assert office.all(Session)[0].revoked_at == later(seconds=61)
    assert not use(office, 3, later(seconds=62))
    assert renew(office, 3, 5, later(seconds=62)) is None


def test_renewing_with_a_new_token_counts_as_using_it():
    office = office_with_session()
    renew(office, 1, 2)
    assert renew(office, 2, 3)
    assert not use(office, 1)
    assert renew(office, 1, 4, later(minutes=2)) is None
    assert not use(office, 3, later(minutes=2))


def test_a_session_ends_after_two_idle_weeks_or_a_month():
    office = office_with_session()
    assert renew(office, 1, 2, later(days=14)) is None
    assert office.all(Session)[0].revoked_at is None
    for day in range(1, 30):
        assert renew(office, day, day + 1, later(days=day))
    assert use(office, 30, later(days=29))
    assert renew(office, 30, 31, later(days=30)) is None
    assert office.all(TokenPair)[-1].refresh_expires_at == later(days=30)


def test_surplus_unused_pairs_are_removed():
    office = office_with_session()
    for name in range(2, 100):
        assert renew(office, 1, name, later(seconds=name))
    assert len(office.all(TokenPair)) <= MAX_UNUSED_PAIRS + 1
    assert use(office, 99, later(minutes=2))


def test_an_invalid_refresh_token_renews_nothing():
    office = office_with_session()
    assert renew(office, "unknown", 2) is None
    assert office.do(refresh_session, "access 1", new_id(), token_digests(2), NOW) is None
    office.keep(replace(wang, active=False))
    assert renew(office, 1, 2) is None
    assert find_valid_session(office, "access 1", NOW) is None


def test_signing_out_ends_the_session_once():
    office = office_with_session()
    office.do(close_session, "access 1", NOW)
    office.do(close_session, "access 1", later(minutes=1))
    office.do(close_session, "unknown", NOW)
    assert office.all(Session)[0].revoked_at == NOW
    assert find_valid_session(office, "access 1", NOW) is None


def test_expired_tokens_are_deleted():
    office = office_with_session()
    renew(office, 1, 2, later(days=1))
    assert office.do(delete_expired_tokens, later(days=14, seconds=-1), 10) == 0
    assert office.do(delete_expired_tokens, later(days=14), 10) == 1
    assert [each.refresh for each in office.all(TokenPair)] == ["refresh 2"]


def test_only_one_sibling_survives_after_the_earlier_pair_was_deleted():
    office = office_with_session()
    for name in (2, 3):
        assert renew(office, 1, name, later(days=14, minutes=-5))
    assert office.do(delete_expired_tokens, later(days=14), 10) == 1
    assert use(office, 2, later(days=14))
    assert not use(office, 3, later(days=14, seconds=61))


class Holder:
    """A holder of tokens does not know whether somebody else has a copy."""

    def __init__(self, office, label):
        self.office = office
        self.name = 1
        self.label = label
        self.asked = 0

    def asks(self, now):
        """Return whether the holder gets access, with the present token or after a renewal."""
        return use(self.office, self.name, now) or (self.renews(now) and use(self.office, self.name, now))

    def renews(self, now, lost=0):
        for _ in range(lost + 1):
            self.asked += 1
            new = f"{self.label} {self.asked}"
            if renew(self.office, self.name, new, now) is None:
                return False
        self.name = new
        return True


WAITS = st.sampled_from([0, 1, 20, 59, 61, 600, 899, 901, 3600, 86_400])


@given(st.lists(st.tuples(WAITS, st.sampled_from(["asks", "renews"]), st.integers(0, 3)), max_size=40))
def test_a_phone_is_never_signed_out_by_a_bad_network(story):
    office, now = office_with_session(), NOW
    phone = Holder(office, "phone")
    for seconds, what, lost in story:
        if now + timedelta(seconds=seconds) >= later(days=30):
            break
        now += timedelta(seconds=seconds)
        assert phone.asks(now) if what == "asks" else phone.renews(now, lost)


@given(st.lists(st.tuples(WAITS, st.integers(1, 4), st.integers(0, 3)), max_size=20))
def test_a_phone_whose_requests_renew_side_by_side_is_never_signed_out(story):
    office, now, own = office_with_session(), NOW, 1
    for at, (seconds, requests, kept) in enumerate(story):
        if now + timedelta(seconds=seconds) >= later(days=30):
            break
        now += timedelta(seconds=seconds)
        pairs = [f"{at} {request}" for request in range(requests)]
        assert all(renew(office, own, each, now) for each in pairs)
        assert all(use(office, each, now + timedelta(seconds=5)) for each in pairs)
        own = pairs[kept % requests]


@given(st.lists(st.tuples(WAITS, st.booleans(), st.integers(0, 2)), min_size=1, max_size=30))
def test_a_thief_with_copied_tokens_and_the_phone_cannot_both_continue(story):
    office, now = office_with_session(), NOW
    phone, thief = Holder(office, "phone"), Holder(office, "thief")
    for seconds, by_thief, lost in story:
        now += timedelta(seconds=seconds)
        (thief if by_thief else phone).renews(now, lost)
    for minute in range(1, 40):  # both continue independently
        last = phone.asks(now + timedelta(minutes=minute)), thief.asks(now + timedelta(minutes=minute, seconds=20))
    assert last != (True, True)


def test_a_password_change_ends_the_other_sessions():
    office = office_with_session()
    office.do(open_session, wang, new_id(), "another", token_digests("other"), NOW)
    office.do(change_password, wang, "access 1", "new hash", NOW)
    assert office.person("wang").password == "new hash"
    assert (use(office, 1), use(office, "other")) == (True, False)
    with pytest.raises(Unauthenticated):
        office.do(change_password, wang, "access 1", "a third", NOW)  # `wang` is out of date by now


def test_a_password_change_from_an_unknown_session_ends_all_sessions():
    office = office_with_session()
    office.do(change_password, wang, "nobody's", "new hash", NOW)
    assert not use(office, 1)


def test_the_password_of_a_demo_account_cannot_be_changed():
    office = office_with_session()
    demo = replace(wang, demo=True)
    office.keep(demo)
    with pytest.raises(Forbidden):
        office.do(change_password, demo, "access 1", "new hash", NOW)
