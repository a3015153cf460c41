"""A supervisor lends their role for a period: who then acts for whom."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from inspections.accounts.actions.delegations import (
    delegations_seen,
    everybody,
    make_delegation,
    revoke_delegation,
    with_lent,
)
from inspections.accounts.delegations import Delegation, NewDelegation
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import acting_for, scope
from inspections.errors import Forbidden, IdConflict, IdTaken, Invalid, Missing
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Note
from tests.builders.office import HERE, NOW, THERE, Office, later, li, new_id, person, wang
from tests.builders.reports import reported

wu = person("wu", Role.SUPERVISOR)
zheng = person("zheng", Role.ADMIN, scope="")
feng = person("feng", Role.ADMIN, scope=THERE.code)
han = Person("han", "han", (), "-")
DAYS = {"since": NOW, "until": later(days=14)}


def asked(**facts):
    return NewDelegation(**{"id": new_id(), "to": "han", **DAYS, "reason": "休假", **facts})


@pytest.fixture
def office():
    office = Office()
    office.keep(wu, zheng, feng, han)
    return office


def now(office, who, when):
    return with_lent(office, office.person(who.username), when).at(when)


def test_what_is_lent_counts_for_its_period_and_ends_by_itself(office):
    office.do(make_delegation, wu, asked(since=later(days=1)), NOW)
    assert not scope(now(office, han, NOW), "statistics.see")
    assert scope(now(office, han, later(days=1)), "statistics.see").covers_community(HERE.code)
    assert now(office, han, later(days=1)).grants == (
        Grant(Role.SUPERVISOR, HERE.code, later(days=1), later(days=14), "wu"),
    )
    assert not scope(now(office, han, later(days=14)), "statistics.see")
    assert now(office, wang, NOW) is wang


def test_the_same_delegation_sent_again_is_recognised(office):
    body = asked()
    made = office.do(make_delegation, wu, body, NOW)
    assert not made.repeated
    again = office.do(make_delegation, wu, body, later(days=30))
    assert again.repeated
    assert again.delegation == made.delegation
    with pytest.raises(IdConflict) as refused:
        office.do(make_delegation, wu, replace(body, to="li", reason="出差"), NOW)
    assert refused.value.facts["fields"] == ["to", "reason"]
    office.keep(other := person("jiang", Role.SUPERVISOR))
    with pytest.raises(IdTaken):
        office.do(make_delegation, other, body, NOW)


def test_nobody_lends_what_they_do_not_hold_themselves(office):
    with pytest.raises(Forbidden):
        office.do(make_delegation, li, asked(), NOW)
    with pytest.raises(Forbidden):
        office.do(make_delegation, person("nobody", Role.SUPERVISOR), asked(), NOW)
    office.do(make_delegation, wu, asked(), NOW)
    with pytest.raises(Forbidden):
        office.do(make_delegation, now(office, han, NOW), asked(to="li"), NOW)
    with pytest.raises(Invalid) as refused:
        office.do(make_delegation, wu, asked(scope=THERE.code), NOW)
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
    with pytest.raises(Invalid) as refused:
        office.do(make_delegation, wu, asked(**facts), NOW)
    assert field in [each.field for each in refused.value.facts["errors"]]


def test_a_phone_may_be_some_minutes_behind(office):
    assert office.do(make_delegation, wu, asked(since=NOW - timedelta(minutes=4)), NOW)


def test_a_delegation_lasts_ninety_days_at_most():
    sent = msgspec.to_builtins(asked(until=NOW + timedelta(days=90)))
    assert msgspec.convert(sent, NewDelegation)
    for until in (NOW + timedelta(days=90, seconds=1), NOW, NOW.replace(year=3000)):
        with pytest.raises(msgspec.ValidationError, match="until："):
            msgspec.convert({**sent, "until": until}, NewDelegation)
    with pytest.raises(msgspec.ValidationError, match="role"):
        msgspec.convert({**sent, "role": "admin"}, NewDelegation)


def test_a_receiver_who_is_not_there_and_one_put_aside_look_the_same(office):
    office.keep(replace(han, active=False))
    for to in ("nobody", "han"):
        with pytest.raises(Missing) as refused:
            office.do(make_delegation, wu, asked(to=to), NOW)
        assert refused.value.facts["errors"][0].field == "to"


def test_what_the_giver_loses_is_no_longer_lent(office):
    office.do(make_delegation, wu, asked(), NOW)
    assert now(office, han, NOW).grants
    for lost in (replace(wu, grants=()), replace(wu, active=False), replace(wu, grants=li.grants)):
        office.keep(lost)
        assert not now(office, han, NOW).grants


def test_a_giver_s_own_period_bounds_what_is_lent(office):
    grant = Grant(Role.SUPERVISOR, HERE.street, later(days=1), later(days=2))
    office.keep(replace(wu, grants=(*wu.grants, grant)))
    office.do(make_delegation, wu, asked(), NOW)
    assert [each.scope for each in now(office, han, NOW).grants] == [HERE.code]
    assert [each.scope for each in now(office, han, later(days=1)).grants] == [HERE.code, HERE.street]
    assert [each.scope for each in now(office, han, later(days=2)).grants] == [HERE.code]


def test_a_scope_narrows_what_is_lent(office):
    office.keep(replace(wu, grants=(Grant(Role.SUPERVISOR, HERE.street), Grant(Role.SUPERVISOR, "44"))))
    office.do(make_delegation, wu, asked(scope=HERE.code), NOW)
    assert [each.scope for each in now(office, han, NOW).grants] == [HERE.code]


def test_the_giver_takes_it_back_once(office):
    made = office.do(make_delegation, wu, asked(), NOW).delegation
    taken = office.do(revoke_delegation, wu, made.id, later(days=1))
    assert taken.revoked_at == later(days=1)
    assert not now(office, han, later(days=1)).grants
    assert office.do(revoke_delegation, wu, made.id, later(days=2)) == taken


def test_what_has_ended_is_not_taken_back(office):
    made = office.do(make_delegation, wu, asked(), NOW).delegation
    assert office.do(revoke_delegation, wu, made.id, later(days=14)).revoked_at is None


def test_who_may_take_it_back_and_who_knows_of_it(office):
    made = office.do(make_delegation, wu, asked(), NOW).delegation
    with pytest.raises(Forbidden):
        office.do(revoke_delegation, now(office, han, NOW), made.id, NOW)
    for stranger in (li, feng):
        with pytest.raises(Missing):
            office.do(revoke_delegation, stranger, made.id, NOW)
        assert delegations_seen(office, stranger) == []
    with pytest.raises(Missing):
        office.do(revoke_delegation, wu, new_id(), NOW)
    for knows in (wu, han, zheng):
        assert delegations_seen(office, knows) == [made]
    assert office.do(revoke_delegation, zheng, made.id, NOW).revoked_at == NOW
    assert delegations_seen(office, han) == [office.all(Delegation)[0]]


def test_everybody_with_what_is_lent_to_them(office):
    made = office.do(make_delegation, wu, asked(), NOW).delegation
    lent = {each.username: each.at(NOW).grants for each in everybody(office, NOW)}
    assert [grant.by for grant in lent["han"]] == ["wu"]
    assert lent["wang"] == wang.grants
    office.do(revoke_delegation, wu, made.id, NOW)
    assert all(grant.by is None for each in everybody(office, NOW) for grant in each.grants)


def test_the_history_says_for_whom_somebody_acts(office):
    hazard = reported(office)
    office.do(make_delegation, wu, asked(), NOW)
    note = Note(id=new_id(), version=1, note="已到场")
    for _ in range(2):
        office.do(take_step, now(office, han, NOW), hazard.id, note, NOW)
    lines = office.history(hazard.id)
    assert [(line.by, line.acting_for) for line in lines] == [("wang", None), ("han", "wu")]
    with pytest.raises(Missing):
        office.do(take_step, now(office, han, later(days=14)), hazard.id, replace(note, id=new_id()), NOW)


def test_who_may_do_it_by_themselves_acts_for_nobody(office):
    hazard = reported(office)
    office.do(make_delegation, wu, asked(to="li"), NOW)
    both = now(office, li, NOW)
    assert acting_for(both, "step.note", hazard) is None
    assert acting_for(both, "hazard.report", hazard) is None
    assert scope(both, "statistics.see").communities == (HERE.code, HERE.code)
    elsewhere = replace(both, grants=(Grant(Role.OFFICER, THERE.code), *both.grants[1:]))
    assert acting_for(elsewhere, "step.note", hazard) == "wu"
