from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from inspections.accounts.api_keys import ApiKey
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import POLICY, ScopeKind, allowed_steps, scope
from tests.builders.office import HERE, NOW, THERE, Office, chen, li, wang, zhao
from tests.builders.reports import report_new_hazard


def test_a_scope_is_a_prefix_of_the_community_s_code():
    for prefix, covered in (("", True), ("330402", True), ("330402009", True), (HERE.code, True), (THERE.code, False)):
        reach = scope(Person("p", "p", (Grant(Role.OFFICER, prefix),), "-"), "hazard.see")
        assert reach.covers_community(HERE.code) is covered


def test_without_the_role_there_is_no_scope():
    assert not scope(chen, "hazard.report")
    assert not scope(li, "step.start")
    assert scope(zhao, "step.start")
    assert scope(wang, "hazard.report")


def test_a_handler_reaches_only_assigned_hazards():
    office = Office()
    hazard = report_new_hazard(office)
    assert not scope(zhao, "hazard.see").covers(hazard)
    assert scope(zhao, "hazard.see").covers(replace(hazard, lead="zhao"))
    assert scope(zhao, "hazard.see").covers(replace(hazard, lead="sun", assisting=("zhao",)))
    assert not scope(zhao, "hazard.see").covers(replace(hazard, lead="zhao", community=THERE.code))


def test_a_scope_includes_one_that_covers_nothing_more():
    def reach(**grants):
        held = tuple(Grant(Role(role), prefix) for role, prefixes in grants.items() for prefix in prefixes.split())
        return scope(Person("p", "p", held, "-"), "hazard.see")

    street = reach(officer=HERE.street)
    assert street.includes(reach(officer=HERE.code))
    assert street.includes(reach(handler=HERE.code, officer=HERE.code))
    assert street.includes(reach(admin=""))  # a role that sees no hazard
    assert not street.includes(reach(officer="330402"))
    assert not reach(officer=HERE.code).includes(reach(officer=f"{HERE.code} {THERE.code}"))
    assert not reach(handler=HERE.code).includes(reach(officer=HERE.code))
    assert reach(handler=HERE.street).includes(reach(handler=HERE.code))
    assert not reach(handler=HERE.code).includes(reach(handler=HERE.street))


@pytest.mark.parametrize("role", list(Role))
@given(action=st.sampled_from(sorted(POLICY)))
def test_the_policy_table_alone_decides(role, action):
    who = Person("p", "p", (Grant(role, HERE.code),), "-")
    reach = POLICY[action].get(role)
    assert bool(scope(who, action)) is (reach is not None)
    assert scope(who, action).covers_community(HERE.code) is (reach is ScopeKind.COMMUNITY)
    assert not scope(who, action).covers_community(THERE.code)


def test_an_api_key_may_read_metrics_and_an_analyst_may_not():
    key = ApiKey(UUID(int=1), "大屏", Role.ANALYST, HERE.code, "admin", NOW, NOW, "").principal
    assert scope(key, "metrics.see").communities == (HERE.code,)
    assert not scope(chen, "metrics.see")
    differing = [action for action in POLICY if bool(scope(key, action)) is not bool(scope(chen, action))]
    assert differing == ["metrics.see"]
    meter = ApiKey(UUID(int=2), "电表", Role.DEVICE, HERE.code, "admin", NOW, NOW, "").principal
    assert not scope(meter, "metrics.see")


def test_people_hold_roles_in_communities():
    assert li.has_role(Role.OFFICER, HERE.code)
    assert not li.has_role(Role.OFFICER, THERE.code)
    assert not li.has_role(Role.INSPECTOR, HERE.code)


@pytest.mark.parametrize("who", [li, wang, zhao, chen])
def test_the_allowed_steps_are_those_with_a_scope(who):
    assert dict(allowed_steps(who)) == {
        action.removeprefix("step."): scope(who, action)
        for action in POLICY
        if action.startswith("step.") and scope(who, action)
    }
