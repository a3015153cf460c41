"""The daily trend and the comparison of periods agree with the counts, on both databases."""

from datetime import date

import pytest

from tests.builders.api import HERE, PASSWORD, THERE, on_both, problem


def trend(api, who="analyst", **asked):
    answer = api.get(who, "/statistics/trend", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


@on_both
def test_a_trend_has_every_day_and_agrees_with_the_counts(api):
    for _ in range(2):
        api.report("inspector")
    closed = api.close_report()
    api.report("inspector2", community=THERE)
    days = trend(api, **{"from": "2026-11-20", "to": "2026-11-24"})
    assert [(each["day"], each["received"], each["accepted"], each["closed"]) for each in days["items"]] == [
        *((f"2026-11-{day}", 0, 0, 0) for day in (20, 21, 22)),
        ("2026-11-23", 3, 1, 1),
        ("2026-11-24", 0, 0, 0),
    ]
    assert days["total"] == {"received": 3, "accepted": 1, "closed": 1, "fixed": 1}
    counted = api.counts(**{"from": "2026-11-20", "to": "2026-11-24"})["total"]
    assert (counted["received"], counted["closed"], counted["fixed"]) == (3, 1, 1)
    assert trend(api, category="WN-03")["total"]["received"] == 0
    assert trend(api, category=closed["category"])["total"]["received"] == 3
    assert trend(api, who="officer2")["total"]["received"] == 1
    weeks = trend(api, interval="week")
    assert (len(weeks["items"]), weeks["items"][-1]) == (
        12,
        {
            "week": "2026-W48",
            "from": "2026-11-23",
            "to": "2026-11-23",
            "received": 3,
            "accepted": 1,
            "closed": 1,
            "fixed": 1,
        },
    )
    months = trend(api, interval="month")["items"]
    assert (months[0]["month"], months[-1]["month"], months[-1]["received"]) == ("2025-12", "2026-11", 3)


@on_both
def test_days_are_cut_at_midnight_in_shanghai(api):
    api.clock.advance(hours=14, minutes=59)  # 23:59
    for who in ("inspector", "analyst"):
        api.tokens[who] = api.post(None, "/auth/login", {"username": who, "password": PASSWORD}).json()["access_token"]
    api.report("inspector")
    api.clock.advance(minutes=1)
    api.report("inspector")
    days = trend(api, **{"from": "2026-11-23", "to": "2026-11-24"})["items"]
    assert [(each["day"], each["received"]) for each in days] == [("2026-11-23", 1), ("2026-11-24", 1)]


@on_both
def test_a_period_is_compared_with_the_one_before_and_a_year_before(api):
    for _ in range(3):
        api.report("inspector")
    answer = api.get("analyst", "/statistics/compare?from=2026-11-01&to=2026-11-30")
    assert answer.status_code == 200, answer.text
    trend = answer.json()
    assert (trend["prior"], trend["year_before"]) == (
        {"from": "2026-10-01", "to": "2026-10-31"},
        {"from": "2025-11-01", "to": "2025-11-30"},
    )
    received = next(each for each in trend["items"] if each["metric"] == "received")
    assert (received["value"], received["prior"], received["prior_delta"], received["prior_percent"]) == (3, 0, 3, None)
    later = api.get("analyst", "/statistics/compare?from=2026-11-24&to=2026-11-24").json()["items"]
    received = next(each for each in later if each["metric"] == "received")
    assert (received["value"], received["prior"], received["prior_percent"]) == (0, 3, -100.0)
    assert {each["metric"] for each in later} >= {"open", "overdue", "quantity_done"}


@pytest.mark.parametrize("path", ["/statistics/trend", "/statistics/compare"])
def test_invalid_periods_are_refused(api, path):
    for wrong in ("from=2026-11-24&to=2026-11-23", "from=1970-01-01&to=2026-01-01", "to=9999-12-31", "from=0001-01-01"):
        problem(api.get("analyst", f"{path}?{wrong}"), 422, "step.needs")
    assert api.get("analyst", f"{path}?to={date(2000, 2, 29)}").status_code == 200
    assert api.get("analyst", f"{path}?from=2999-01-01&to=2999-12-31").status_code == 200
    problem(api.get("officer", f"{path}?community={THERE}"), 404, "community.not_found")
    assert api.get("officer", f"{path}?community={HERE}").status_code == 200
