"""Hazard lists are filtered and paged, and the statistics agree with them."""

import random

from tests.builders.api import HERE, THERE, on_both
from tests.builders.external_identities import check_identities

pytestmark = on_both

OTHER = "330402009037"


def test_pages_follow_each_other_without_gap_or_repeat(api):
    made = []
    for _ in range(7):
        made.append(api.report("inspector", photos=[{"sha256": "0" * 64, "stage": "before"}])["id"])
        api.clock.advance(seconds=random.Random(7).randrange(2))  # noqa: S311  # some at the same instant
    seen, cursor = [], None
    while True:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        answer = api.get("officer", "/hazards", params=query).json()
        seen += [each["id"] for each in answer["items"]]
        cursor = answer["next_cursor"]
        if not cursor:
            break
    assert sorted(seen) == sorted(made)
    assert len(set(seen)) == 7


def test_each_filter_narrows_the_hazard_list(api):
    first = api.report("inspector", place="3幢_100%", category="EB-01")
    api.clock.advance(days=1)
    api.tokens["inspector"] = api.tokens["officer"] = None
    for who in ("inspector", "officer"):
        sent = {"username": who, "password": "a-password-for-Tests"}
        api.tokens[who] = api.post(None, "/auth/login", sent).json()["access_token"]
    second = api.report(
        "inspector", place="4幢", category="WN-02", community=OTHER, found_at="2026-11-24T09:00:00+08:00"
    )

    def found(**query):
        return [each["id"] for each in api.get("officer", "/hazards", params=query).json()["items"]]

    assert found() == [second["id"], first["id"]]
    for query in (
        {"community": HERE},
        {"category": "EB-01"},
        {"group": "电动车充电"},
        {"q": "3幢"},
        {"q": "_100%"},
        {"q": first["number"]},
        {"reported_from": "2026-11-23", "reported_to": "2026-11-23"},
        {"found_to": "2026-11-23T23:59:59+08:00"},
        {"stage_overdue": True},
    ):
        assert found(**query) == [first["id"]], query
    for query in (
        {"updated_after": "2026-11-23T20:00:00+08:00", "community": OTHER},
        {"found_from": "2026-11-24T00:00:00+08:00"},
    ):
        assert found(**query) == [second["id"]], query
    for query in ({"q": "_200"}, {"group": "无"}, {"state": "closed"}, {"assignee": "handler"}, {"community": THERE}):
        assert found(**query) == [], query
    assert len(found(street="330402009", state="reported", source="inspector")) == 2


def test_numbers_agree_with_lists_after_a_random_week(api):
    chance = random.Random(11)  # noqa: S311
    hazards = []
    for _ in range(60):
        kind = chance.randrange(8)
        if kind < 3 or not hazards:
            place = chance.choice([HERE, OTHER])
            photos = [{"sha256": "0" * 64, "stage": "before"}]
            hazards.append(api.report("inspector", community=place, quantity=chance.randrange(1, 4), photos=photos))
            continue
        hazard = hazards.pop(chance.randrange(len(hazards)))
        turns = {
            3: ("officer", "accept", {}),
            4: ("officer", "reject", {"reason": "…"}),
            5: ("officer", "merge", {"into": chance.choice(hazards or [hazard])["id"]}),
            6: ("inspector", "verify", {"outcome": "unfounded", "note": "…"}),
            7: ("officer", "assign", {"lead": "handler"}),
        }
        who, step, facts = turns[kind]
        answer = api.step(who, hazard, step, **facts)
        hazards.append(answer.json() if answer.status_code == 200 else hazard)
    check_identities(api.counts())
    check_identities(api.counts(**{"from": "2026-11-23", "to": "2026-11-23"}))
    check_identities(api.counts(category="EB-01"))
    assert api.counts(**{"from": "2026-11-24"})["total"]["received"] == 0
    for row in api.counts(**{"from": "2026-11-23", "to": "2026-11-23"})["items"]:
        listed = api.get("analyst", row["cases"].removeprefix("/api/v1")).json()["items"]
        assert len(listed) == row["received"]


def test_every_community_in_scope_is_counted_even_with_zeros(api):
    items = api.counts()["items"]
    assert len(items) == 9
    assert items[0]["received"] == 0
    assert items[0]["acceptance_rate"] is None


def test_a_map_reads_hazards_as_geojson_in_wgs84(api):
    hazard = api.report("inspector", point={"lat": 30.77, "lon": 120.75, "crs": "gcj02"})
    api.report("inspector")
    headers = {"Accept": "application/geo+json, application/json"}
    answer = api.get("officer", "/hazards?limit=1", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/geo+json")
    found = answer.json()
    rest = api.get("officer", f"/hazards?cursor={found['next_cursor']}", headers=headers).json()
    assert (found["type"], rest["next_cursor"]) == ("FeatureCollection", None)
    features = {each["id"]: each for each in (*found["features"], *rest["features"])}
    there = features.pop(hazard["id"])
    lon, lat = there["geometry"]["coordinates"]
    assert (round(lon, 3), round(lat, 3)) == (120.746, 30.772)  # half a kilometre from what the phone said
    assert there["properties"]["number"] == hazard["number"]
    assert next(iter(features.values()))["geometry"] is None
    seen = api.get("analyst", "/hazards", headers=headers).json()["features"]
    assert {each["properties"]["number"] for each in seen} >= {hazard["number"]}
    assert "description" not in str(seen)
    assert "items" in api.get("officer", "/hazards").json()
