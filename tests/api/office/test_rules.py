"""An office edits its terms, office hours, categories, calendar and dispatch rules, and the edits take effect."""

import json
import uuid

import pytest

from storage.office.published_calendar import published_days
from tests.builders.api import HERE, THERE, on_both, problem
from tests.builders.main_job import sign_in
from tests.builders.published_years import SCHEDULES

TERM = {"amount": 2, "unit": "wd"}
RUNG = {"name": "fix", "clock": "fix", "tells": "admin"}
LADDERS = {"general": [], "major": [RUNG]}
POLICY = {"name": "楼道堆物", "group": "生命通道", "priority": "normal", "term": TERM, "unit": "处"}


def rule(**facts):
    return {"id": str(uuid.uuid4()), "community": HERE, "lead": "handler", "accepts": True, **facts}


def year(number, days=None):
    """Builds a schedule as an administrator sends it."""
    listed = days or [
        {"day": str(each.day), "working": each.working, "name": each.name} for each in published_days(number)
    ]
    return {"source": f"国办发明电 {number}", "days": listed}


OFF_IN_2027 = (
    [f"2027-01-0{day}" for day in (1, 4, 5)]
    + [f"2027-02-{day:02}" for day in range(5, 12)]
    + ["2027-04-05", "2027-05-01", "2027-05-02", "2027-05-03", "2027-06-09", "2027-09-15"]
    + [f"2027-10-0{day}" for day in range(1, 8)]
)


@on_both
def test_new_office_hours_and_terms_hold_for_the_next_report(api):
    told = api.report("inspector", category="EV-03")
    assert told["accept_due_at"] == "2026-11-23T06:30:00Z"  # 9:00 and four hours, lunch between
    kept = api.get("officer", "/rules").json()
    assert (kept["version"], kept["rules"]["office_hours"][0]) == (0, ["08:30:00", "12:00:00"])
    rules = {**kept["rules"], "office_hours": [["09:00:00", "11:00:00"], ["12:00:00", "16:00:00"]]}
    answer = api.post("admin", "/rules", {"version": 0, "rules": rules})
    assert (answer.status_code, answer.json()["version"], answer.json()["edited_by"]) == (200, 1, "admin")
    assert api.report("inspector", category="EV-03")["accept_due_at"] == "2026-11-23T06:00:00Z"
    assert api.get("officer", f"/hazards/{told['id']}").json()["accept_due_at"] == told["accept_due_at"]
    assert api.post("admin", "/rules", {"version": 0, "rules": rules}).json()["version"] == 1  # the same again
    refusal = problem(api.post("admin", "/rules", {"version": 0, "rules": {}}), 409, "rules.stale")
    assert (refusal["sent"], refusal["current"]) == (0, 1)


@on_both
def test_a_dispatch_rule_accepts_and_assigns_a_report_automatically(api):
    sent = rule(category="EV-03")
    assert api.post("admin", "/dispatch-rules", sent).status_code == 201
    assert api.post("admin", "/dispatch-rules", sent).status_code == 200
    assert [each["id"] for each in api.get("officer", "/dispatch-rules").json()["items"]] == [sent["id"]]
    assert api.get("officer2", "/dispatch-rules").json()["items"] == []
    hazard = api.report("inspector", category="EV-03")
    assert (hazard["state"], hazard["lead"], hazard["version"]) == ("assigned", "handler", 3)
    assert hazard["due_at"] == "2026-11-26T16:00:00Z"
    history = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert [(line["step"], line["by"]) for line in history] == [
        ("report", "inspector"),
        ("accept", "system"),
        ("assign", "system"),
    ]
    assert api.take_step("handler", hazard, "start")["state"] == "rectifying"
    assert api.report("inspector", category="EV-01")["state"] == "reported"
    assert api.post("admin", f"/dispatch-rules/{sent['id']}/remove", {}).json()["active"] is False
    assert api.report("inspector", category="EV-03")["state"] == "reported"
    assert api.get("officer", "/dispatch-rules").json()["items"] == []


@on_both
def test_an_acceptance_is_followed_by_the_assignment_that_a_rule_names(api):
    api.post("admin", "/dispatch-rules", rule(group="生命通道", accepts=False))
    hazard = api.take_step("officer", api.report("inspector", category="EV-01"), "accept")
    assert (hazard["state"], hazard["lead"], hazard["version"]) == ("assigned", "handler", 3)


@on_both
def test_a_published_year_moves_the_deadlines_that_waited_for_it(api):
    api.clock.advance(days=37)  # 30 December: the year after is not published
    for who in ("inspector", "officer", "admin"):
        api.tokens[who] = sign_in(api, who)
    hazard = api.take_step("officer", api.report("inspector", category="EV-03"), "accept")
    assert (hazard["due_at"], hazard["due_provisional"]) == ("2027-01-04T16:00:00Z", True)
    assert api.get("inspector", "/calendar/2027").json() == {
        "year": 2027, "published": False, "days": [], "recomputed": None,
    }  # fmt: skip
    days = [{"day": day, "working": False, "name": "节日"} for day in OFF_IN_2027]
    answer = api.post("admin", "/calendar/2027", year(2027, days))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["published"], answer.json()["recomputed"], len(answer.json()["days"])) == (True, 1, len(days))
    after = api.get("officer", f"/hazards/{hazard['id']}").json()
    assert (after["due_at"], after["due_provisional"]) == ("2027-01-07T16:00:00Z", False)
    assert after["version"] == hazard["version"]
    history = api.get("officer", f"/hazards/{hazard['id']}/history").json()["items"]
    assert (history[-1]["step"], history[-1]["by"]) == ("recompute", "system")
    assert api.post("admin", "/calendar/2027", year(2027, days)).json()["recomputed"] == 0


@on_both
def test_the_published_years_are_there_and_may_be_sent_again(api):
    for number in SCHEDULES:
        there = api.get("inspector", f"/calendar/{number}").json()
        assert there["published"]
        again = api.post("admin", f"/calendar/{number}", year(number)).json()
        assert [each["day"] for each in again["days"]] == [each["day"] for each in there["days"]]


@on_both
def test_a_category_is_edited_and_a_new_one_reported(api):
    assert api.post("admin", "/categories/EV-03", POLICY).json()["term"] == TERM
    assert (
        api.take_step("officer", api.report("inspector", category="EV-03"), "accept")["due_at"]
        == "2026-11-25T16:00:00Z"
    )
    assert api.post("admin", "/categories/XX-01", {**POLICY, "name": "堆放杂物"}).status_code == 200
    assert api.report("inspector", category="XX-01")["unit"] == "处"
    assert {"EV-03", "XX-01"} <= {each["code"] for each in api.get("inspector", "/categories").json()["items"]}


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [
        ("/categories/EV-03", {**POLICY, "term": {"amount": 0, "unit": "wd"}}, "term.amount"),
        ("/categories/EV-03", {**POLICY, "term": {"amount": -1, "unit": "h"}}, "term.amount"),
        ("/categories/EV-03", {**POLICY, "major_term": {"amount": 10_001, "unit": "h"}}, "major_term.amount"),
        ("/categories/EV-03", {**POLICY, "look_back_days": 0}, "look_back_days"),
        ("/categories/EV-03", {**POLICY, "unit": "\x00"}, "unit"),
        ("/categories/ev", POLICY, "code"),
        ("/rules", {"version": 0, "rules": {"recheck": {"amount": 0, "unit": "wd"}}}, "rules.recheck.amount"),
        ("/rules", {"version": 0, "rules": {"office_hours": []}}, "rules.office_hours"),
        ("/rules", {"version": 0, "rules": {"office_hours": [["12:00:00", "08:00:00"]]}}, "rules.office_hours"),
        ("/rules", {"version": 0, "rules": {"speed": 3}}, "rules.speed"),
        ("/rules", {"version": 0, "rules": {"ladders": LADDERS}}, "rules.ladders.major[0].tells"),
        ("/calendar/2026", {"source": "-", "days": []}, "days"),
        ("/calendar/2026", year(2025), "days[0].day"),
        ("/calendar/2026", year(2026, [{"day": "2026-02-30", "working": False, "name": "-"}]), "days[0].day"),
        ("/calendar/9999", {"source": "-", "days": []}, "year"),
        ("/dispatch-rules", rule(lead="officer"), "lead"),
        ("/dispatch-rules", rule(category="ZZ-99"), "category"),
        ("/dispatch-rules", rule(category="EV-03", group="生命通道"), "group"),
        ("/dispatch-rules", rule(community="33"), "community"),
    ],
)  # fmt: skip
def test_invalid_rules_are_refused_with_their_field(api, path, sent, field):
    refusal = problem(api.post("admin", path, sent), 422, "step.needs")
    assert refusal["errors"][0]["field"] == field
    assert any("\u4e00" <= letter <= "\u9fff" for letter in refusal["errors"][0]["message"]), refusal


def test_an_impossible_calendar_year_is_refused(api):
    problem(api.get("inspector", "/calendar/1066"), 422, "step.needs")
    problem(api.get("inspector", "/calendar/next"), 404, "route.not_found")


def test_only_administrators_edit_rules_and_handlers_cannot_read_them(api):
    for path in ("/rules", "/dispatch-rules", "/categories/EV-03", "/calendar/2026"):
        problem(api.post("officer", path, {}), 403, "role.forbidden")
    for path in ("/rules", "/dispatch-rules"):
        problem(api.get("handler", path), 403, "role.forbidden")
    problem(api.post("admin", "/dispatch-rules", rule(community=THERE)), 404, "community.not_found")
    problem(api.post("admin", f"/dispatch-rules/{uuid.uuid4()}/remove", {}), 404, "dispatch_rule.not_found")


def test_rules_can_be_sent_back_as_they_were_read(api):
    kept = api.get("admin", "/rules").json()
    answer = api.post("admin", "/rules", {"version": kept["version"], "rules": kept["rules"]})
    assert answer.status_code == 200, json.dumps(answer.json(), ensure_ascii=False)
    assert answer.json()["rules"] == kept["rules"]
