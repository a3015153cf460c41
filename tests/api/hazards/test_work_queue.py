"""An officer works through the list of hazards: what is due first, of some kinds only, and how many there are."""

import base64
import json
from datetime import timedelta

import pytest

from tests.builders.api import HERE, MONDAY, on_both, problem

pytestmark = on_both

OTHER = "330402009037"
DECLARED = [{"sha256": "0" * 64, "stage": "before"}]
WEEK = timedelta(days=7)


class CountedRequests:
    """Sends requests as 李敏, the safety officer, and counts them."""

    def __init__(self, api):
        self.number = 0
        self._api = api

    def get(self, path, **query):
        self.number += 1
        answer = self._api.get("officer", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def take_step(self, hazard, step, **facts):
        self.number += 1
        return self._api.take_step("officer", hazard, step, **facts)


def report_week(api):
    """王芳 (inspector) reports 43 hazards a week before: urgent ones, ordinary ones, in two communities."""
    made = []
    for at in range(43):
        category = ("EV-02", "EB-01", "EV-03")[at % 3]
        community = HERE if at % 4 else OTHER
        made.append(api.report("inspector", category=category, community=community, place=f"{at}幢", photos=DECLARED))
        api.clock.advance(seconds=10)
    return made


def test_monday_of_an_officer_with_43_waiting_hazards(api):
    """李敏 accepts what waits, sees what falls due first, and hands it to 赵强, in as many requests as decisions."""
    made = report_week(api)
    api.clock.now = MONDAY + WEEK
    api.sign_in_again()
    li = CountedRequests(api)

    waiting = li.get("/hazards", unassigned=True, sort="reported_at", count=True, limit=50)
    assert (waiting["total"], [each["id"] for each in waiting["items"]]) == (43, [each["id"] for each in made])
    assert li.number == 1

    late = li.get("/hazards", clock_overdue="accept", count=True, limit=1)
    assert late["total"] == 43
    for each in waiting["items"]:
        li.take_step(each, "accept")
    assert li.number == 2 + 43
    assert li.get("/hazards", clock_overdue="accept", count=True, limit=1)["total"] == 0

    tomorrow = (MONDAY + WEEK + timedelta(days=1)).isoformat()
    due = li.get("/hazards", open=True, sort="due_at", due_before=tomorrow, count=True, limit=50)
    deadlines = [each["due_at"] for each in due["items"]]
    assert deadlines == sorted(deadlines)
    assert due["total"] == len(deadlines) > 0
    assert {each["category"] for each in due["items"]} <= {"EV-02", "EB-01"}
    for each in due["items"][:5]:
        li.take_step(each, "assign", lead="handler")
    assert li.get("/hazards", unassigned=True, count=True, limit=1)["total"] == 43 - 5
    assert li.get("/hazards", assignee="handler", open=True, count=True, limit=1)["total"] == 5

    urgent = li.get("/hazards", priority=["urgent"], count=True, limit=1)["total"]
    others = li.get("/hazards", priority=["high", "normal"], count=True, limit=1)["total"]
    assert (urgent > 0, urgent + others) == (True, 43)
    assert li.number == 43 + 5 + 8  # a request for each decision, and eight questions


def list_ids(api, path, **query):
    answer = api.get("officer", path, params=query or None)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


def test_several_values_of_a_filter_mean_any_of_them_everywhere(api):
    first = api.report("inspector", photos=DECLARED)
    second = api.report("inspector", community=OTHER, category="WN-02", photos=DECLARED)
    third = api.take_step(
        "officer", api.report("inspector", category="EV-03", photos=DECLARED), "reject", reason="重复"
    )
    everything = {each["id"] for each in (first, second, third)}
    assert set(list_ids(api, "/hazards", community=[HERE, OTHER])) == everything
    assert set(list_ids(api, "/hazards", community=[OTHER, HERE])) == everything
    assert set(list_ids(api, "/hazards", state=["rejected", "reported"], category=["EV-03", "WN-02"])) == {
        second["id"],
        third["id"],
    }
    assert set(list_ids(api, "/hazards", group=["防盗窗拆除", "电动车充电"])) == {first["id"], second["id"]}
    map_headers = {"Accept": "application/geo+json"}
    found = api.get("officer", "/hazards?state=reported&state=rejected&count=true&category=EB-01&category=EV-03",
                    headers=map_headers).json()  # fmt: skip
    assert {each["id"] for each in found["features"]} == {first["id"], third["id"]}
    assert found["total"] == 2

    rows = api.counts(community=[HERE, OTHER], category=["EB-01", "WN-02"])
    assert {each["community"]: each["received"] for each in rows["items"]} == {HERE: 1, OTHER: 1}
    assert rows["total"]["received"] == 2
    for row in rows["items"]:
        assert len(list_ids(api, row["cases"].removeprefix("/api/v1"))) == row["received"]
    for path in ("summary", "trend", "compare", "deadlines", "categories", "briefing", "alerts"):
        query = {"community": [HERE, OTHER], "street": ["330402009", "330402010"]}
        answer = api.get("analyst", f"/statistics/{path}", params=query)
        assert answer.status_code == 200, (path, answer.text)
    groups = api.get("analyst", "/statistics/categories", params={"group": ["防盗窗拆除", "电动车充电"]}).json()
    assert [each["group"] for each in groups["groups"]] == ["电动车充电", "防盗窗拆除"]
    assert groups["total"]["received"] == 2
    absent = api.get("analyst", "/statistics/communities", params={"community": [HERE, "330402009099"]})
    problem(absent, 404, "community.not_found")

    ledger = api.get("officer", "/ledger.csv", params={"category": ["EB-01", "EV-03"], "community": [HERE, OTHER]})
    assert [each["number"] in ledger.text for each in (first, second, third)] == [True, False, True]
    people = api.get("officer", "/people", params={"role": ["handler", "inspector"], "community": [HERE, OTHER]})
    assert {each["username"] for each in people.json()["items"]} >= {"handler", "inspector"}
    log = api.get("admin", "/security/events", params={"event": ["sign_in", "exported"]}).json()["items"]
    assert {each["event"] for each in log} == {"sign_in", "exported"}


def test_an_export_takes_several_values_too(api):
    sent = {"id": "01900000-0000-7000-8000-000000000001", "form": "csv"}
    asked = "/ledger/exports?community=330402009036&community=330402009037&severity=general&severity=major"
    assert api.post("officer", asked, sent).status_code == 201
    assert api.post("officer", asked, sent).status_code == 200
    problem(api.post("officer", asked.replace("&community=330402009037", ""), sent), 409, "id.conflict")


def test_only_one_value_is_taken_where_only_one_makes_sense(api):
    for path in (
        "/hazards?limit=1&limit=2",
        "/hazards?cursor=a&cursor=b",
        "/hazards?sort=due_at&sort=due_at",
        "/hazards?reported_from=2026-11-23&reported_from=2026-11-24",
        "/hazards?open=true&open=false",
        "/hazards?q=a&q=b",
        "/statistics/summary?from=2026-11-23&from=2026-11-24",
        "/statistics/trend?interval=day&interval=week",
        "/statistics/summary?format=csv&format=json",
        "/inbox?limit=1&limit=1",
    ):
        name = path.partition("?")[2].partition("=")[0]
        (error,) = problem(api.get("officer", path), 422, "step.needs")["errors"]
        assert error == {"field": name, "message": "只能给一个值"}, path


def test_what_is_not_understood_in_a_list_is_refused(api):
    for path, field in (
        ("/hazards?sort=deadline", "sort"),
        ("/hazards?sort=due_at,reported_at", "sort"),
        ("/hazards?count=many", "count"),
        ("/hazards?state=open", "state"),
        ("/hazards?state=closed&state=open", "state"),
        ("/hazards?priority=low", "priority"),
        ("/hazards?clock_overdue=lunch", "clock_overdue"),
        ("/hazards?clock=fix&clock=lunch", "clock"),
        ("/hazards?counted_as=received&counted_as=none", "counted_as"),
        ("/hazards?counted_from=2026-11-23", "counted_from"),
        ("/hazards?clock_due_before=2026-11-23T09:00:00Z", "clock_due_before"),
        ("/hazards?community=", "community"),
        ("/hazards?assignee=", "assignee"),
        ("/hazards?street=", "street"),
        ("/hazards?due_before=friday", "due_before"),
    ):
        (error,) = problem(api.get("officer", path), 422, "step.needs")["errors"]
        assert error["field"] == field, path


def test_a_cursor_serves_the_list_that_it_comes_from(api):
    for _ in range(3):
        api.report("inspector", photos=DECLARED)
    first = api.get("officer", "/hazards?sort=due_at&limit=1&open=true&state=reported&state=accepted").json()
    cursor = first["next_cursor"]
    again = f"/hazards?state=accepted&state=reported&open=true&sort=due_at&cursor={cursor}"
    rest = list_ids(api, again)
    assert len({*rest, first["items"][0]["id"]}) == 3
    for other in (
        again.replace("sort=due_at", "sort=-due_at"),
        again.replace("&sort=due_at", ""),
        again.replace("open=true", "open=false"),
        again.replace("state=accepted&", ""),
    ):
        (error,) = problem(api.get("officer", other), 422, "step.needs")["errors"]
        assert error["field"] == "cursor", other
    decoded = json.loads(base64.urlsafe_b64decode(cursor))
    newest = json.loads(base64.urlsafe_b64decode(api.get("officer", "/hazards?limit=1").json()["next_cursor"]))
    for forged in ({**decoded, "at": "yesterday"}, {**newest, "at": None}, {**decoded, "query": None}, {}, []):
        text = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode()
        path = "/hazards" if forged == {**newest, "at": None} else "/hazards?sort=due_at"
        answer = api.get("officer", path, params={"cursor": text})
        problem(answer, 422, "step.needs")


@pytest.mark.parametrize("sort", ["due_at", "-due_at"])
def test_hazards_without_a_deadline_come_last_in_both_directions(api, sort):
    waiting = [api.report("inspector", photos=DECLARED)["id"] for _ in range(2)]
    accepted = []
    for category in ("EB-01", "EV-02"):
        hazard = api.take_step("officer", api.report("inspector", category=category, photos=DECLARED), "accept")
        accepted.append(hazard["id"])
    soonest_first = [*reversed(accepted), *sorted(waiting)]
    latest_first = [*accepted, *sorted(waiting, reverse=True)]
    found, cursor = [], None
    while True:
        page = api.get(
            "officer", "/hazards", params={"sort": sort, "limit": 1, **({"cursor": cursor} if cursor else {})}
        )
        found += [each["id"] for each in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        if not cursor:
            break
    assert found == (soonest_first if sort == "due_at" else latest_first)


def test_what_a_handler_returned_waits_apart_from_what_was_never_assigned(api):
    returned, fresh, again = (api.report("inspector", place=f"{at}幢") for at in range(3))
    for each in (returned, again):
        accepted = api.take_step("officer", each, "accept")
        assigned = api.take_step("officer", accepted, "assign", lead="handler")
        back = api.take_step("handler", assigned, "return", reason="不归我管")
    api.take_step("officer", back, "assign", lead="handler")
    api.take_step("officer", fresh, "accept")

    def ids(**query):
        return {each["id"] for each in CountedRequests(api).get("/hazards", **query)["items"]}

    assert ids(sent_back=True) == ids(sent_back=True, sort="due_at") == {returned["id"]}
    assert ids(state="accepted", sent_back=False) == {fresh["id"]}


def test_proposed_majors_are_found(api):
    proposed, other = (api.take_step("officer", api.report("inspector", place=f"{at}幢"), "accept") for at in range(2))
    proposed = api.take_step("officer", proposed, "propose_major", basis="重大事故隐患判定标准")
    li = CountedRequests(api)
    assert [each["id"] for each in li.get("/hazards", major_proposed=True)["items"]] == [proposed["id"]]
    assert [each["id"] for each in li.get("/hazards", major_proposed=False)["items"]] == [other["id"]]
    api.take_step("supervisor", proposed, "confirm_major", confirmed=False, reason="不构成")
    assert li.get("/hazards", major_proposed=True, count=True)["total"] == 0


def test_hazards_are_found_by_how_they_ended(api):
    ended, _ = (api.report("inspector", place=f"{at}幢") for at in range(2))
    api.take_step("officer", ended, "verify", outcome="unfounded", note="现场没有发现")
    li = CountedRequests(api)
    assert [each["id"] for each in li.get("/hazards", outcome="unfounded")["items"]] == [ended["id"]]
    assert li.get("/hazards", outcome=["fixed", "false_alarm"])["items"] == []
