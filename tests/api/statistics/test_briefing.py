"""What a leader reads aloud, kept as it was said."""

from tests.builders.api import HERE, THERE, on_both, problem
from tests.builders.worked_cases import asked, listed, worked

DAY = {"from": "2026-11-23", "to": "2026-11-23"}


@on_both
def test_a_briefing_says_what_the_figures_say_and_still_says_it_later(api):
    waiting, *_ = worked(api)
    said = asked(api, "briefing", **DAY)
    counted = api.counts(**DAY)
    assert said["total"] == counted["total"]
    assert [row["received"] for row in said["items"]] == [row["received"] for row in counted["items"]]
    assert said["text"].startswith("2026年11月23日，新嘉街道9个社区共上报安全隐患4件；受理2件，受理率50%。")
    assert "尚有2件未办结，其中待受理1件、整改期限内1件。" in said["text"]
    figures = {each["metric"]: each for each in said["figures"]}
    assert (figures["acceptance_rate"]["numerator"], figures["acceptance_rate"]["denominator"]) == (2, 4)
    assert figures["received"]["meaning"]
    assert len(listed(api, figures["open"]["cases"])) == figures["open"]["value"] == 2
    assert asked(api, "briefing", **DAY)["id"] == said["id"]  # nothing was done since
    api.clock.pass_(minutes=10)
    again = asked(api, "briefing", **DAY)
    assert (again["id"], again["as_of"]) == (said["id"], said["as_of"])
    api.taken("officer", waiting, "reject", reason="非隐患")
    later = asked(api, "briefing", **DAY)
    assert later["id"] != said["id"]
    assert later["total"]["waiting"] == 0
    api.clock.pass_(days=366)
    api.sign_in_again()
    assert asked(api, f"briefings/{said['id']}") == said
    known = asked(api, "briefings")["items"]
    assert [each["id"] for each in known] == [later["id"], said["id"]]
    assert (known[0]["from"], known[0]["to"], known[0]["made_by"]) == ("2026-11-23", "2026-11-23", "analyst")


@on_both
def test_nobody_fetches_what_was_said_of_communities_that_are_not_theirs(api):
    worked(api)
    said = asked(api, "briefing", **DAY)
    assert asked(api, f"briefings/{said['id']}", who="officer") == said
    problem(api.get("officer2", f"/statistics/briefings/{said['id']}"), 404, "briefing.not_found")
    assert asked(api, "briefings", who="officer2")["items"] == []
    problem(api.get("analyst", f"/statistics/briefings/{HERE}"), 404, "route.not_found")
    problem(api.get("analyst", "/statistics/briefing", params={"community": THERE}), 404, "community.not_found")
    problem(api.get("handler", "/statistics/briefing"), 403, "role.forbidden")


def test_a_year_has_its_own_sentences_and_the_table_is_a_sheet(api):
    api.closed(category="WN-01", quantity=7)
    year = asked(api, "briefing", **{"from": "2026-01-01", "to": "2026-12-31"})
    assert year["year"].endswith("其中拆除、改造防盗窗（网）7处。")
    assert asked(api, "briefing", **DAY)["year"] == ""
    sheet = api.get("analyst", f"/statistics/briefings/{year['id']}?format=csv").content.decode("utf-8-sig")
    head, *rows = sheet.split("\r\n")
    assert head.startswith("社区,上报,受理")
    assert rows[-2].startswith("合计,1,1")
    assert asked(api, "briefing")["period"] == {"from": "2026-10-25", "to": "2026-11-23"}
