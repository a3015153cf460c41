"""Communities are imported, renamed and shown on a map."""

import asyncio
import json
import math

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from api.commands.main import commands
from api.office.seed import seed_office
from api.settings import CommandError
from inspections.change import Change
from inspections.office.categories import CATALOGUE
from storage.database import open_database
from tests.builders.api import HERE, on_both, problem
from tests.builders.child_processes import measure_child_seconds

SQUARE = [[120.74, 30.75], [120.75, 30.75], [120.75, 30.76], [120.74, 30.75]]


def import_communities(api, data, who="admin", **query):
    headers = {"content-type": "application/octet-stream"}
    return api.call(who, "POST", "/communities/import", content=data, params=query, headers=headers)


@on_both
def test_an_administrator_imports_a_name_and_an_outline_and_a_map_shows_both(api):
    named = f"code,name\r\n{HERE},电子新村\r\n".encode("gb18030")
    seen = import_communities(api, named, apply=False).json()
    assert (seen["applied"], seen["changed"]) == (False, 1)
    assert import_communities(api, named).json()["changed"] == 1
    feature = {
        "type": "Feature",
        "properties": {"code": HERE, "name": "电子新村"},
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    }
    drawn = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    assert import_communities(api, drawn).json()["changed"] == 1
    names = {each["code"]: each["name"] for each in api.get("inspector", "/communities").json()["items"]}
    assert (names[HERE], len(names)) == ("电子新村", 9)
    shown = api.call("inspector", "GET", "/communities", headers={"Accept": "application/geo+json"})
    assert shown.headers["content-type"] == "application/geo+json"
    features = {each["id"]: each for each in shown.json()["features"]}
    assert features[HERE]["geometry"] == {"type": "MultiPolygon", "coordinates": [[SQUARE]]}
    assert features[HERE]["properties"]["name"] == "电子新村"
    assert sorted(each["demo"] for each in features.values()) == [False] + [True] * 8
    assert not features[HERE]["demo"]
    assert api.call("inspector2", "GET", "/communities", headers={"Accept": "application/geo+json"}).json()["features"]
    (event, *_) = api.get("admin", "/security/events?event=imported").json()["items"]
    assert (event["about"], event["facts"]) == ("communities", {"lines": "1", "fields": "outline demo"})


def outline(corners):
    """Builds the outline of a round community as GeoJSON."""
    angles = (2 * math.pi * at / corners for at in range(corners))
    ring = [[120.7 + 0.01 * math.cos(angle), 30.7 + 0.01 * math.sin(angle)] for angle in angles]
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    feature = {"type": "Feature", "properties": {"code": HERE, "name": "电子新村"}, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def test_an_outline_of_190_000_corners_is_refused_as_fast_as_an_ordinary_one_is_read(api):
    _, ordinary = measure_child_seconds(lambda: import_communities(api, outline(5000), crs="bd09"))
    answer, taken = measure_child_seconds(lambda: import_communities(api, outline(190_000), crs="bd09"))
    (wrong,) = problem(answer, 422, "file.lines")["errors"]
    assert wrong["field"] == "1.geometry"
    assert 0 < taken < 5 * ordinary


def test_import_errors_are_reported_by_line(api):
    data = f"code,name\n{HERE},电子\n123,短\n330402010001,别处\n".encode()
    refused = problem(import_communities(api, data), 422, "file.lines")
    assert [each["field"] for each in refused["errors"]] == ["3.code", "4.code"]
    assert problem(import_communities(api, b"\x81\x82\x83"), 422, "step.needs")
    assert problem(import_communities(api, b""), 422, "step.needs")
    assert import_communities(api, data, who="officer").status_code == 403


def test_a_real_office_imports_its_communities_by_command(tmp_path, monkeypatch):
    monkeypatch.setenv("ANXUN_DATA", str(tmp_path))
    listed = tmp_path / "communities.csv"
    listed.write_text("code,name,street,abbreviation\n330402010001,城南社区,城南街道,CN\n")
    runner = CliRunner()
    assert runner.invoke(commands, ["migrate"]).exit_code == 0
    preview = runner.invoke(commands, ["import", "communities", str(listed), "--preview"])
    assert "1 new, 0 changed (nothing is kept)" in preview.output
    done = runner.invoke(commands, ["import", "communities", str(listed)])
    assert (done.exit_code, "1 lines, 0 errors; 1 new, 0 changed" in done.output) == (0, True)
    listed.write_text("code,name\n1,短\n")
    wrong = runner.invoke(commands, ["import", "communities", str(listed)])
    assert (wrong.exit_code, "2 code" in wrong.output) == (1, True)
    listed.write_bytes(b"\x81\x82\x83")
    with pytest.raises(CommandError):
        runner.invoke(commands, ["import", "communities", str(listed)], catch_exceptions=False)
    database = open_database(f"sqlite:///{tmp_path / 'anxun.db'}")
    asyncio.run(seed_office(database))
    street, categories = database.read_sync(
        lambda repository: (repository.street("330402010"), repository.categories())
    )
    assert (street.abbreviation, len(categories)) == ("CN", len(CATALOGUE))
    edited = replace(categories[0], name="改过的")
    asyncio.run(database.transact(lambda _: Change(None, changed=((categories[0], edited),))))
    asyncio.run(seed_office(database))  # as each start does
    assert database.read_sync(lambda repository: repository.category(edited.code)) == edited
    asyncio.run(database.close())
