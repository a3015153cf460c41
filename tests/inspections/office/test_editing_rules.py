from datetime import date, time, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from inspections.accounts.people import Role
from inspections.calendar import CalendarDay, WorkingCalendar, midnight, shanghai_instant
from inspections.errors import IdConflict, IdOwnerConflict, InvalidInput, NotFound, RulesVersionConflict
from inspections.hazards.deadlines import is_overdue
from inspections.hazards.records import Hazard, State
from inspections.office.actions import (
    NewRules,
    edit_calendar,
    edit_category,
    edit_rules,
    rulebook,
)
from inspections.office.categories import Term, TimeUnit
from inspections.office.rules import Rules
from inspections.remediation.actions.dispatch_rules import add_dispatch_rule, remove_dispatch_rule
from inspections.remediation.actions.recalculation import recompute_provisional_deadlines
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.steps import Accept, Assign, Start
from inspections.remediation.steps import Transfer as TransferStep
from tests.builders.edited_rules import QUICK, calendar, new_rule, policy
from tests.builders.office import HERE, NOW, THERE, Office, later, li, ma, new_id, person, wang, zhao
from tests.builders.published_years import scheduled_days
from tests.builders.reports import report, report_new_hazard
from tests.builders.steps import fix, take

admin = person("admin", Role.ADMIN, scope=HERE.street)
local = person("local", Role.ADMIN)
YEAR_END = shanghai_instant(date(2026, 12, 30), time(10, 0))
EVE = shanghai_instant(date(2026, 12, 31), time(16, 30))
FIRST = UUID(int=0)


def test_rules_are_replaced_as_a_whole_and_apply_at_once():
    office = Office()
    assert rulebook(office).version == 0
    assert office.do(edit_rules, admin, NewRules(0, QUICK), NOW).version == 1
    assert office.rules == QUICK
    assert office.do(edit_rules, admin, NewRules(1, Rules()), NOW).version == 2
    assert (rulebook(office).edited_by, rulebook(office).edited_at) == ("admin", NOW)


def test_an_edit_based_on_an_old_version_is_refused():
    office = Office()
    office.do(edit_rules, admin, NewRules(0, QUICK), NOW)
    with pytest.raises(RulesVersionConflict) as refusal:
        office.do(edit_rules, local, NewRules(0, QUICK), NOW)
    assert refusal.value.facts == {"sent": 0, "current": 1}


def test_a_retried_edit_adds_no_version():
    office = Office()
    first = office.do(edit_rules, admin, NewRules(0, QUICK), NOW)
    assert office.do(edit_rules, admin, NewRules(0, QUICK), later(minutes=1)) == first


def test_a_changed_category_policy_leaves_existing_deadlines():
    office = Office()
    told = take(office, li, report_new_hazard(office), Accept)
    edited = office.do(edit_category, "EV-03", policy(look_back_days=7))
    assert office.category("EV-03") == edited
    assert office.hazard(told.id).due_at == told.due_at
    assert take(office, li, report_new_hazard(office), Accept).due_at == midnight(date(2026, 11, 26))
    assert office.do(edit_category, "EV-03", policy(look_back_days=7)) == edited


def test_a_new_category_can_be_reported_at_once():
    office = Office()
    office.do(edit_category, "XX-01", policy(name="其他堆物", major_term=Term(1, TimeUnit.HOURS)))
    assert report_new_hazard(office, category="XX-01").unit == "处"


def test_the_schedule_of_a_year_is_replaced():
    office = Office()
    days = scheduled_days(2026)
    office.do(edit_calendar, 2026, calendar(reversed(days)))
    assert {day.day: day.working for day in office.calendar_days(2026)} == {day.day: day.working for day in days}
    moved = [replace(day, day=date(2026, 9, 19)) if day.day == date(2026, 9, 20) else day for day in days]
    renamed = [replace(day, name="除夕") if day.day == date(2026, 2, 16) else day for day in moved]
    office.do(edit_calendar, 2026, calendar(renamed))
    there = {day.day: day for day in office.calendar_days(2026)}
    assert there[date(2026, 9, 19)].working
    assert date(2026, 9, 20) not in there
    assert there[date(2026, 2, 16)].name == "除夕"
    assert office.calendar_days(2025) == []


def test_an_incomplete_year_is_refused_and_changes_nothing():
    office = Office()
    with pytest.raises(InvalidInput) as refusal:
        office.do(edit_calendar, 2026, calendar(scheduled_days(2026)[3:]))
    assert refusal.value.facts["errors"] == [("days", "缺少元旦的放假日")]
    with pytest.raises(InvalidInput):
        office.do(edit_calendar, 3000, calendar([]))
    assert office.all(CalendarDay) == []


def accept_provisionally(office, now=YEAR_END, **facts):
    """Accept a hazard while the calendar of the next year is not published."""
    hazard = report_new_hazard(office, **facts)
    hazard = take(office, li, hazard, Accept, now=now)
    assert hazard.due_provisional
    return hazard


def publish_2027(office, *off):
    """Publish the year 2027 in the office, with these days off."""
    office.calendar = WorkingCalendar(dict.fromkeys((date(2027, 1, 1), *off), False), frozenset({2026, 2027}))


def test_a_provisional_deadline_moves_when_the_year_is_published():
    office = Office()
    hazard = accept_provisionally(office)
    assert hazard.due_at == midnight(date(2027, 1, 5))  # Thursday, Friday, Monday
    publish_2027(office, date(2027, 1, 4))
    done = office.do(recompute_provisional_deadlines, later(days=40), 10, FIRST)
    assert (done.looked_at, done.moved) == (1, 1)
    after = office.hazard(hazard.id)
    assert (after.due_at, after.due_provisional) == (midnight(date(2027, 1, 7)), False)  # Thursday, Tuesday, Wednesday
    assert (after.version, after.deadline_number) == (hazard.version, hazard.deadline_number)
    assert after.next_check_at == after.due_at - timedelta(days=1)  # the reminder
    line = office.history(hazard.id)[-1]
    assert (line.step, line.by, line.facts["due_at_before"]) == ("recompute", "system", "2027-01-04T16:00:00Z")
    assert not is_overdue(after, later(days=43))
    assert office.do(recompute_provisional_deadlines, later(days=41), 10, FIRST).looked_at == 0


def test_an_announced_deadline_is_never_shortened():
    office = Office()
    hazard = accept_provisionally(office)
    office.calendar = WorkingCalendar({date(2027, 1, 2): True, date(2027, 1, 3): True}, frozenset({2026, 2027}))
    office.do(recompute_provisional_deadlines, later(days=40), 10, FIRST)
    after = office.hazard(hazard.id)
    assert (after.due_at, after.due_provisional) == (hazard.due_at, False)
    assert office.history(hazard.id)[-1].step == "accept"


def test_while_the_year_is_not_published_nothing_is_written():
    office = Office()
    hazard = accept_provisionally(office)
    assert office.do(recompute_provisional_deadlines, later(days=40), 10, FIRST) == (1, 0, hazard.id)
    assert office.hazard(hazard.id) == hazard


def test_the_clock_of_a_stage_is_recomputed_from_its_start():
    office = Office()
    hazard = office.do(report_hazard, wang, report(found_at=NOW), EVE).reported.hazard
    assert hazard.stage_term == Term(4, TimeUnit.WORKING_HOURS)
    publish_2027(office, date(2027, 1, 4))
    done = office.do(recompute_provisional_deadlines, later(days=40), 10, FIRST)
    assert (done.looked_at, done.moved) == (1, 1)
    after = office.hazard(hazard.id)
    assert after.accept_due_at - hazard.accept_due_at == timedelta(days=4)  # Friday; Tuesday
    assert after.stage_term is None
    line = office.history(hazard.id)[-1]
    assert (line.step, line.facts.keys()) == ("recompute", {"accept_due_at", "accept_due_at_before"})


def test_every_clock_set_by_the_rules_is_recomputed():
    office = Office()
    signs, waits, gone = (accept_provisionally(office, EVE) for _ in range(3))
    take(office, li, signs, Assign, now=EVE, lead="zhao")
    waits = take(office, li, waits, Assign, now=EVE, lead="zhao")
    fix(office, take(office, zhao, waits, Start, now=EVE), now=EVE)
    take(office, ma, gone, TransferStep, now=EVE, to="住建", reason="职责")
    clocks = {signs.id: "start_due_at", waits.id: "recheck_due_at", gone.id: "reply_due_at"}
    told = {each: getattr(office.hazard(each), field) for each, field in clocks.items()}
    publish_2027(office, date(2027, 1, 4))
    office.do(recompute_provisional_deadlines, later(days=40), 10, FIRST)
    for each, field in clocks.items():
        assert getattr(office.hazard(each), field) > told[each], field
        assert office.hazard(each).stage_term is None


def test_a_reply_date_set_by_a_person_is_not_moved():
    office = Office()
    asked = later(days=60)
    hazard = take(
        office, ma, accept_provisionally(office), TransferStep, now=EVE, to="住建", reason="职责", reply_due_at=asked
    )
    publish_2027(office, date(2027, 1, 4))
    office.do(recompute_provisional_deadlines, later(days=40), 10, FIRST)
    assert (hazard.stage_term, office.hazard(hazard.id).reply_due_at) == (None, asked)


def test_a_stopped_clock_and_a_deadline_set_by_a_person_are_not_moved():
    office = Office()
    hazard = accept_provisionally(office)
    publish_2027(office, date(2027, 1, 4))
    for other in (replace(hazard, state=State.SUSPENDED), replace(hazard, term=None)):
        office.keep(other)
        assert office.do(recompute_provisional_deadlines, later(days=40), 10, FIRST).moved == 0
        assert office.hazard(hazard.id) == other


def test_all_provisional_deadlines_are_recomputed_in_batches():
    office = Office()
    for _ in range(5):
        accept_provisionally(office)
    publish_2027(office, date(2027, 1, 4))
    moved, last = 0, FIRST
    for _ in range(3):
        done = office.do(recompute_provisional_deadlines, later(days=40), 2, last)
        moved, last = moved + done.moved, done.last
    assert moved == 5
    assert not any(hazard.due_provisional for hazard in office.all(Hazard))
    assert office.do(recompute_provisional_deadlines, later(days=40), 2, last) == (0, 0, last)


def test_a_dispatch_rule_is_added_once_and_removed_once():
    office = Office()
    sent = new_rule(category="EV-03", assisting=("sun",))
    added = office.do(add_dispatch_rule, admin, sent)
    assert (added.repeated, added.rule.active) == (False, True)
    assert office.do(add_dispatch_rule, admin, sent).repeated
    with pytest.raises(IdConflict) as refusal:
        office.do(add_dispatch_rule, admin, replace(sent, accepts=True))
    assert refusal.value.facts == {"fields": ["accepts"]}
    for _ in range(2):
        assert not office.do(remove_dispatch_rule, admin, sent.id).active
    assert office.dispatch_rules == []


def test_the_rule_of_another_office_is_not_compared_with_a_new_one():
    """The differing fields would tell who is in charge there."""
    office, far = Office(), person("far", Role.ADMIN, scope=THERE.code)
    sent = new_rule(category="EV-03")
    office.do(add_dispatch_rule, admin, sent)
    with pytest.raises(IdOwnerConflict):
        office.do(add_dispatch_rule, far, replace(sent, community=THERE.code))


def test_a_rule_may_cover_a_street_or_a_district():
    office = Office()
    district = person("district", Role.ADMIN, scope="330402")
    assert office.do(add_dispatch_rule, admin, new_rule(community=HERE.street)).rule.community == HERE.street
    assert office.do(add_dispatch_rule, district, new_rule(community="330402")).rule.community == "330402"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"category": "ZZ-99"}, "category"),
        ({"group": "没有"}, "group"),
        ({"lead": "nobody"}, "lead"),
        ({"lead": "li"}, "lead"),  # an officer
        ({"assisting": ("wang",)}, "assisting"),
    ],
)
def test_a_rule_that_names_unknown_people_or_categories_is_refused(fields, field):
    with pytest.raises(InvalidInput) as refusal:
        Office().do(add_dispatch_rule, admin, new_rule(**fields))
    assert [error.field for error in refusal.value.facts["errors"]] == [field]


def test_a_rule_is_for_one_category_or_for_one_group():
    with pytest.raises(ValueError, match="group"):
        new_rule(category="EV-03", group="生命通道")


def test_an_administrator_sets_rules_only_within_their_own_scope():
    office = Office()
    for community in (THERE.code, HERE.street):
        with pytest.raises(NotFound):
            office.do(add_dispatch_rule, local, new_rule(community=community))
    for unknown in ("330402009999", "330402999"):
        with pytest.raises(NotFound):
            office.do(add_dispatch_rule, person("all", Role.ADMIN, scope=""), new_rule(community=unknown))
    sent = new_rule(community=HERE.street)
    office.do(add_dispatch_rule, admin, sent)
    for rule_id in (sent.id, new_id()):
        with pytest.raises(NotFound):
            office.do(remove_dispatch_rule, local, rule_id)
