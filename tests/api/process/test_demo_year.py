"""Proves that the figures of the demo year are the same wherever they are read."""

import csv
import io
import re
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing

from api.demo.office import DEPARTMENTS
from inspections.statistics.metrics import METRICS
from tests.builders.ledgers import parse_ledger_file
from tests.builders.process import ANXUN, Process

_DEMO_WORDS = r"2024: (?P<all>\d+) hazards in 11 communities \((?P<near>\d+) in the 9 .*; (?P<causes>\d+) found by "
_DEMO_WORDS += r"alarms\), (?P<checks>\d+) alert checks"


def test_the_demo_year_has_the_same_figures_everywhere(tmp_path):  # noqa: PLR0915  # a year is loaded only once
    process = Process(tmp_path / "data")
    run = [ANXUN, "demo", "--year", "2024"]
    done = subprocess.run(run, env=process.environment, capture_output=True, text=True, check=True)
    words = " ".join(done.stdout.split())
    told = re.search(_DEMO_WORDS, words)
    again = subprocess.run(run, env=process.environment, capture_output=True, text=True, check=True)
    assert "2024: already there" in again.stdout
    process.start()
    client = process.client("analyst")

    def total(**query):
        return client.get("/statistics/communities", params=query).json()["total"]

    year = {"from": "2024-01-01", "to": "2024-12-31"}
    assert total(**year, group="防盗窗拆除")["quantity_done"] == 291
    june = {"from": "2024-06-01", "to": "2024-06-30", "group": "用电监测"}
    assert total(**june)["fixed"] == total(**year, group="用电监测")["fixed"] == 43
    months = [
        total(**{"from": f"2024-{at:02d}-01", "to": f"2024-{at:02d}-28"}, group="防盗窗拆除") for at in range(1, 13)
    ]
    removed = [month["quantity_done"] for month in months]
    assert removed[0] == 0
    assert removed[1:] == sorted(removed[1:])
    assert sum(removed) == 291
    everything = total(**year)
    _check_alarms(client, told)
    assert total()["received"] == everything["received"] == int(told["near"])
    assert everything["evaluated"] > everything["satisfied"] > 0
    assert everything["old_standard"] > 0
    assert min(everything[name] for name in ("rejected", "duplicate", "fixed_on_spot", "open")) > 0
    supervisor = process.client("supervisor")
    shown = []
    cursor = None
    while True:
        query = {"limit": 500, **({"cursor": cursor} if cursor else {})}
        page = supervisor.get("/hazards", params=query).json()
        shown += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    outcomes = {hazard["outcome"] for hazard in shown}
    assert {"fixed", "unfounded", "self_resolved", "refused_controlled"} <= outcomes
    assert any(hazard["times_returned"] for hazard in shown)
    assert any(hazard["times_reworked"] for hazard in shown)
    assert any(hazard["rebounded_as"] for hazard in shown)
    assert all(hazard["demo"] and hazard["description"].startswith("【演示数据】") for hazard in shown)
    assert all(hazard["missing_photos"] == [] for hazard in shown)
    with closing(process.client("officer2")) as other:
        there = other.get("/statistics/communities").json()["total"]["received"]
    assert everything["received"] + there == int(told["all"])
    assert len(shown) == everything["received"] + int(told["checks"])
    _check_map(supervisor, shown)
    teams = {(hazard["lead"], *hazard["assisting"]) for hazard in shown if hazard["assisting"]}
    assert {lead for lead, *_ in teams} == set(DEPARTMENTS)
    assert all(set(team) == set(DEPARTMENTS) for team in teams)
    vehicles = [hazard for hazard in shown if hazard["vehicle_standard"]]
    assert {hazard["category"] for hazard in vehicles} == {"EB-02", "EB-06"}
    late = [hazard for hazard in shown if hazard["due_at"] and (hazard["submitted_at"] or "") > hazard["due_at"]]
    steps = supervisor.get(f"/hazards/{late[0]['id']}/history").json()["items"]
    assert "escalate" in [line["step"] for line in steps]
    _check_figures_everywhere(process, client, year)
    supervisor.close()
    client.close()
    process.stop()


def _check_alarms(client, told):
    """Compare the alarms of the year: 43 causes in the pilot month, one false alarm, and an e-bike not yet visited."""
    alarms = {
        name: client.get("/statistics/alerts", params=days).json()
        for name, days in (
            ("year", {"from": "2024-01-01", "to": "2024-12-31"}),
            ("june", {"from": "2024-06-01", "to": "2024-06-30"}),
        )
    }
    for found in alarms.values():
        total = found["total"]
        assert (total["causes"], total["removed"], total["devices"]) == (43, 43, 45)
        assert [total[f"cause_EL-0{at}"] for at in (1, 2, 3, 4)] == [18, 15, 10, 0]
        assert sum(row["causes"] for row in found["items"]) == 43
    year, june = alarms["year"]["total"], alarms["june"]["total"]
    assert (june["checks"], june["false_alarms"], june["open"]) == (44, 1, 0)
    assert (year["checks"], year["open"]) == (45, 1)
    assert year["alerts"] > year["checks"]
    assert year["messages"] > year["alerts"]
    assert (int(told["causes"]), int(told["checks"])) == (year["causes"], year["checks"] - year["causes"])
    (lift,) = [row for row in alarms["year"]["kinds"] if row["kind"] == "lift"]
    assert (lift["devices"], lift["checks"]) == (1, 1)


def _check_map(client, shown):
    """Compare the points of the hazards with the outlines of their communities."""
    areas = client.get("/communities", headers={"Accept": "application/geo+json"}).json()["features"]
    outlines = {each["properties"]["code"]: each["geometry"]["coordinates"][0][0] for each in areas}
    assert len(outlines) == 9
    assert all(hazard["point"] for hazard in shown)
    for hazard in shown:
        ring = outlines[hazard["community"]]
        lon, lat = hazard["point"]["lon"], hazard["point"]["lat"]
        assert min(x for x, _ in ring) < lon < max(x for x, _ in ring)
        assert min(y for _, y in ring) < lat < max(y for _, y in ring)
    points = client.get("/hazards", headers={"Accept": "application/geo+json"}).json()["features"]
    assert all(each["geometry"]["type"] == "Point" for each in points)


def _check_figures_everywhere(process, client, year):
    """Compare the figures of the API, the briefing, the CSV, the SQL views and the lines of the ledger."""
    counted = client.get("/statistics/communities", params=year).json()
    briefing = client.get("/statistics/briefing", params=year).json()
    assert (briefing["items"], briefing["total"]) == (
        [{name: row[name] for name in briefing["items"][0]} for row in counted["items"]],
        counted["total"],
    )
    for name in ("received", "open", "quantity_done"):
        assert f"{counted['total'][name]}" in briefing["text"] + briefing["year"]
    sheet = client.get("/statistics/communities", params={**year, "format": "csv"}).content.decode("utf-8-sig")
    rows = {row["社区代码"]: row for row in csv.DictReader(io.StringIO(sheet))}
    names = [name for name in METRICS if isinstance(counted["total"][name], int)]
    for row in counted["items"]:
        assert {name: int(rows[row["community"]][METRICS[name].title]) for name in names} == {
            name: row[name] for name in names
        }
    everything = {row["community"]: row for row in client.get("/statistics/communities").json()["items"]}
    with closing(sqlite3.connect(process.folder / "anxun.db")) as database:
        database.row_factory = sqlite3.Row
        viewed = {row["community"]: dict(row) for row in database.execute("SELECT * FROM anxun_communities")}
        listed = Counter(
            code for code, day in database.execute("SELECT community, reported_at FROM anxun_hazards") if day < "2025"
        )
        happened = dict(database.execute("SELECT community, sum(closed) FROM anxun_days GROUP BY community"))
    for code, row in everything.items():
        shared = set(viewed[code]) & set(row) - {"community", "name"}
        assert {name: viewed[code][name] for name in shared} == {name: row[name] for name in shared}
        assert (listed[code], happened.get(code, 0)) == (row["received"], row["closed_then"])
    ledger = parse_ledger_file(client.get("/ledger.csv", params=year).content)
    assert Counter(line["社区"] for line in ledger) == {
        row["name"]: row["received"] for row in counted["items"] if row["received"]
    }
