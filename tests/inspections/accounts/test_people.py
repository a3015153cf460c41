"""Accounts: grants hold for a period, and administrators create and change accounts within their scope."""

import msgspec
import pytest
from msgspec.structs import replace

from inspections.accounts.actions.people import (
    add_person,
    admin_scopes,
    change_person,
    find_changeable_account,
    find_existing_account,
    find_managed_person,
)
from inspections.accounts.actions.sign_in import find_valid_session, open_session
from inspections.accounts.people import ERASED, Grant, NewGrant, NewPerson, PersonChange, Role
from inspections.accounts.sessions import Session, TokenDigests
from inspections.errors import (
    ErasedPerson,
    Forbidden,
    IdConflict,
    IdOwnerConflict,
    InvalidCredentials,
    InvalidInput,
    LastAdministrator,
    NotFound,
    PersonVersionConflict,
)
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign
from tests.builders.office import HERE, NOW, THERE, Office, later, new_id, person, wang, zhao, zhou
from tests.builders.reports import report_new_hazard

zheng = person("zheng", Role.ADMIN, scope="")
feng = person("feng", Role.ADMIN, scope=HERE.code)
ALL, OURS = admin_scopes(zheng), admin_scopes(feng)
INSPECTOR = NewGrant(Role.INSPECTOR, HERE.code)
HAN = NewPerson("han", "韩", "correct horse battery", (INSPECTOR,))


@pytest.fixture
def office():
    office = Office()
    office.keep(zheng, feng)
    return office


def change(office, username, reach=ALL, *, password=None, now=NOW, **facts):
    version = facts.pop("version", None) or office.person(username).version
    return office.do(change_person, reach, username, PersonChange(version, **facts), password, now)


def test_a_grant_counts_from_its_beginning_until_its_end():
    grant = Grant(Role.OFFICER, HERE.code, later(days=1), later(days=2))
    who = replace(wang, grants=(*wang.grants, grant))
    assert not who.with_current_grants(NOW).has_role(Role.OFFICER, HERE.code)
    assert who.with_current_grants(later(days=1)).has_role(Role.OFFICER, HERE.code)
    assert not who.with_current_grants(later(days=2)).has_role(Role.OFFICER, HERE.code)
    assert who.with_current_grants(NOW) == wang
    assert who.upcoming_grant_changes(NOW) == [later(days=1), later(days=2)]
    assert who.upcoming_grant_changes(later(days=1)) == [later(days=2)]


def test_a_hazard_is_assigned_only_to_a_current_handler(office):
    hazard = report_new_hazard(office)
    office.keep(replace(zhao, grants=(Grant(Role.HANDLER, HERE.code, until=later(days=1)),)))
    officer = office.person("li")
    office.do(take_step, officer, hazard.id, Accept(id=new_id(), version=1), NOW)
    with pytest.raises(InvalidInput):
        office.do(take_step, officer, hazard.id, Assign(id=new_id(), version=2, lead="zhao"), later(days=1))
    office.do(take_step, officer, hazard.id, Assign(id=new_id(), version=2, lead="zhao"), NOW)


def test_an_administrator_makes_an_account_once(office):
    made = office.do(add_person, ALL, HAN, "hash")
    assert (made.person.username, made.person.grants, made.repeated) == (
        "han",
        (Grant(Role.INSPECTOR, HERE.code),),
        False,
    )
    assert office.do(add_person, ALL, HAN, "hash") == (made.person, True)
    with pytest.raises(IdConflict) as refused:
        office.do(add_person, ALL, replace(HAN, name="寒"), "another hash")
    assert refused.value.facts["fields"] == ["name"]
    with pytest.raises(IdConflict) as refused:
        office.do(add_person, ALL, HAN, "another hash")
    assert refused.value.facts["fields"] == []  # the answer never says that the password differs
    with pytest.raises(IdOwnerConflict):
        office.do(add_person, OURS, replace(HAN, username="zhou"), "hash")


def test_only_a_person_who_may_set_a_password_may_compare_it(office):
    assert find_existing_account(office, ALL, HAN) is None
    made = office.do(add_person, ALL, HAN, "hash").person
    assert find_existing_account(office, OURS, HAN) == made
    for by, asked, refusal in (
        (OURS, replace(HAN, grants=(NewGrant(Role.INSPECTOR, THERE.code),)), Forbidden),
        (OURS, replace(HAN, username="zhou"), IdOwnerConflict),
        (OURS, replace(HAN, name="寒"), IdConflict),
    ):
        with pytest.raises(refusal):
            find_existing_account(office, by, asked)
    change = PersonChange(1, password="a much better password")
    assert find_changeable_account(office, OURS, "han", change) == made
    assert find_changeable_account(office, OURS, "han", PersonChange(1, name="寒")) == made
    with pytest.raises(NotFound):
        find_changeable_account(office, OURS, "zhou", change)
    with pytest.raises(Forbidden):
        find_changeable_account(office, OURS, "zheng", change)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"username": "system"}, "username："),
        ({"username": "Han"}, "username"),
        ({"username": "h"}, "username"),
        ({"name": " "}, "name"),
        ({"password": "eleven char"}, "password"),
        ({"grants": [{"role": "inspector", "scope": "杭州"}]}, "scope"),
        ({"grants": [{"role": "inspector", "scope": "", "by": "wu"}]}, "by"),
        ({"grants": [{"role": "inspector", "scope": "", "since": later(days=1), "until": NOW}]}, "until："),
        ({"grants": [{"role": "inspector", "scope": "", "until": NOW.replace(year=3000)}]}, "until："),
    ],
)
def test_an_invalid_account_is_refused(facts, words):
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert({**msgspec.to_builtins(HAN), **facts}, NewPerson)


def test_a_scope_must_be_the_prefix_of_an_existing_community(office):
    for prefix in ("", "33", HERE.street, HERE.code):
        name = f"han-{prefix}"
        office.do(add_person, ALL, NewPerson(name, name, "-" * 12, (NewGrant(Role.OFFICER, prefix),)), "hash")
    with pytest.raises(InvalidInput) as refused:
        office.do(add_person, ALL, replace(HAN, grants=(INSPECTOR, NewGrant(Role.OFFICER, "44"))), "hash")
    assert [each.field for each in refused.value.facts["errors"]] == ["grants[1].scope"]


def test_an_administrator_grants_nothing_beyond_their_own_scope(office):
    for prefix in ("", HERE.street, THERE.code):
        with pytest.raises(Forbidden):
            office.do(add_person, OURS, replace(HAN, grants=(NewGrant(Role.OFFICER, prefix),)), "hash")
    with pytest.raises(Forbidden):
        change(office, "wang", OURS, grants=(INSPECTOR, NewGrant(Role.ADMIN, "")))
    with pytest.raises(NotFound):
        change(office, "zhou", OURS, name="周")
    with pytest.raises(NotFound):
        change(office, "nobody", OURS, version=1, name="无")


def test_an_administrator_cannot_take_over_an_account_of_wider_scope(office):
    office.keep(replace(wang, grants=(*wang.grants, Grant(Role.OFFICER, THERE.code))))
    for facts in ({"name": "王"}, {"active": False}, {"erase": True}):
        with pytest.raises(Forbidden):
            change(office, "wang", OURS, **facts)
    with pytest.raises(Forbidden):
        change(office, "wang", OURS, password="mine")
    with pytest.raises(Forbidden):
        change(office, "zheng", OURS, password="mine")
    kept = (NewGrant(Role.OFFICER, THERE.code), NewGrant(Role.HANDLER, HERE.code))
    assert change(office, "wang", OURS, grants=kept).grants == (
        Grant(Role.OFFICER, THERE.code),
        Grant(Role.HANDLER, HERE.code),
    )


def test_an_account_is_visible_to_its_administrators(office):
    assert find_managed_person(office, ALL.visible, "zhou") == zhou
    assert find_managed_person(office, OURS.visible, "wang") == wang
    with pytest.raises(NotFound):
        find_managed_person(office, OURS.visible, "zhou")
    office.keep(replace(zhou, grants=()))
    assert find_managed_person(office, OURS.visible, "zhou").grants == ()


def test_a_change_must_name_the_version_it_is_based_on(office):
    after = change(office, "wang", name="王")
    assert (after.name, after.version) == ("王", 2)
    assert change(office, "wang", version=1, name="王") == after
    with pytest.raises(PersonVersionConflict) as refused:
        change(office, "wang", version=1, name="汪")
    assert refused.value.facts == {"sent": 1, "current": 2}
    with pytest.raises(InvalidInput):
        change(office, "wang", grants=(NewGrant(Role.OFFICER, "44"),))


def test_a_new_password_and_the_end_of_an_account_end_its_sessions(office):
    for at, facts in enumerate(({"password": "new"}, {"active": False}, {"erase": True})):
        office.keep(wang)
        office.do(open_session, wang, new_id(), "phone", TokenDigests(f"access {at}", f"refresh {at}"), NOW)
        change(office, "wang", name="王")
        assert find_valid_session(office, f"access {at}", NOW).person.name == "王"
        change(office, "wang", **facts, now=later(minutes=1))
        assert find_valid_session(office, f"access {at}", NOW) is None
        assert office.all(Session)[at].revoked_at == later(minutes=1)


def test_a_person_whose_password_changed_while_signing_in_is_refused(office):
    change(office, "wang", password="new")
    with pytest.raises(InvalidCredentials):
        office.do(open_session, wang, new_id(), "phone", TokenDigests("a", "r"), NOW)


def test_the_last_administrator_cannot_be_removed(office):
    change(office, "feng", active=False)
    with pytest.raises(LastAdministrator):
        change(office, "zheng", grants=())
    with pytest.raises(LastAdministrator):
        change(office, "zheng", active=False)
    with pytest.raises(LastAdministrator):
        change(office, "zheng", grants=(NewGrant(Role.ADMIN, "", until=later(days=30)),))
    assert change(office, "zheng", grants=(NewGrant(Role.ADMIN, ""), INSPECTOR)).version == 2
    change(office, "feng", active=True)
    assert change(office, "zheng", grants=()).grants == ()


def test_a_name_is_erased_and_the_username_stays(office):
    erased = change(office, "wang", erase=True)
    assert (erased.username, erased.name, erased.active, erased.password) == ("wang", ERASED, False, "")
    assert change(office, "wang", version=1, erase=True) == erased
    with pytest.raises(ErasedPerson):
        change(office, "wang", active=True)
    with pytest.raises(msgspec.ValidationError, match="erase："):
        msgspec.convert({"version": 1, "erase": True, "name": "王"}, PersonChange)
