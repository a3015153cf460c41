from math import asin, atan2, cos, degrees, pi, radians, sin

import prcoords
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.places.communities import KEY_LENGTH, place_key
from inspections.places.coordinates import Point, cell, cells_around, convert_point, distance_m

SYSTEMS = ["wgs84", "gcj02", "bd09"]
CENTIMETRE = 0.01
EXACT = 1e-6
EARTH_RADIUS_M = 6_371_008.8
NANHU = (30.7600, 120.7500)  # a lake in Jiaxing

systems = st.sampled_from(SYSTEMS)
china = st.builds(Point, st.floats(3.4, 53.6), st.floats(73.4, 135.2), systems)  # from edge to edge
rectangle = st.builds(Point, st.floats(0.87, 55.78), st.floats(72.05, 137.79), systems)  # all but the last 5 km
world = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180), systems)

# 27 x 33 places, on no round degree, because the waves of the formula are zero there
GRID = [(3.41 + 1.93 * row, 73.43 + 1.93 * column) for row in range(27) for column in range(33)]


@given(china | rectangle, systems, systems)
def test_a_point_survives_conversion_to_every_system_and_back(point, crs, other):
    there = convert_point(point, crs)
    back = convert_point(convert_point(there, other), point.crs)
    assert (there.crs, back.crs) == (crs, point.crs)
    assert distance_m(point, there) < EXACT
    assert distance_m(point, back) < EXACT


@given(china, systems)
def test_nothing_in_china_is_shifted_further_than_two_kilometres(point, crs):
    assert distance_m(point, Point(point.lat, point.lon, crs)) < 2000


@pytest.mark.parametrize("crs", SYSTEMS)
def test_a_point_already_there_stays_untouched(crs):
    point = Point(*NANHU, crs, accuracy_m=12.5)
    assert convert_point(point, crs) is point


@pytest.mark.parametrize("crs", SYSTEMS)
def test_the_accuracy_is_kept(crs):
    assert convert_point(Point(*NANHU, "gcj02", accuracy_m=12.5), crs).accuracy_m == 12.5
    assert convert_point(Point(*NANHU, "gcj02"), crs).accuracy_m is None


def test_in_jiaxing_the_systems_lie_hundreds_of_metres_apart():
    device, amap, baidu = (Point(*NANHU, crs) for crs in SYSTEMS)
    assert distance_m(device, amap) == pytest.approx(485, abs=5)
    assert distance_m(amap, baidu) == pytest.approx(922, abs=50)
    east = convert_point(device, "gcj02")
    assert east.lon > device.lon
    assert east.lat < device.lat


@pytest.mark.parametrize(
    ("point", "published", "metres"),
    [
        # Aliyun's manual of TransferCoord, near Hangzhou: six decimals
        (Point(30.279164, 120.026268, "gcj02"), Point(30.285238, 120.032768, "bd09"), 0.1),
        (Point(30.279164, 120.026268, "gcj02"), Point(30.281543, 120.021519, "wgs84"), 2),
        # what Baidu's geoconv answers to the example of its own manual, in Hubei
        (Point(29.575429778924, 114.21892734521, "wgs84"), Point(29.57908428837437, 114.2307519546763, "bd09"), 1),
        (Point(29.575429778924, 114.21892734521, "wgs84"), Point(29.57284912109375, 114.22430528428819, "gcj02"), 1),
    ],
)
def test_conversions_match_the_published_examples(point, published, metres):
    assert distance_m(point, published) < metres


@pytest.mark.parametrize(
    ("crs", "there", "back"),
    [
        ("gcj02", prcoords.wgs_gcj, prcoords.gcj_wgs_bored),
        ("bd09", prcoords.wgs_bd, prcoords.bd_wgs_bored),
    ],
)
def test_another_implementation_agrees_all_over_china(crs, there, back, monkeypatch):
    monkeypatch.setattr(prcoords, "PRC_EPS", 1e-9)  # degrees; its default stops 2 cm before the inverse of BD-09
    for place in GRID:
        assert distance_m(convert_point(Point(*place, "wgs84"), crs), Point(*there(place), crs)) < CENTIMETRE
        assert distance_m(convert_point(Point(*place, crs), "wgs84"), Point(*back(place), "wgs84")) < CENTIMETRE


@pytest.mark.parametrize("crs", SYSTEMS)
@pytest.mark.parametrize(
    "place",
    [
        (35.68, 139.69),  # Tokyo
        (0.8292, 105),
        (55.8272, 105),
        (35, 72.0039),
        (35, 137.8348),
        (0, 0),
        (90, 180),
        (-90, -180),
    ],
)
def test_outside_china_the_systems_are_identical(place, crs):
    for came in SYSTEMS:
        assert convert_point(Point(*place, came, 5), crs) == Point(*place, crs, 5)


@pytest.mark.parametrize(
    ("lat", "north", "east", "error"),
    # metres of a degree on the WGS-84 ellipsoid: along the meridian from here, along the parallel of here
    [
        (0, 110_574.4, 111_319.5, 0.0057),
        (30.35, 110_866.9, 96_145.9, 0.0031),  # Jiaxing's south
        (31.03, 110_878.6, 95_474.4, 0.0031),  # Jiaxing's north
        (89, 111_693.9, 1_949.3, 0.0057),
    ],
)
def test_a_degree_matches_the_ellipsoid_within_the_documented_error(lat, north, east, error):
    start = Point(lat, -30, "wgs84")
    assert distance_m(start, Point(lat + 1, -30, "wgs84")) == pytest.approx(north, rel=error)
    assert distance_m(start, Point(lat, -29, "wgs84")) == pytest.approx(east, rel=error)


def test_distances_cross_the_date_line_and_reach_the_other_pole():
    assert distance_m(Point(0, 179.5, "wgs84"), Point(0, -179.5, "wgs84")) == pytest.approx(111_195, abs=1)
    assert distance_m(Point(90, 0, "wgs84"), Point(-90, 77, "bd09")) == pytest.approx(pi * 6_371_008.8)


@given(world, world)
def test_a_distance_is_the_same_both_ways_and_never_beyond_half_the_earth(one, other):
    assert distance_m(one, one) == 0
    assert distance_m(one, other) == pytest.approx(distance_m(other, one), abs=EXACT)
    assert 0 <= distance_m(one, other) <= pi * 6_371_008.8


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_the_antipode_is_half_the_circumference_away(lat, lon):
    here, there = Point(lat, lon, "wgs84"), Point(-lat, lon + 180 if lon < 0 else lon - 180, "wgs84")
    assert distance_m(here, there) == pytest.approx(pi * 6_371_008.8, rel=1e-6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3幢2单元", "３号楼 二单元"),
        ("3幢2单元", "三栋-2单元"),
        ("3幢2单元", "3#楼2单元"),
        ("23幢10楼", "二十三幢，十楼"),
        ("11幢", "十一幢"),
        ("A座 1201室", "ａ座1201室。"),
        ("3-2-201", "3－2－201"),
        ("3-2-201", "3 2 201"),
        ("中山路 5 号（东门）", "中山路5号东门"),
    ],
)
def test_spellings_of_one_place_share_a_key(one, other):
    assert place_key(one) == place_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("3-201", "32-01"), ("3幢", "13幢"), ("三元路", "3元路"), ("一百零二室", "102室"), ("###", "***")],
)
def test_different_places_have_different_keys(one, other):
    assert place_key(one) != place_key(other)


@given(st.text(min_size=1, max_size=200))
def test_every_place_key_fits_its_column(place):
    assert 0 < len(place_key(place)) <= KEY_LENGTH
    assert len(place_key("ﷺ" * 200)) == KEY_LENGTH  # eighteen letters each


@st.composite
def pairs_within(draw, points, metres):
    """Draw a point and a second one at most `metres` away, on the sphere that distances are measured on."""
    here = convert_point(draw(points), "wgs84")
    bearing, apart = draw(st.floats(0, 2 * pi)), draw(st.floats(0, metres)) / EARTH_RADIUS_M
    south, west = radians(here.lat), radians(here.lon)
    north = asin(sin(south) * cos(apart) + cos(south) * sin(apart) * cos(bearing))
    east = west + atan2(sin(bearing) * sin(apart) * cos(south), cos(apart) - sin(south) * sin(north))
    return here, Point(degrees(north), (degrees(east) + 180) % 360 - 180, "wgs84")


edges = st.builds(Point, st.floats(-63, 63), st.sampled_from([-180, -179.9999, 179.9999, 180]), st.just("wgs84"))


@given(pairs_within(china | edges, 200), systems)
def test_the_neighbouring_cells_contain_every_point_within_two_hundred_metres(pair, crs):
    here, there = pair
    assert distance_m(here, there) < 200.001
    assert cell(convert_point(there, crs)) in cells_around(cell(here))
    assert cell(here) in cells_around(cell(there))


@given(world)
def test_the_grid_covers_the_whole_earth(point):
    around = cells_around(cell(point))
    assert cell(point) in around
    assert len(set(around)) == 9
    assert all(abs(each) < 2**63 for each in around)


def test_the_neighbouring_cells_exclude_distant_points():
    here = Point(*NANHU, "wgs84")
    assert cell(Point(here.lat + 0.005, here.lon, "wgs84")) not in cells_around(cell(here))
    assert cell(Point(here.lat, here.lon + 0.009, "wgs84")) not in cells_around(cell(here))
