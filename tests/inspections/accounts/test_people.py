"""Accounts: grants for a period; what an administrator makes and changes."""

import msgspec
import pytest
from msgspec.structs import replace

from inspections.accounts.actions.people import (
    account_made_before,
    account_to_change,
    add_person,
    change_person,
    powers,
    seen_person,
)
from inspections.accounts.actions.sign_in import behind_access, open_session
from inspections.accounts.people import ERASED, Grant, NewGrant, NewPerson, PersonChange, Role
from inspections.accounts.sessions import Digests, Session
from inspections.errors import (
    Erased,
    Forbidden,
    IdConflict,
    IdTaken,
    Invalid,
    LastAdministrator,
    Missing,
    PersonStale,
    SignInFailed,
)
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign
from tests.builders.office import HERE, NOW, THERE, Office, later, new_id, person, wang, zhao, zhou
from tests.builders.reports import reported

zheng = person("zheng", Role.ADMIN, scope="")
feng = person("feng", Role.ADMIN, scope=HERE.code)
ALL, OURS = powers(zheng), powers(feng)
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
    assert not who.at(NOW).holds(Role.OFFICER, HERE.code)
    assert who.at(later(days=1)).holds(Role.OFFICER, HERE.code)
    assert not who.at(later(days=2)).holds(Role.OFFICER, HERE.code)
    assert who.at(NOW) == wang
    assert who.turns_after(NOW) == [later(days=1), later(days=2)]
    assert who.turns_after(later(days=1)) == [later(days=2)]


def test_a_hazard_is_assigned_to_who_is_a_handler_now(office):
    hazard = reported(office)
    office.keep(replace(zhao, grants=(Grant(Role.HANDLER, HERE.code, until=later(days=1)),)))
    officer = office.person("li")
    office.do(take_step, officer, hazard.id, Accept(id=new_id(), version=1), NOW)
    with pytest.raises(Invalid):
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
    assert refused.value.facts["fields"] == []  # that it is the password is never said
    with pytest.raises(IdTaken):
        office.do(add_person, OURS, replace(HAN, username="zhou"), "hash")


def test_a_password_may_be_compared_only_by_somebody_who_may_set_it(office):
    assert account_made_before(office, ALL, HAN) is None
    made = office.do(add_person, ALL, HAN, "hash").person
    assert account_made_before(office, OURS, HAN) == made
    for by, asked, refusal in (
        (OURS, replace(HAN, grants=(NewGrant(Role.INSPECTOR, THERE.code),)), Forbidden),
        (OURS, replace(HAN, username="zhou"), IdTaken),
        (OURS, replace(HAN, name="寒"), IdConflict),
    ):
        with pytest.raises(refusal):
            account_made_before(office, by, asked)
    change = PersonChange(1, password="a much better password")
    assert account_to_change(office, OURS, "han", change) == made
    assert account_to_change(office, OURS, "han", PersonChange(1, name="寒")) == made
    with pytest.raises(Missing):
        account_to_change(office, OURS, "zhou", change)
    with pytest.raises(Forbidden):
        account_to_change(office, OURS, "zheng", change)


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
def test_what_makes_no_account_is_refused(facts, words):
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert({**msgspec.to_builtins(HAN), **facts}, NewPerson)


def test_a_scope_begins_the_code_of_a_community_that_there_is(office):
    for prefix in ("", "33", HERE.street, HERE.code):
        name = f"han-{prefix}"
        office.do(add_person, ALL, NewPerson(name, name, "-" * 12, (NewGrant(Role.OFFICER, prefix),)), "hash")
    with pytest.raises(Invalid) as refused:
        office.do(add_person, ALL, replace(HAN, grants=(INSPECTOR, NewGrant(Role.OFFICER, "44"))), "hash")
    assert [each.field for each in refused.value.facts["errors"]] == ["grants[1].scope"]


def test_an_administrator_gives_nothing_beyond_their_own_scope(office):
    for prefix in ("", HERE.street, THERE.code):
        with pytest.raises(Forbidden):
            office.do(add_person, OURS, replace(HAN, grants=(NewGrant(Role.OFFICER, prefix),)), "hash")
    with pytest.raises(Forbidden):
        change(office, "wang", OURS, grants=(INSPECTOR, NewGrant(Role.ADMIN, "")))
    with pytest.raises(Missing):
        change(office, "zhou", OURS, name="周")
    with pytest.raises(Missing):
        change(office, "nobody", OURS, version=1, name="无")


def test_an_account_that_reaches_further_is_not_taken_over(office):
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


def test_an_account_is_seen_by_those_who_manage_it(office):
    assert seen_person(office, ALL.seeing, "zhou") == zhou
    assert seen_person(office, OURS.seeing, "wang") == wang
    with pytest.raises(Missing):
        seen_person(office, OURS.seeing, "zhou")
    office.keep(replace(zhou, grants=()))
    assert seen_person(office, OURS.seeing, "zhou").grants == ()


def test_a_change_carries_what_it_saw(office):
    after = change(office, "wang", name="王")
    assert (after.name, after.version) == ("王", 2)
    assert change(office, "wang", version=1, name="王") == after
    with pytest.raises(PersonStale) as refused:
        change(office, "wang", version=1, name="汪")
    assert refused.value.facts == {"sent": 1, "current": 2}
    with pytest.raises(Invalid):
        change(office, "wang", grants=(NewGrant(Role.OFFICER, "44"),))


def test_a_new_password_and_the_end_of_an_account_end_its_sessions(office):
    for at, facts in enumerate(({"password": "new"}, {"active": False}, {"erase": True})):
        office.keep(wang)
        office.do(open_session, wang, new_id(), "phone", Digests(f"access {at}", f"refresh {at}"), NOW)
        change(office, "wang", name="王")
        assert behind_access(office, f"access {at}", NOW).person.name == "王"
        change(office, "wang", **facts, now=later(minutes=1))
        assert behind_access(office, f"access {at}", NOW) is None
        assert office.all(Session)[at].revoked_at == later(minutes=1)


def test_who_was_changed_while_signing_in_is_not_let_in(office):
    change(office, "wang", password="new")
    with pytest.raises(SignInFailed):
        office.do(open_session, wang, new_id(), "phone", Digests("a", "r"), NOW)


def test_the_last_administrator_stays(office):
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
    with pytest.raises(Erased):
        change(office, "wang", active=True)
    with pytest.raises(msgspec.ValidationError, match="erase："):
        msgspec.convert({"version": 1, "erase": True, "name": "王"}, PersonChange)
