import pytest
from msgspec.structs import replace

from inspections.accounts.people import Role
from inspections.hazards.records import State
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, FixedOnSpot, LookBack, Return
from tests.builders.dispatch_rules import rule
from tests.builders.office import HERE, NOW, THERE, Office, li, new_id, person, photo_declaration, sun, wang, zhao
from tests.builders.reports import report, report_new_hazard
from tests.builders.steps import take


def office_with(*rules):
    office = Office()
    office.keep(*rules)
    return office


def test_a_matching_rule_accepts_and_assigns_a_report():
    followed = rule(assisting=("sun",))
    office = office_with(followed)
    hazard = report_new_hazard(office)
    assert (hazard.state, hazard.version, hazard.lead, hazard.assisting) == (State.ASSIGNED, 3, "zhao", ("sun",))
    assert [(line.seq, line.step, line.by, line.version) for line in office.history(hazard.id)] == [
        (1, "report", "wang", 1),
        (2, "accept", "system", 2),
        (3, "assign", "system", 3),
    ]
    assert all(line.facts["dispatch_rule"] == str(followed.id) for line in office.history(hazard.id)[1:])


def test_acceptance_by_a_rule_gives_the_same_deadline_as_by_an_officer():
    by_rule = report_new_hazard(office_with(rule()))
    office = Office()
    by_officer = take(office, li, report_new_hazard(office), Accept)
    clock = ("accepted_at", "due_at", "term", "due_from", "deadline_number", "priority")
    assert [getattr(by_rule, name) for name in clock] == [getattr(by_officer, name) for name in clock]


def test_a_dispatched_report_only_inserts_records():
    """On PostgreSQL, reports can share a commit only if they insert and change nothing."""
    change = report_hazard(office_with(rule()), wang, report(), NOW)
    assert (change.changed, change.removed) == ((), ())


def test_a_rebound_is_dispatched_like_a_report():
    office = office_with(rule())
    closed = replace(report_new_hazard(office), state=State.CLOSED, lead=None)
    office.keep(closed)
    rebounded = take(office, wang, closed, LookBack, result="rebound", photos=(photo_declaration("c"),))
    rebound = office.hazard(rebounded.rebounded_as)
    assert (rebound.state, rebound.lead) == (State.ASSIGNED, "zhao")
    assert [line.step for line in office.history(rebound.id)] == ["rebound", "accept", "assign"]


def test_a_retried_report_returns_the_present_state():
    office = office_with(rule())
    sent = report()
    office.do(report_hazard, wang, sent, NOW)
    again = office.do(report_hazard, wang, sent, NOW)
    assert again.repeated
    assert (again.reported.hazard.state, again.reported.hazard.version) == (State.ASSIGNED, 3)


def test_a_rule_that_only_assigns_waits_for_the_officer():
    office = office_with(rule(accepts=False))
    hazard = report_new_hazard(office)
    assert (hazard.state, hazard.version) == (State.REPORTED, 1)
    step = Accept(id=new_id(), version=1)
    after = office.do(take_step, li, hazard.id, step, NOW).hazard
    assert (after.state, after.version, after.lead) == (State.ASSIGNED, 3, "zhao")
    assert [(line.step, line.by) for line in office.history(hazard.id)][1:] == [("accept", "li"), ("assign", "system")]
    assert office.do(take_step, li, hazard.id, step, NOW).hazard == after


def test_a_returned_hazard_waits_for_an_officer():
    office = office_with(rule())
    assert take(office, zhao, report_new_hazard(office), Return, reason="不归我管").state is State.ACCEPTED


@pytest.mark.parametrize("better", [{"category": "EV-03"}, {"group": "生命通道"}, {"community": HERE.code}])
def test_the_more_specific_rule_is_followed(better):
    general = rule("zhao", HERE.street)
    specific = rule("sun", **{"community": HERE.street, **better})
    for rules in ((general, specific), (specific, general)):
        assert report_new_hazard(office_with(*rules)).lead == "sun"


def test_a_place_outranks_a_category_and_a_category_outranks_a_group():
    here, category = rule("zhao"), rule("sun", HERE.street, category="EV-03")
    assert report_new_hazard(office_with(category, here)).lead == "zhao"
    group = rule("zhao", HERE.street, group="生命通道")
    assert report_new_hazard(office_with(group, category)).lead == "sun"


@pytest.mark.parametrize(
    "other", [{"community": THERE.code}, {"category": "EV-01"}, {"group": "燃气"}, {"active": False}]
)
def test_a_rule_for_something_else_is_not_followed(other):
    assert report_new_hazard(office_with(rule(**other))).state is State.REPORTED


@pytest.mark.parametrize(
    "gone",
    [
        replace(zhao, active=False),
        person("zhao", Role.HANDLER, scope=THERE.code),
        person("zhao", Role.OFFICER),
    ],
)
def test_a_rule_whose_handler_is_gone_is_skipped(gone):
    office = office_with(rule("zhao"), rule("sun", HERE.street))
    office.keep(gone)
    assert report_new_hazard(office).lead == "sun"
    office.keep(replace(sun, active=False))
    assert report_new_hazard(office).state is State.REPORTED


def test_a_rule_whose_assistant_is_gone_is_skipped():
    office = office_with(rule("zhao", assisting=("sun",)))
    office.keep(replace(sun, active=False))
    assert report_new_hazard(office).state is State.REPORTED


def test_a_category_without_a_priority_waits_for_the_officer_who_sets_it():
    office = office_with(rule())
    hazard = report_new_hazard(office, category="OT-99")
    assert hazard.state is State.REPORTED
    assert take(office, li, hazard, Accept, priority="high").state is State.ASSIGNED


def test_a_hazard_fixed_on_the_spot_is_assigned_to_nobody():
    office = office_with(rule())
    photos = (photo_declaration("a"), photo_declaration("b", "after"))
    hazard = report_new_hazard(office, photos=photos, fixed_on_spot=FixedOnSpot("当场清理", 1))
    assert hazard.lead is None
