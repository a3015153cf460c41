"""Delegations: a supervisor lends a role for a period, and the history names both persons."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from inspections.accounts.actions.delegations import (
    make_delegation,
    people_with_delegations,
    person_with_delegations,
    revoke_delegation,
    visible_delegations,
)
from inspections.accounts.delegations import Delegation, NewDelegation
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import find_delegator, scope
from inspections.errors import Forbidden, IdConflict, IdOwnerConflict, InvalidInput, NotFound
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Note
from tests.builders.office import HERE, NOW, THERE, Office, later, li, new_id, person, wang
from tests.builders.reports import report_new_hazard

wu = person("wu", Role.SUPERVISOR)
zheng = person("zheng", Role.ADMIN, scope="")
feng = person("feng", Role.ADMIN, scope=THERE.code)
han = Person("han", "han", (), "-")
DAYS = {"since": NOW, "until": later(days=14)}


def new_delegation(**facts):
    return NewDelegation(**{"id": new_id(), "to": "han", **DAYS, "reason": "休假", **facts})


@pytest.fixture
def office():
    office = Office()
    office.keep(wu, zheng, feng, han)
    return office


def load_person(office, who, when):
    return person_with_delegations(office, office.person(who.username), when).with_current_grants(when)


def test_a_delegation_is_valid_for_its_period_and_then_ends(office):
    office.do(make_delegation, wu, new_delegation(since=later(days=1)), NOW)
    assert not scope(load_person(office, han, NOW), "statistics.see")
    assert scope(load_person(office, han, later(days=1)), "statistics.see").covers_community(HERE.code)
    assert load_person(office, han, later(days=1)).grants == (
        Grant(Role.SUPERVISOR, HERE.code, later(days=1), later(days=14), "wu"),
    )
    assert not scope(load_person(office, han, later(days=14)), "statistics.see")
    assert load_person(office, wang, NOW) is wang


def test_the_same_delegation_sent_again_is_recognised(office):
    body = new_delegation()
    made = office.do(make_delegation, wu, body, NOW)
    assert not made.repeated
    again = office.do(make_delegation, wu, body, later(days=30))
    assert again.repeated
    assert again.delegation == made.delegation
    with pytest.raises(IdConflict) as refused:
        office.do(make_delegation, wu, replace(body, to="li", reason="出差"), NOW)
    assert refused.value.facts["fields"] == ["to", "reason"]
    office.keep(other := person("jiang", Role.SUPERVISOR))
    with pytest.raises(IdOwnerConflict):
        office.do(make_delegation, other, body, NOW)


def test_a_person_delegates_only_roles_of_their_own(office):
    with pytest.raises(Forbidden):
        office.do(make_delegation, li, new_delegation(), NOW)
    with pytest.raises(Forbidden):
        office.do(make_delegation, person("nobody", Role.SUPERVISOR), new_delegation(), NOW)
    office.do(make_delegation, wu, new_delegation(), NOW)
    with pytest.raises(Forbidden):
        office.do(make_delegation, load_person(office, han, NOW), new_delegation(to="li"), NOW)
    with pytest.raises(InvalidInput) as refused:
        office.do(make_delegation, wu, new_delegation(scope=THERE.code), NOW)
    assert [each.field for each in refused.value.facts["errors"]] == ["scope"]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"to": "wu"}, "to"),
        ({"since": NOW - timedelta(minutes=6)}, "since"),
        ({"since": NOW - timedelta(days=2), "until": NOW}, "until"),
    ],
)
def test_a_delegation_that_makes_no_sense_is_refused(office, facts, field):
    with pytest.raises(InvalidInput) as refused:
        office.do(make_delegation, wu, new_delegation(**facts), NOW)
    assert field in [each.field for each in refused.value.facts["errors"]]


def test_the_start_of_a_delegation_may_lie_some_minutes_back(office):
    assert office.do(make_delegation, wu, new_delegation(since=NOW - timedelta(minutes=4)), NOW)


def test_a_delegation_lasts_ninety_days_at_most():
    sent = msgspec.to_builtins(new_delegation(until=NOW + timedelta(days=90)))
    assert msgspec.convert(sent, NewDelegation)
    for until in (NOW + timedelta(days=90, seconds=1), NOW, NOW.replace(year=3000)):
        with pytest.raises(msgspec.ValidationError, match="until："):
            msgspec.convert({**sent, "until": until}, NewDelegation)
    with pytest.raises(msgspec.ValidationError, match="role"):
        msgspec.convert({**sent, "role": "admin"}, NewDelegation)


def test_an_unknown_and_a_deactivated_receiver_get_the_same_error(office):
    office.keep(replace(han, active=False))
    for to in ("nobody", "han"):
        with pytest.raises(NotFound) as refused:
            office.do(make_delegation, wu, new_delegation(to=to), NOW)
        assert refused.value.facts["errors"][0].field == "to"


def test_a_delegation_ends_when_the_giver_loses_the_role(office):
    office.do(make_delegation, wu, new_delegation(), NOW)
    assert load_person(office, han, NOW).grants
    for lost in (replace(wu, grants=()), replace(wu, active=False), replace(wu, grants=li.grants)):
        office.keep(lost)
        assert not load_person(office, han, NOW).grants


def test_the_giver_s_own_grant_period_limits_the_delegation(office):
    grant = Grant(Role.SUPERVISOR, HERE.street, later(days=1), later(days=2))
    office.keep(replace(wu, grants=(*wu.grants, grant)))
    office.do(make_delegation, wu, new_delegation(), NOW)
    assert [each.scope for each in load_person(office, han, NOW).grants] == [HERE.code]
    assert [each.scope for each in load_person(office, han, later(days=1)).grants] == [HERE.code, HERE.street]
    assert [each.scope for each in load_person(office, han, later(days=2)).grants] == [HERE.code]


def test_a_scope_narrows_the_delegation(office):
    office.keep(replace(wu, grants=(Grant(Role.SUPERVISOR, HERE.street), Grant(Role.SUPERVISOR, "44"))))
    office.do(make_delegation, wu, new_delegation(scope=HERE.code), NOW)
    assert [each.scope for each in load_person(office, han, NOW).grants] == [HERE.code]


def test_the_giver_revokes_a_delegation_once(office):
    made = office.do(make_delegation, wu, new_delegation(), NOW).delegation
    taken = office.do(revoke_delegation, wu, made.id, later(days=1))
    assert taken.revoked_at == later(days=1)
    assert not load_person(office, han, later(days=1)).grants
    assert office.do(revoke_delegation, wu, made.id, later(days=2)) == taken


def test_an_ended_delegation_is_not_revoked(office):
    made = office.do(make_delegation, wu, new_delegation(), NOW).delegation
    assert office.do(revoke_delegation, wu, made.id, later(days=14)).revoked_at is None


def test_only_the_giver_and_administrators_revoke_a_delegation_and_strangers_do_not_see_it(office):
    made = office.do(make_delegation, wu, new_delegation(), NOW).delegation
    with pytest.raises(Forbidden):
        office.do(revoke_delegation, load_person(office, han, NOW), made.id, NOW)
    for stranger in (li, feng):
        with pytest.raises(NotFound):
            office.do(revoke_delegation, stranger, made.id, NOW)
        assert visible_delegations(office, stranger) == []
    with pytest.raises(NotFound):
        office.do(revoke_delegation, wu, new_id(), NOW)
    for knows in (wu, han, zheng):
        assert visible_delegations(office, knows) == [made]
    assert office.do(revoke_delegation, zheng, made.id, NOW).revoked_at == NOW
    assert visible_delegations(office, han) == [office.all(Delegation)[0]]


def test_the_list_of_people_includes_their_delegated_grants(office):
    made = office.do(make_delegation, wu, new_delegation(), NOW).delegation
    lent = {each.username: each.with_current_grants(NOW).grants for each in people_with_delegations(office, NOW)}
    assert [grant.by for grant in lent["han"]] == ["wu"]
    assert lent["wang"] == wang.grants
    office.do(revoke_delegation, wu, made.id, NOW)
    assert all(grant.by is None for each in people_with_delegations(office, NOW) for grant in each.grants)


def test_the_history_names_the_person_acted_for(office):
    hazard = report_new_hazard(office)
    office.do(make_delegation, wu, new_delegation(), NOW)
    note = Note(id=new_id(), version=1, note="已到场")
    for _ in range(2):
        office.do(take_step, load_person(office, han, NOW), hazard.id, note, NOW)
    lines = office.history(hazard.id)
    assert [(line.by, line.acting_for) for line in lines] == [("wang", None), ("han", "wu")]
    with pytest.raises(NotFound):
        office.do(take_step, load_person(office, han, later(days=14)), hazard.id, replace(note, id=new_id()), NOW)


def test_a_person_with_the_role_of_their_own_acts_for_nobody(office):
    hazard = report_new_hazard(office)
    office.do(make_delegation, wu, new_delegation(to="li"), NOW)
    both = load_person(office, li, NOW)
    assert find_delegator(both, "step.note", hazard) is None
    assert find_delegator(both, "hazard.report", hazard) is None
    assert scope(both, "statistics.see").communities == (HERE.code, HERE.code)
    elsewhere = replace(both, grants=(Grant(Role.OFFICER, THERE.code), *both.grants[1:]))
    assert find_delegator(elsewhere, "step.note", hazard) == "wu"
