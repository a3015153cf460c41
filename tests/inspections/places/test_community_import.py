"""Community import: communities are read from a table, or from a map with their outlines."""

import json

import pytest

from inspections.accounts.policy import EVERYWHERE, Scope
from inspections.errors import FileTooComplex, InvalidInput
from inspections.places.actions import import_places
from inspections.places.communities import Community, Street
from inspections.places.community_import import (
    MAX_CORNERS,
    MAX_CORNERS_PER_COMMUNITY,
    MAX_LINES,
    Boundary,
    parse_community_map,
    parse_community_table,
)
from inspections.table_import import InvalidLines
from tests.builders.office import HERE, THERE, Office

SQUARE = [[120.74, 30.75], [120.75, 30.75], [120.75, 30.76], [120.74, 30.76], [120.74, 30.75]]
NEW = "330402010001"
HEAD = ["code", "name"]


@pytest.fixture
def office():
    return Office()


def parse_map(*features, crs="wgs84"):
    collection = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": properties, "geometry": geometry} for properties, geometry in features
        ],
    }
    return parse_community_map(json.dumps(collection).encode(), crs)


def area(*rings, kind="Polygon"):
    return {"type": kind, "coordinates": [list(rings)] if kind == "MultiPolygon" else list(rings)}


def import_all(office, listing):
    return office.do(import_places, EVERYWHERE, listing, apply=True)


def test_a_table_adds_and_renames_communities_and_leaves_the_rest(office):
    listing = parse_community_table(
        [["社区代码", "社区名称", "街道", "简称"], [NEW, "城南社区", "城南街道", "CN"], [], [HERE.code, "电子新村"]]
    )
    answer = import_all(office, listing)
    assert (answer.applied, answer.lines, answer.new, answer.changed) == (True, 2, 1, 1)
    assert office.community(NEW) == Community(NEW, "城南社区")
    assert office.street("330402010") == Street("330402010", "城南街道", "CN")
    assert (office.community(HERE.code).name, office.community(THERE.code)) == ("电子新村", THERE)
    again = import_all(office, listing)
    assert (again.new, again.changed) == (0, 0)


def test_a_street_without_a_name_is_called_by_its_code_until_named(office):
    import_all(office, parse_community_table([["code", "name"], [NEW, "城南社区"], [HERE.code, HERE.name]]))
    assert office.street("330402010") == Street("330402010", "330402010", "330402010")
    assert office.street(HERE.street).name == "新嘉街道"
    answer = import_all(office, parse_community_table([["code", "name", "street"], [NEW, "城南社区", "城南街道"]]))
    assert answer.changed == 1
    assert office.street("330402010") == Street("330402010", "城南街道", "330402010")


def test_a_map_imports_outlines(office):
    listing = parse_map(
        ({"code": HERE.code, "name": HERE.name}, area(SQUARE, kind="MultiPolygon")),
        ({"社区代码": THERE.code, "社区": THERE.name}, None),
    )
    answer = import_all(office, listing)
    assert (answer.new, answer.changed) == (0, 1)
    assert office.get(Boundary, HERE.code).outline == ((tuple(map(tuple, SQUARE)),),)
    assert office.get(Boundary, THERE.code) is None
    import_all(office, parse_map(({"code": HERE.code, "name": HERE.name}, area([*SQUARE[:3], SQUARE[0]]))))
    assert len(office.get(Boundary, HERE.code).outline[0][0]) == 4
    import_all(office, parse_community_table([["code", "name"], [HERE.code, "电子"]]))
    assert office.get(Boundary, HERE.code) is not None


def test_an_outline_with_too_many_corners_is_an_error_of_its_line_only():
    long = [SQUARE[0], *[SQUARE[1]] * MAX_CORNERS_PER_COMMUNITY, SQUARE[0]]
    listing = parse_map(
        ({"code": HERE.code, "name": HERE.name}, area(long)), ({"code": THERE.code, "name": THERE.name}, area(SQUARE))
    )
    (wrong,) = listing.errors
    assert (wrong.line, wrong.column, str(MAX_CORNERS_PER_COMMUNITY) in wrong.message) == ("1", "geometry", True)
    assert [each.code for _, each in listing.lines] == [THERE.code]


def test_a_too_complex_file_is_refused_like_any_invalid_file():
    refused = FileTooComplex()
    assert (refused.code, refused.facts["errors"]) == (InvalidInput.code, [("file", FileTooComplex.words)])


def test_positions_are_converted_from_the_named_coordinate_system():
    ((_, listed),) = parse_map(({"code": HERE.code, "name": "电子"}, area(SQUARE)), crs="gcj02").lines
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
def test_an_invalid_geometry_is_no_outline(geometry):
    listing = parse_map(({"code": HERE.code, "name": "电子"}, geometry))
    assert (listing.lines, [(each.line, each.column) for each in listing.errors]) == ([], [("1", "geometry")])


def test_all_line_errors_are_reported_and_nothing_is_imported(office):
    listing = parse_community_table(
        [["code", "name"], ["33040200903", "短"], [NEW], [NEW, "城南"], [NEW, "又一个"], [HERE.code, "长" * 201]]
    )
    assert [(each.line, each.column, each.message) for each in listing.errors] == [
        ("2", "code", "格式不正确"),
        ("3", "name", "缺少此项"),
        ("5", "code", "与第 4 行重复"),
        ("6", "name", "格式不正确"),
    ]
    with pytest.raises(InvalidLines) as refusal:
        import_all(office, listing)
    assert refusal.value.facts["wrong"] == 4
    assert office.community(NEW) is None
    seen = office.do(import_places, EVERYWHERE, listing, apply=False)
    assert (seen.applied, seen.lines, seen.new, seen.wrong) == (False, 5, 1, 4)
    assert office.community(NEW) is None


def test_an_administrator_imports_only_communities_within_their_scope(office):
    listing = parse_community_table([["code", "name"], [HERE.code, "电子"], [NEW, "城南"]])
    with pytest.raises(InvalidLines) as refusal:
        office.do(import_places, Scope("admin", (HERE.street,), ()), listing, apply=True)
    assert [each.message for each in refusal.value.facts["errors"]] == ["不在您的管理范围内"]


@pytest.mark.parametrize(
    "rows", [[], [["a", "b"]], [["code"], [NEW]], [["code", "name"], *[[NEW, "x"]] * (MAX_LINES + 1)]]
)
def test_a_file_that_is_no_table_is_refused(rows):
    with pytest.raises(InvalidInput):
        parse_community_table(rows)


MANY = b'{"features": [' + b"{}," * MAX_LINES + b"{}]}"


@pytest.mark.parametrize(
    "raw", [b"{", b'{"features": 1}', b"[" * 100_000, MANY, b'{"features": []}' + b"[" * (MAX_CORNERS + 1), b"\xff"]
)
def test_a_file_that_is_no_map_is_refused(raw):
    with pytest.raises(InvalidInput):
        parse_community_map(raw, "wgs84")


def test_a_map_with_too_many_corners_is_refused_before_parsing():
    ring = [[0, 0]] * (MAX_CORNERS + 1)
    with pytest.raises(InvalidInput) as refusal:
        parse_map(({"code": HERE.code, "name": "电子"}, area(ring)))
    assert str(MAX_CORNERS) in refusal.value.facts["errors"][0].message
