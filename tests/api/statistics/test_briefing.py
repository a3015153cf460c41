"""A briefing for leaders matches the statistics and is stored unchanged."""

from inspections.statistics import actions
from tests.builders.api import HERE, THERE, on_both, problem
from tests.builders.day_of_cases import create_cases, get_statistics, list_cases

DAY = {"from": "2026-11-23", "to": "2026-11-23"}


@on_both
def test_a_briefing_matches_the_statistics_and_stays_unchanged(api):
    waiting, *_ = create_cases(api)
    briefing = get_statistics(api, "briefing", **DAY)
    counted = api.counts(**DAY)
    assert briefing["total"] == counted["total"]
    assert [row["received"] for row in briefing["items"]] == [row["received"] for row in counted["items"]]
    assert briefing["text"].startswith("2026年11月23日，新嘉街道9个社区共上报安全隐患4件；受理2件，受理率50%。")
    assert "尚有2件未办结，其中待受理1件、整改期限内1件。" in briefing["text"]
    figures = {each["metric"]: each for each in briefing["figures"]}
    assert (figures["acceptance_rate"]["numerator"], figures["acceptance_rate"]["denominator"]) == (2, 4)
    assert figures["received"]["meaning"]
    assert len(list_cases(api, figures["open"]["cases"])) == figures["open"]["value"] == 2
    assert get_statistics(api, "briefing", **DAY)["id"] == briefing["id"]  # nothing was done since
    api.clock.advance(minutes=10)
    again = get_statistics(api, "briefing", **DAY)
    assert (again["id"], again["as_of"]) == (briefing["id"], briefing["as_of"])
    api.take_step("officer", waiting, "reject", reason="非隐患")
    later = get_statistics(api, "briefing", **DAY)
    assert later["id"] != briefing["id"]
    assert later["total"]["waiting"] == 0
    api.clock.advance(days=366)
    api.sign_in_again()
    assert get_statistics(api, f"briefings/{briefing['id']}") == briefing
    known = get_statistics(api, "briefings")["items"]
    assert [each["id"] for each in known] == [later["id"], briefing["id"]]
    assert (known[0]["from"], known[0]["to"], known[0]["made_by"]) == ("2026-11-23", "2026-11-23", "analyst")


@on_both
def test_a_flood_of_briefings_is_refused_and_others_still_get_theirs(api, monkeypatch):
    monkeypatch.setattr(actions, "MAX_NEW_BRIEFINGS", 2)
    first = get_statistics(api, "briefing", **DAY)
    get_statistics(api, "briefing", **{"from": "2026-11-22", "to": "2026-11-22"})
    more = {"from": "2026-11-21", "to": "2026-11-21"}
    refused = api.get("analyst", "/statistics/briefing", params=more)
    problem(refused, 429, "requests.too_many")
    assert int(refused.headers["retry-after"]) > 0
    assert get_statistics(api, "briefing", **DAY) == first
    assert get_statistics(api, "briefing", who="officer", **more)["id"]
    assert len(get_statistics(api, "briefings")["items"]) == 3


@on_both
def test_a_briefing_of_other_communities_is_not_found(api):
    create_cases(api)
    briefing = get_statistics(api, "briefing", **DAY)
    assert get_statistics(api, f"briefings/{briefing['id']}", who="officer") == briefing
    problem(api.get("officer2", f"/statistics/briefings/{briefing['id']}"), 404, "briefing.not_found")
    assert get_statistics(api, "briefings", who="officer2")["items"] == []
    problem(api.get("analyst", f"/statistics/briefings/{HERE}"), 404, "route.not_found")
    problem(api.get("analyst", "/statistics/briefing", params={"community": THERE}), 404, "community.not_found")
    problem(api.get("handler", "/statistics/briefing"), 403, "role.forbidden")


def test_a_yearly_briefing_has_its_own_sentences_and_a_sheet(api):
    api.close_report(category="WN-01", quantity=7)
    year = get_statistics(api, "briefing", **{"from": "2026-01-01", "to": "2026-12-31"})
    assert year["year"].endswith("其中拆除、改造防盗窗（网）7处。")
    assert get_statistics(api, "briefing", **DAY)["year"] == ""
    sheet = api.get("analyst", f"/statistics/briefings/{year['id']}?format=csv").content.decode("utf-8-sig")
    head, *rows = sheet.split("\r\n")
    assert head.startswith("社区,上报,受理")
    assert rows[-2].startswith("合计,1,1")
    assert get_statistics(api, "briefing")["period"] == {"from": "2026-10-25", "to": "2026-11-23"}
