"""Second factor: each code is accepted once, and recovery codes or an administrator help after a lost phone."""

import pytest
from msgspec.structs import replace

from inspections.accounts.actions.people import admin_scopes, change_person
from inspections.accounts.actions.second_factor import (
    begin_factor_enrollment,
    confirm_factor,
    remove_factor,
    reset_factor,
)
from inspections.accounts.actions.sign_in import SessionOptions, open_session
from inspections.accounts.people import PersonChange, Role
from inspections.accounts.second_factor import SecondFactor, SubmittedCode
from inspections.accounts.sessions import Session, TokenDigests
from inspections.errors import (
    ExistingSecondFactor,
    Forbidden,
    InvalidCredentials,
    InvalidInput,
    MissingTotpCode,
    NotFound,
)
from tests.builders.office import NOW, THERE, Office, later, new_id, person, wang

ADMIN, ELSEWHERE = (admin_scopes(person("wu", Role.ADMIN, scope=scope)) for scope in ("", THERE.code))
CODES = ("first", "second")


@pytest.fixture
def office():
    made = Office()
    made.do(begin_factor_enrollment, wang, "SECRET", NOW)
    made.do(confirm_factor, "wang", SubmittedCode(100, "-"), CODES, NOW)
    return made


def sign_in(office, shown):
    tokens = TokenDigests(str(new_id()), str(new_id()))
    return office.do(open_session, wang, new_id(), "phone", tokens, later(minutes=1), SessionOptions(code=shown))


def test_an_unconfirmed_second_factor_is_not_asked_for():
    office = Office()
    office.do(begin_factor_enrollment, wang, "SECRET", NOW)
    assert sign_in(office, None)
    office.do(begin_factor_enrollment, wang, "ANOTHER", NOW)
    assert [each.secret for each in office.all(SecondFactor)] == ["ANOTHER"]
    with pytest.raises(InvalidInput):
        office.do(confirm_factor, "wang", SubmittedCode(None, "-"), CODES, NOW)
    with pytest.raises(NotFound):
        office.do(confirm_factor, "li", SubmittedCode(1, "-"), CODES, NOW)


def test_a_code_is_accepted_once(office):
    with pytest.raises(MissingTotpCode):
        sign_in(office, None)
    with pytest.raises(InvalidCredentials):
        sign_in(office, SubmittedCode(100, "-"))  # it was used for confirmation
    assert sign_in(office, SubmittedCode(101, "-"))
    for stale in (SubmittedCode(101, "-"), SubmittedCode(100, "-"), SubmittedCode(None, "-")):
        with pytest.raises(InvalidCredentials):
            sign_in(office, stale)
    assert len(office.all(Session)) == 1


def test_a_recovery_code_is_accepted_once(office):
    assert sign_in(office, SubmittedCode(None, "second"))
    with pytest.raises(InvalidCredentials):
        sign_in(office, SubmittedCode(None, "second"))
    assert [each.recovery for each in office.all(SecondFactor)] == [("first",)]


def test_a_confirmed_second_factor_is_not_replaced(office):
    with pytest.raises(ExistingSecondFactor):
        office.do(begin_factor_enrollment, wang, "ANOTHER", NOW)
    with pytest.raises(ExistingSecondFactor):
        office.do(confirm_factor, "wang", SubmittedCode(102, "-"), CODES, NOW)
    with pytest.raises(Forbidden):
        office.do(begin_factor_enrollment, replace(wang, demo=True), "ANOTHER", NOW)


def test_the_owner_removes_the_second_factor_with_a_code(office):
    with pytest.raises(InvalidInput):
        office.do(remove_factor, "wang", SubmittedCode(100, "-"))
    office.do(remove_factor, "wang", SubmittedCode(None, "first"))
    assert sign_in(office, None)
    with pytest.raises(NotFound):
        office.do(remove_factor, "wang", SubmittedCode(None, "second"))


def test_an_administrator_resets_the_second_factor(office):
    with pytest.raises(NotFound):
        office.do(reset_factor, ELSEWHERE, "wang", NOW)
    office.keep(replace(wang, grants=(*wang.grants, replace(wang.grants[0], scope=THERE.code))))
    with pytest.raises(Forbidden):
        office.do(reset_factor, ELSEWHERE, "wang", NOW)
    office.do(reset_factor, ADMIN, "wang", NOW)
    office.do(reset_factor, ADMIN, "wang", NOW)
    assert office.all(SecondFactor) == []


def test_erasing_the_owner_removes_the_second_factor(office):
    office.do(change_person, ADMIN, "wang", PersonChange(version=1, erase=True), None, NOW)
    assert office.all(SecondFactor) == []
