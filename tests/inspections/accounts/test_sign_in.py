from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.accounts.actions.sign_in import (
    behind_access,
    change_password,
    close_session,
    forget_tokens,
    open_session,
    refresh_session,
    use_access,
)
from inspections.accounts.sessions import UNUSED_AT_MOST, Digests, Session, TokenPair
from inspections.errors import Forbidden, Unauthenticated
from tests.builders.office import NOW, Office, later, new_id, wang

SESSION = new_id()


def digests(name):
    return Digests(f"access {name}", f"refresh {name}")


def signed_in():
    office = Office()
    office.do(open_session, wang, SESSION, "phone", digests(1), NOW)
    return office


def renew(office, old, new, now=NOW):
    """With the refresh token of the pair `old`, for the pair `new`."""
    renewed = office.do(refresh_session, f"refresh {old}", new_id(), digests(new), now)
    return None if isinstance(renewed, Session) else renewed


def use(office, name, now=NOW):
    """Whether the access token of this pair lets in."""
    return office.do(use_access, f"access {name}", now) is not None


def test_an_access_token_is_good_for_a_quarter_of_an_hour():
    office = signed_in()
    assert behind_access(office, "access 1", later(minutes=14)).person == wang
    assert behind_access(office, "access 1", later(minutes=15)) is None
    assert behind_access(office, "refresh 1", NOW) is None
    assert behind_access(office, "nobody's", NOW) is None
    assert not use(office, "nobody's")


def test_a_phone_whose_answer_was_lost_asks_again_and_again():
    office = signed_in()
    for lost in range(2, 6):
        assert renew(office, 1, lost, later(hours=lost)).person == wang
    assert renew(office, 1, 6, later(hours=7))
    assert use(office, 6, later(hours=7))
    assert not use(office, 1, later(hours=7))
    assert not use(office, 5, later(hours=7, seconds=61))  # of siblings those stand that are used within a minute
    assert use(office, 6, later(hours=7, seconds=61))


@pytest.mark.parametrize("kept", [2, 3])
def test_two_requests_of_one_phone_that_renew_at_once_both_go_on(kept):
    office = signed_in()
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


def test_a_sibling_that_was_never_used_and_comes_late_is_refused_alone():
    office = signed_in()
    renew(office, 1, 2)
    renew(office, 1, 3)
    use(office, 2)
    assert not use(office, 3, later(seconds=61))
    assert renew(office, 3, 4, later(seconds=61)) is None
    assert office.all(Session)[0].revoked_at is None
    assert use(office, 2, later(seconds=62))


def test_a_sibling_may_renew_before_it_was_used_for_anything_else():
    office = signed_in()
    renew(office, 1, 2)
    renew(office, 1, 3)
    use(office, 2)
    assert renew(office, 3, 4, later(seconds=30))
    assert use(office, 4, later(seconds=31))
    assert renew(office, 2, 5, later(seconds=92)) is None  # it was used and replaced: somebody holds a copy
    assert office.all(Session)[0].revoked_at == later(seconds=92)


def test_what_another_than_a_sibling_has_replaced_gives_no_access():
    office = signed_in()
    renew(office, 1, 2)
    renew(office, 1, 3)
    assert use(office, 2)
    assert use(office, 3)
    renew(office, 2, 4)
    renew(office, 3, 5)
    assert use(office, 4)
    assert not use(office, 5)


def test_the_old_tokens_stay_good_until_the_new_ones_are_used():
    office = signed_in()
    renew(office, 1, 2, later(minutes=5))
    assert use(office, 1, later(minutes=6))
    assert use(office, 2, later(minutes=7))
    assert not use(office, 1, later(minutes=7))


def test_what_was_replaced_may_ask_again_for_a_minute_and_then_ends_everything():
    office = signed_in()
    renew(office, 1, 2)
    use(office, 2)
    assert renew(office, 1, 3, later(seconds=60)).person == wang
    assert use(office, 3, later(seconds=60))
    assert renew(office, 2, 4, later(seconds=61)) is None  # it got no more grace than the one before had
    assert office.all(Session)[0].revoked_at == later(seconds=61)
    assert not use(office, 3, later(seconds=62))
    assert renew(office, 3, 5, later(seconds=62)) is None


def test_whoever_renews_with_a_new_token_has_used_it():
    office = signed_in()
    renew(office, 1, 2)
    assert renew(office, 2, 3)
    assert not use(office, 1)
    assert renew(office, 1, 4, later(minutes=2)) is None
    assert not use(office, 3, later(minutes=2))


def test_who_is_away_for_two_weeks_or_signed_in_a_month_ago_signs_in_again():
    office = signed_in()
    assert renew(office, 1, 2, later(days=14)) is None
    assert office.all(Session)[0].revoked_at is None
    for day in range(1, 30):
        assert renew(office, day, day + 1, later(days=day))
    assert use(office, 30, later(days=29))
    assert renew(office, 30, 31, later(days=30)) is None
    assert office.all(TokenPair)[-1].refresh_expires_at == later(days=30)


def test_pairs_that_nobody_used_give_way():
    office = signed_in()
    for name in range(2, 100):
        assert renew(office, 1, name, later(seconds=name))
    assert len(office.all(TokenPair)) <= UNUSED_AT_MOST + 1
    assert use(office, 99, later(minutes=2))


def test_what_is_no_refresh_token_renews_nothing():
    office = signed_in()
    assert renew(office, "unknown", 2) is None
    assert office.do(refresh_session, "access 1", new_id(), digests(2), NOW) is None
    office.keep(replace(wang, active=False))
    assert renew(office, 1, 2) is None
    assert behind_access(office, "access 1", NOW) is None


def test_signing_out_ends_the_session_once():
    office = signed_in()
    office.do(close_session, "access 1", NOW)
    office.do(close_session, "access 1", later(minutes=1))
    office.do(close_session, "unknown", NOW)
    assert office.all(Session)[0].revoked_at == NOW
    assert behind_access(office, "access 1", NOW) is None


def test_tokens_that_nothing_can_be_done_with_are_forgotten():
    office = signed_in()
    renew(office, 1, 2, later(days=1))
    assert office.do(forget_tokens, later(days=14, seconds=-1), 10) == 0
    assert office.do(forget_tokens, later(days=14), 10) == 1
    assert [each.refresh for each in office.all(TokenPair)] == ["refresh 2"]


def test_of_siblings_one_stands_also_when_the_pair_before_them_is_forgotten():
    office = signed_in()
    for name in (2, 3):
        assert renew(office, 1, name, later(days=14, minutes=-5))
    assert office.do(forget_tokens, later(days=14), 10) == 1
    assert use(office, 2, later(days=14))
    assert not use(office, 3, later(days=14, seconds=61))


class Holder:
    """Somebody with tokens, who does not know whether others have them too."""

    def __init__(self, office, label):
        self.office = office
        self.name = 1
        self.label = label
        self.asked = 0

    def asks(self, now):
        """Whether they are let in: by the access token they have, or by a new one."""
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
    office, now = signed_in(), NOW
    phone = Holder(office, "phone")
    for seconds, what, lost in story:
        if now + timedelta(seconds=seconds) >= later(days=30):
            break
        now += timedelta(seconds=seconds)
        assert phone.asks(now) if what == "asks" else phone.renews(now, lost)


@given(st.lists(st.tuples(WAITS, st.integers(1, 4), st.integers(0, 3)), max_size=20))
def test_a_phone_whose_requests_renew_side_by_side_is_never_signed_out(story):
    office, now, own = signed_in(), NOW, 1
    for at, (seconds, requests, kept) in enumerate(story):
        if now + timedelta(seconds=seconds) >= later(days=30):
            break
        now += timedelta(seconds=seconds)
        pairs = [f"{at} {request}" for request in range(requests)]
        assert all(renew(office, own, each, now) for each in pairs)
        assert all(use(office, each, now + timedelta(seconds=5)) for each in pairs)
        own = pairs[kept % requests]


@given(st.lists(st.tuples(WAITS, st.booleans(), st.integers(0, 2)), min_size=1, max_size=30))
def test_a_thief_with_a_copy_does_not_live_on_beside_the_phone(story):
    office, now = signed_in(), NOW
    phone, thief = Holder(office, "phone"), Holder(office, "thief")
    for seconds, by_thief, lost in story:
        now += timedelta(seconds=seconds)
        (thief if by_thief else phone).renews(now, lost)
    for minute in range(1, 40):  # both go on, each by itself
        last = phone.asks(now + timedelta(minutes=minute)), thief.asks(now + timedelta(minutes=minute, seconds=20))
    assert last != (True, True)


def test_who_changes_the_password_is_alone_afterwards():
    office = signed_in()
    office.do(open_session, wang, new_id(), "another", digests("other"), NOW)
    office.do(change_password, wang, "access 1", "new hash", NOW)
    assert office.person("wang").password == "new hash"
    assert (use(office, 1), use(office, "other")) == (True, False)
    with pytest.raises(Unauthenticated):
        office.do(change_password, wang, "access 1", "a third", NOW)  # it is another account by now


def test_a_session_that_is_forgotten_changes_the_password_and_ends_the_others():
    office = signed_in()
    office.do(change_password, wang, "nobody's", "new hash", NOW)
    assert not use(office, 1)


def test_the_password_of_the_demo_office_stays():
    office = signed_in()
    demo = replace(wang, demo=True)
    office.keep(demo)
    with pytest.raises(Forbidden):
        office.do(change_password, demo, "access 1", "new hash", NOW)
