"""The communities come in as the office has them: a table, or a map with their outlines."""

import json

import pytest

from inspections.accounts.policy import EVERYWHERE, Scope
from inspections.errors import Invalid, TooCostly
from inspections.places.actions import import_places
from inspections.places.communities import Community, Street
from inspections.places.community_import import CORNERS, CORNERS_EACH, LINES, Boundary, of_map, of_table
from inspections.table_import import LinesWrong
from tests.builders.office import HERE, THERE, Office

SQUARE = [[120.74, 30.75], [120.75, 30.75], [120.75, 30.76], [120.74, 30.76], [120.74, 30.75]]
NEW = "330402010001"
HEAD = ["code", "name"]


@pytest.fixture
def office():
    return Office()


def mapped(*features, crs="wgs84"):
    collection = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": properties, "geometry": geometry} for properties, geometry in features
        ],
    }
    return of_map(json.dumps(collection).encode(), crs)


def area(*rings, kind="Polygon"):
    return {"type": kind, "coordinates": [list(rings)] if kind == "MultiPolygon" else list(rings)}


def kept(office, said):
    return office.do(import_places, EVERYWHERE, said, apply=True)


def test_a_table_brings_new_communities_and_other_names_and_leaves_the_rest(office):
    said = of_table(
        [["社区代码", "社区名称", "街道", "简称"], [NEW, "城南社区", "城南街道", "CN"], [], [HERE.code, "电子新村"]]
    )
    answer = kept(office, said)
    assert (answer.applied, answer.lines, answer.new, answer.changed) == (True, 2, 1, 1)
    assert office.community(NEW) == Community(NEW, "城南社区")
    assert office.street("330402010") == Street("330402010", "城南街道", "CN")
    assert (office.community(HERE.code).name, office.community(THERE.code)) == ("电子新村", THERE)
    again = kept(office, said)
    assert (again.new, again.changed) == (0, 0)


def test_a_street_of_which_nothing_is_said_is_called_by_its_code_until_somebody_does(office):
    kept(office, of_table([["code", "name"], [NEW, "城南社区"], [HERE.code, HERE.name]]))
    assert office.street("330402010") == Street("330402010", "330402010", "330402010")
    assert office.street(HERE.street).name == "新嘉街道"
    answer = kept(office, of_table([["code", "name", "street"], [NEW, "城南社区", "城南街道"]]))
    assert answer.changed == 1
    assert office.street("330402010") == Street("330402010", "城南街道", "330402010")


def test_a_map_brings_outlines(office):
    said = mapped(
        ({"code": HERE.code, "name": HERE.name}, area(SQUARE, kind="MultiPolygon")),
        ({"社区代码": THERE.code, "社区": THERE.name}, None),
    )
    answer = kept(office, said)
    assert (answer.new, answer.changed) == (0, 1)
    assert office.kept(Boundary, HERE.code).outline == ((tuple(map(tuple, SQUARE)),),)
    assert office.kept(Boundary, THERE.code) is None
    kept(office, mapped(({"code": HERE.code, "name": HERE.name}, area([*SQUARE[:3], SQUARE[0]]))))
    assert len(office.kept(Boundary, HERE.code).outline[0][0]) == 4
    kept(office, of_table([["code", "name"], [HERE.code, "电子"]]))
    assert office.kept(Boundary, HERE.code) is not None


def test_an_outline_of_too_many_corners_is_wrong_and_the_others_are_read():
    long = [SQUARE[0], *[SQUARE[1]] * CORNERS_EACH, SQUARE[0]]
    said = mapped(
        ({"code": HERE.code, "name": HERE.name}, area(long)), ({"code": THERE.code, "name": THERE.name}, area(SQUARE))
    )
    (wrong,) = said.errors
    assert (wrong.line, wrong.column, str(CORNERS_EACH) in wrong.message) == ("1", "geometry", True)
    assert [each.code for _, each in said.lines] == [THERE.code]


def test_what_takes_too_much_is_refused_in_words_as_any_file_is():
    refused = TooCostly()
    assert (refused.code, refused.facts["errors"]) == (Invalid.code, [("file", TooCostly.words)])


def test_positions_come_in_the_system_that_is_named():
    ((_, listed),) = mapped(({"code": HERE.code, "name": "电子"}, area(SQUARE)), crs="gcj02").lines
    lon, lat = listed.outline[0][0][0]
    assert (120.74 - lon, 30.75 - lat) == (pytest.approx(0.0045, abs=0.001), pytest.approx(-0.0025, abs=0.001))


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [120.7, 30.7]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": None},
        {"type": "MultiPolygon", "coordinates": [[]]},
        area(SQUARE[:-1]),
        area(SQUARE[:2]),
        area([[120.7], [120.8], [120.9], [120.7]]),
        area([[120.7, 95], [120.8, 95], [120.9, 95], [120.7, 95]]),
        area([[1e9, 3], [1, 3], [1, 4], [1e9, 3]]),
        area([["a", "b"]] * 4),
    ],
)
def test_what_is_no_area_is_no_outline(geometry):
    said = mapped(({"code": HERE.code, "name": "电子"}, geometry))
    assert (said.lines, [(each.line, each.column) for each in said.errors]) == ([], [("1", "geometry")])


def test_what_is_wrong_with_a_line_is_said_and_nothing_is_kept(office):
    said = of_table(
        [["code", "name"], ["33040200903", "短"], [NEW], [NEW, "城南"], [NEW, "又一个"], [HERE.code, "长" * 201]]
    )
    assert [(each.line, each.column, each.message) for each in said.errors] == [
        ("2", "code", "格式不正确"),
        ("3", "name", "缺少此项"),
        ("5", "code", "与第 4 行重复"),
        ("6", "name", "格式不正确"),
    ]
    with pytest.raises(LinesWrong) as refusal:
        kept(office, said)
    assert refusal.value.facts["wrong"] == 4
    assert office.community(NEW) is None
    seen = office.do(import_places, EVERYWHERE, said, apply=False)
    assert (seen.applied, seen.lines, seen.new, seen.wrong) == (False, 5, 1, 4)
    assert office.community(NEW) is None


def test_who_manages_some_communities_brings_no_others(office):
    said = of_table([["code", "name"], [HERE.code, "电子"], [NEW, "城南"]])
    with pytest.raises(LinesWrong) as refusal:
        office.do(import_places, Scope("admin", (HERE.street,), ()), said, apply=True)
    assert [each.message for each in refusal.value.facts["errors"]] == ["不在您的管理范围内"]


@pytest.mark.parametrize("rows", [[], [["a", "b"]], [["code"], [NEW]], [["code", "name"], *[[NEW, "x"]] * (LINES + 1)]])
def test_what_is_no_list_is_refused(rows):
    with pytest.raises(Invalid):
        of_table(rows)


MANY = b'{"features": [' + b"{}," * LINES + b"{}]}"


@pytest.mark.parametrize(
    "raw", [b"{", b'{"features": 1}', b"[" * 100_000, MANY, b'{"features": []}' + b"[" * (CORNERS + 1), b"\xff"]
)
def test_what_is_no_map_is_refused(raw):
    with pytest.raises(Invalid):
        of_map(raw, "wgs84")


def test_a_map_with_too_many_corners_is_refused_before_they_are_looked_at():
    ring = [[0, 0]] * (CORNERS + 1)
    with pytest.raises(Invalid) as refusal:
        mapped(({"code": HERE.code, "name": "电子"}, area(ring)))
    assert str(CORNERS) in refusal.value.facts["errors"][0].message
