"""A second factor: each code counts once, and whoever has lost the phone is not locked out for good."""

import pytest
from msgspec.structs import replace

from inspections.accounts.actions.people import Powers, change_person
from inspections.accounts.actions.second_factor import begin_factor, confirm_factor, remove_factor, take_factor
from inspections.accounts.actions.sign_in import Terms, open_session
from inspections.accounts.people import PersonChange
from inspections.accounts.policy import Scope
from inspections.accounts.second_factor import SecondFactor, Shown
from inspections.accounts.sessions import Digests, Session
from inspections.errors import Enrolled, Forbidden, Invalid, Missing, SecondFactorNeeded, SignInFailed
from tests.builders.office import NOW, THERE, Office, later, new_id, wang

EVERYWHERE = Scope("wu", ("",), ())
CODES = ("first", "second")


@pytest.fixture
def office():
    made = Office()
    made.do(begin_factor, wang, "SECRET", NOW)
    made.do(confirm_factor, "wang", Shown(100, "-"), CODES, NOW)
    return made


def comes(office, shown):
    tokens = Digests(str(new_id()), str(new_id()))
    return office.do(open_session, wang, new_id(), "phone", tokens, later(minutes=1), Terms(shown=shown))


def test_what_was_begun_and_not_confirmed_asks_nobody():
    office = Office()
    office.do(begin_factor, wang, "SECRET", NOW)
    assert comes(office, None)
    office.do(begin_factor, wang, "ANOTHER", NOW)
    assert [each.secret for each in office.all(SecondFactor)] == ["ANOTHER"]
    with pytest.raises(Invalid):
        office.do(confirm_factor, "wang", Shown(None, "-"), CODES, NOW)
    with pytest.raises(Missing):
        office.do(confirm_factor, "li", Shown(1, "-"), CODES, NOW)


def test_a_code_opens_once(office):
    with pytest.raises(SecondFactorNeeded):
        comes(office, None)
    with pytest.raises(SignInFailed):
        comes(office, Shown(100, "-"))  # the one that confirmed
    assert comes(office, Shown(101, "-"))
    for stale in (Shown(101, "-"), Shown(100, "-"), Shown(None, "-")):
        with pytest.raises(SignInFailed):
            comes(office, stale)
    assert len(office.all(Session)) == 1


def test_a_recovery_code_opens_once(office):
    assert comes(office, Shown(None, "second"))
    with pytest.raises(SignInFailed):
        comes(office, Shown(None, "second"))
    assert [each.recovery for each in office.all(SecondFactor)] == [("first",)]


def test_one_that_is_there_is_not_replaced(office):
    with pytest.raises(Enrolled):
        office.do(begin_factor, wang, "ANOTHER", NOW)
    with pytest.raises(Enrolled):
        office.do(confirm_factor, "wang", Shown(102, "-"), CODES, NOW)
    with pytest.raises(Forbidden):
        office.do(begin_factor, replace(wang, demo=True), "ANOTHER", NOW)


def test_its_owner_takes_it_away_with_a_code(office):
    with pytest.raises(Invalid):
        office.do(remove_factor, "wang", Shown(100, "-"))
    office.do(remove_factor, "wang", Shown(None, "first"))
    assert comes(office, None)
    with pytest.raises(Missing):
        office.do(remove_factor, "wang", Shown(None, "second"))


def test_an_administrator_takes_it_away(office):
    with pytest.raises(Missing):
        office.do(take_factor, Scope("wu", (THERE.code,), ()), "wang", NOW)
    office.keep(replace(wang, grants=(*wang.grants, replace(wang.grants[0], scope=THERE.code))))
    with pytest.raises(Forbidden):
        office.do(take_factor, Scope("wu", (THERE.code,), ()), "wang", NOW)
    office.do(take_factor, EVERYWHERE, "wang", NOW)
    office.do(take_factor, EVERYWHERE, "wang", NOW)
    assert office.all(SecondFactor) == []


def test_it_goes_with_the_name_of_its_owner(office):
    office.do(change_person, Powers(*[EVERYWHERE] * 3), "wang", PersonChange(version=1, erase=True), None, NOW)
    assert office.all(SecondFactor) == []
