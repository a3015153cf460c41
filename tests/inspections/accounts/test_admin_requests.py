"""Requests to change an administrator's account: who may confirm them, and what they may not do."""

import pytest
from msgspec.structs import replace

from inspections.accounts.actions.admin_requests import (
    confirm_request,
    reject_request,
    request_change,
    request_factor_reset,
    visible_requests,
)
from inspections.accounts.actions.delegations import make_delegation
from inspections.accounts.actions.people import add_person, admin_scopes, change_needs_confirmation, change_person
from inspections.accounts.actions.second_factor import reset_factor
from inspections.accounts.admin_requests import AdminRequest, RequestState
from inspections.accounts.delegations import NewDelegation
from inspections.accounts.people import NewGrant, NewPerson, PersonChange, Role
from inspections.accounts.policy import scope
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.security_profile import STANDARD, STRICT
from inspections.errors import ClosedAdminRequest, Forbidden, InvalidInput, NotFound, PersonVersionConflict
from tests.builders.office import HERE, NOW, THERE, Office, later, new_id, person

ben = person("ben", Role.SYSTEM_ADMIN, scope="")
qin = person("qin", Role.SECURITY_ADMIN, scope="")
shen = person("shen", Role.AUDIT_ADMIN, scope="")
tang = person("tang", Role.SECURITY_ADMIN, scope="")
sun = person("sun", Role.SUPERVISOR, scope="")
hu = person("hu", Role.AUDIT_ADMIN, scope=THERE.code)


@pytest.fixture
def office():
    office = Office()
    office.keep(ben, qin, shen, tang, sun, hu)
    office.keep(SecondFactor("shen", "SECRET", NOW, NOW))
    return office


def ask(office, by, username, hashed=None, **facts):
    asked = PersonChange(office.person(username).version, **facts)
    return office.do(request_change, admin_scopes(by), username, asked, hashed, NOW, STRICT)


def confirm(office, by, request, now=NOW):
    return office.do(confirm_request, by, request.id, now, STRICT)


def test_an_administrator_s_password_is_set_once_another_kind_has_confirmed(office):
    request = ask(office, qin, "shen", "hash", password="x" * 12)
    assert office.person("shen") == shen
    assert (request.state(NOW), request.change.password) == (RequestState.PENDING, None)
    for same_kind in (qin, tang):
        with pytest.raises(Forbidden):
            confirm(office, same_kind, request)
    done = confirm(office, ben, request)
    assert (office.person("shen").password, office.person("shen").version) == ("hash", 2)
    assert (done.state(NOW), done.decided_by, done.password, done.sets_password) == (
        RequestState.CONFIRMED, "ben", "", True,
    )  # fmt: skip
    assert confirm(office, ben, request) == done
    with pytest.raises(ClosedAdminRequest):
        confirm(office, shen, request)
    with pytest.raises(ClosedAdminRequest):
        office.do(reject_request, ben, request.id, NOW)


def test_a_second_factor_of_an_administrator_is_removed_in_the_same_way(office):
    with pytest.raises(Forbidden):
        office.do(reset_factor, admin_scopes(qin), "shen", NOW, STRICT)
    request = office.do(request_factor_reset, admin_scopes(qin), "shen", NOW, STRICT)
    assert office.get(SecondFactor, "shen")
    confirm(office, ben, request)
    assert office.get(SecondFactor, "shen") is None
    assert office.get(AdminRequest, request.id).change is None


def test_a_request_ends_after_a_day_and_when_somebody_rejects_it(office):
    request = ask(office, qin, "shen", "hash", password="x" * 12)
    with pytest.raises(ClosedAdminRequest):
        confirm(office, ben, request, later(hours=24))
    assert request.state(later(hours=24)) is RequestState.EXPIRED
    rejected = office.do(reject_request, qin, request.id, NOW)
    assert (rejected.state(NOW), rejected.password) == (RequestState.REJECTED, "")
    assert office.do(reject_request, ben, request.id, NOW) == rejected
    with pytest.raises(ClosedAdminRequest):
        confirm(office, ben, request)


def test_a_new_request_replaces_the_requester_s_earlier_one(office):
    ask(office, qin, "shen", "hash", password="x" * 12)
    other = ask(office, tang, "shen", "hash", password="x" * 12)
    newest = ask(office, qin, "shen", "hash2", password="x" * 12)
    assert {each.id for each in visible_requests(office, scope(ben, "admin_request.decide"))} == {other.id, newest.id}


def test_a_request_is_carried_out_with_the_rights_that_its_maker_has_then(office):
    request = ask(office, qin, "shen", "hash", password="x" * 12)
    office.keep(replace(qin, active=False))
    with pytest.raises(Forbidden):
        confirm(office, ben, request)
    office.keep(replace(qin, grants=()))
    with pytest.raises(Forbidden):
        confirm(office, ben, request)
    office.keep(qin)
    office.keep(replace(shen, version=2))
    with pytest.raises(PersonVersionConflict):
        confirm(office, ben, request)


def test_a_request_about_an_account_out_of_reach_is_hidden(office):
    request = ask(office, qin, "shen", "hash", password="x" * 12)
    assert visible_requests(office, scope(hu, "admin_request.decide")) == []
    with pytest.raises(NotFound):
        confirm(office, hu, request)
    with pytest.raises(NotFound):
        office.do(reject_request, ben, new_id(), NOW)


@pytest.mark.parametrize(
    ("username", "facts", "needed"),
    [
        ("shen", {"active": False}, False),
        ("shen", {"name": "申", "email": "shen@example.org"}, False),
        ("shen", {"erase": True}, False),
        ("shen", {"grants": ()}, True),
        ("sun", {"grants": (NewGrant(Role.AUDIT_ADMIN, ""),)}, True),
        ("sun", {"password": "x" * 12}, False),
        ("sun", {"grants": ()}, False),
    ],
)
def test_what_opens_an_administrator_s_account_needs_a_confirmation(office, username, facts, needed):
    before = office.person(username)
    hashed = "hash" if "password" in facts else None
    assert change_needs_confirmation(before, PersonChange(1, **facts), hashed, STRICT) is needed
    assert not change_needs_confirmation(before, PersonChange(1, **facts), hashed, STANDARD)


def test_a_deactivated_administrator_comes_back_by_confirmation_only(office):
    office.keep(replace(shen, active=False))
    with pytest.raises(Forbidden):
        office.do(change_person, admin_scopes(ben), "shen", PersonChange(1, active=True), None, NOW, STRICT)
    done = confirm(office, qin, ask(office, ben, "shen", active=True, name="申"))
    assert (office.person("shen").active, office.person("shen").name) == (True, "申")
    assert (done.change.active, done.change.name) == (True, None)


def test_an_administrator_has_no_business_role_also_not_by_delegation(office):
    mixed = (NewGrant(Role.SECURITY_ADMIN, ""), NewGrant(Role.OFFICER, HERE.code))
    with pytest.raises(InvalidInput):
        ask(office, qin, "qin", grants=mixed)
    lent = NewDelegation(new_id(), "qin", NOW, later(days=1), "外出培训")
    with pytest.raises(InvalidInput):
        office.do(make_delegation, sun, lent, NOW, STRICT)
    office.do(make_delegation, sun, replace(lent, id=new_id(), to="wang"), NOW, STRICT)
    with pytest.raises(InvalidInput):
        ask(office, qin, "wang", grants=(NewGrant(Role.AUDIT_ADMIN, ""),))


def test_an_account_is_created_as_an_administrator_at_the_machine_only(office):
    both = admin_scopes(person("zheng", Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, scope=""))
    han = NewPerson("han", "韩", "Correct horse 9", (NewGrant(Role.AUDIT_ADMIN, ""),))
    with pytest.raises(Forbidden):
        office.do(add_person, both, han, "hash", STRICT)
    assert office.do(add_person, both.confirm(), han, "hash", STRICT).person.username == "han"
