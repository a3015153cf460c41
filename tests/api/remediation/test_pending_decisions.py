"""A supervisor sees over HTTP what waits for a decision, and decides it by the step that the line names."""

from datetime import timedelta

from tests.builders.api import HERE, MONDAY, THERE, on_both, problem
from tests.builders.growth import StatementCounter

MOST_STATEMENTS = 10


def days(number):
    return (MONDAY + timedelta(days=number)).isoformat()


def list_decisions(api, who="supervisor", **query):
    answer = api.get(who, "/decisions", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask_extension(api, days_later=20, **facts):
    hazard = api.take_step("handler", api.assign_report(category="FF-01", **facts), "start")
    return api.take_step("handler", hazard, "request_extension", due_at=days(days_later), reason="配件未到")


def propose_major(api, **facts):
    hazard = api.take_step("officer", api.report("inspector", category="EV-03", **facts), "accept")
    return api.take_step("officer", hazard, "propose_major", basis="合用场所住人")


@on_both
def test_a_line_has_the_facts_that_a_decision_needs(api):
    hazard = ask_extension(api, place="3幢2单元", quantity=2)
    (line,) = list_decisions(api, count=True)["items"]
    photo = hazard["photos"][0]["sha256"]
    expected = {
        "kind": "extension",
        "step": "decide_extension",
        "hazard": hazard["id"],
        "by": "handler",
        "since": "2026-11-23T01:00:00Z",
        "reason": "配件未到",
        "due_at": hazard["due_at"],
        "new_due_at": "2026-12-13T01:00:00Z",
        "photos_before": [photo],
        "photos_after": [],
    }
    same = ("number", "version", "state", "community", "category", "place", "description", "severity", "priority")
    expected |= {name: hazard[name] for name in (*same, "quantity", "unit", "original_due_at", "times_extended")}
    assert line == expected


@on_both
def test_a_decision_ends_the_line_that_waits_for_it(api):
    asked = [ask_extension(api), propose_major(api)]
    facts = {"decide_extension": {"granted": True}, "confirm_major": {"confirmed": False, "reason": "依据不足"}}
    found = list_decisions(api, count=True)
    assert (found["total"], {each["hazard"] for each in found["items"]}) == (2, {each["id"] for each in asked})
    for line in found["items"]:
        hazard = {"id": line["hazard"], "version": line["version"]}
        api.take_step("supervisor", hazard, line["step"], **facts[line["step"]])
    assert list_decisions(api, count=True) == {"items": [], "next_cursor": None, "total": 0}


@on_both
def test_a_suspension_waits_from_its_review_on(api):
    hazard = api.take_step("handler", api.assign_report(category="FF-01"), "start")
    facts = {"reason": "产权争议", "measures": "断电", "review_at": days(3)}
    stands = api.take_step("supervisor", hazard, "suspend", **facts)
    assert list_decisions(api)["items"] == []
    api.clock.advance(days=3)
    api.sign_in_again()
    (line,) = list_decisions(api, kind="suspension")["items"]
    assert (line["step"], line["by"], line["since"]) == ("resume", "supervisor", stands["review_due_at"])
    assert (line["due_at"], line["reason"]) == (hazard["due_at"], "产权争议")
    resumed = api.take_step("supervisor", stands, "resume")
    assert resumed["due_at"] == line["new_due_at"]
    assert list_decisions(api)["items"] == []


@on_both
def test_one_hazard_can_wait_for_two_decisions(api):
    hazard = api.take_step("officer", ask_extension(api), "propose_major", basis="合用场所住人")
    found = list_decisions(api)["items"]
    assert [(each["kind"], each["hazard"]) for each in found] == [("extension", hazard["id"]), ("major", hazard["id"])]
    first = list_decisions(api, limit=1)
    second = list_decisions(api, limit=1, cursor=first["next_cursor"])
    assert [each["kind"] for each in (*first["items"], *second["items"])] == ["extension", "major"]
    assert second["next_cursor"] is None


@on_both
def test_the_earliest_deadline_comes_first_and_pages_hold_every_line_once(api):
    stands = api.take_step("handler", api.assign_report(category="FF-01"), "start")
    stands = api.take_step("officer", stands, "propose_major", basis="合用场所住人")
    stands = api.take_step("supervisor", stands, "suspend", reason="争议", measures="断电", review_at=days(20))
    for number in range(3):
        api.clock.advance(hours=8)
        api.sign_in_again()
        ask_extension(api, 20 + number)
        propose_major(api)
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = list_decisions(api, limit=2, **({"cursor": cursor} if cursor else {}))
        found, cursor, pages = [*found, *page["items"]], page["next_cursor"], pages + 1
    assert pages == 4
    assert found == list_decisions(api)["items"]
    assert len({(each["hazard"], each["kind"]) for each in found}) == 7
    deadlines = [each["due_at"] for each in found[:-1]]
    assert deadlines == sorted(deadlines)
    assert (found[-1]["hazard"], found[-1]["due_at"]) == (stands["id"], None)  # its clock stands: it comes last


@on_both
def test_the_list_ends_where_the_scope_of_the_supervisor_ends(api):
    asked = ask_extension(api)
    foreign = api.report("inspector2", community=THERE, category="EV-03")
    api.take_step("officer2", api.take_step("officer2", foreign, "accept"), "propose_major", basis="住人")
    assert [each["hazard"] for each in list_decisions(api, count=True)["items"]] == [asked["id"]]
    assert list_decisions(api, count=True)["total"] == 1
    for query, number in (
        ({"community": HERE}, 1),
        ({"community": THERE}, 0),
        ({"community": [HERE, THERE]}, 1),
        ({"street": HERE[:9]}, 1),
        ({"street": "330499999"}, 0),
        ({"kind": "major"}, 0),
        ({"kind": ["major", "extension"]}, 1),
    ):
        assert list_decisions(api, count=True, **query)["total"] == number, query
    for who in ("officer", "handler", "inspector", "analyst", "admin"):
        problem(api.get(who, "/decisions"), 403, "role.forbidden")


@on_both
def test_a_hazard_that_is_not_accepted_or_has_ended_waits_for_no_decision(api):
    reported = api.report("inspector", category="MU-01")
    assert list_decisions(api)["items"] == []
    accepted = api.take_step("officer", reported, "accept", priority="urgent")
    assert [each["by"] for each in list_decisions(api)["items"]] == ["officer"]
    api.take_step("supervisor", accepted, "cancel", reason="重复登记")
    assert list_decisions(api)["items"] == []


def test_a_cursor_of_another_list_is_refused(api):
    for _ in range(2):
        propose_major(api)
    other = api.get("officer", "/hazards", params={"limit": 1}).json()["next_cursor"]
    for wrong in ("none", "e30=", other):
        problem(api.get("supervisor", "/decisions", params={"cursor": wrong}), 422, "step.needs")
    problem(api.get("supervisor", "/decisions", params={"kind": "wish"}), 422, "step.needs")


@on_both
def test_a_page_of_twenty_needs_no_more_statements_than_a_page_of_two(api, monkeypatch):
    for _ in range(10):
        propose_major(api)
        ask_extension(api)
    counter, needed = StatementCounter(monkeypatch, api.client.app.state.context.database), []
    for limit in (2, 20):
        assert len(list_decisions(api, limit=limit)["items"]) == limit
        needed.append(counter.last)
    assert needed[0] == needed[1] <= MOST_STATEMENTS
