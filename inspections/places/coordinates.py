"""Points in WGS-84, GCJ-02 and BD-09: their conversion, their distance, and the cells of a search grid."""

from collections.abc import Callable
from math import asin, atan2, cos, degrees, floor, hypot, pi, radians, sin, sqrt
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

Crs = Literal["wgs84", "gcj02", "bd09"]

_Degrees = tuple[float, float]  # latitude, longitude
_SOUTH, _NORTH, _WEST, _EAST = 0.8293, 55.8271, 72.004, 137.8347
_EARTH_RADIUS_M = 6_371_008.8  # (2a + b) / 3 of WGS-84, the mean radius of the IUGG
_AXIS_M, _ECCENTRICITY_SQUARED = 6_378_245.0, 0.00669342162296594323  # Krasovsky 1940
_PRECISION = 1e-10  # degrees; the last round leaves less than a thirtieth of it, under a micrometre

_ROW, _COLUMN = 0.002, 0.004  # degrees: 222 m; 264 m where China ends in the north, 200 m at 63° north and south
_COLUMNS = round(360 / _COLUMN)


class Point(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A position in degrees, stored in the coordinate system in which it was measured."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    crs: Crs
    accuracy_m: Annotated[float, Meta(ge=0, le=100_000)] | None = None


def is_null_point(point: Point | None) -> bool:
    """Tells whether a point is 0, 0, which receivers and pickers of photos give in place of an unknown position."""
    return point is not None and point.lat == 0 and point.lon == 0


def convert_point(point: Point, crs: Crs) -> Point:
    """Converts a point to another coordinate system; `accuracy_m` stays. A point already in it is returned as it is.

    Outside a rectangle around China the three systems are equal: the rule of the public implementations (eviltransform,
    PRCoords), and Baidu's documentation says the same of BD-09. The rectangle covers parts of other countries too. It
    lies more than a degree outside China on every side, so no place in China is near its edge, where the systems jump.
    """
    if point.crs == crs:
        return point
    lat, lon = point.lat, point.lon
    if _SOUTH <= lat <= _NORTH and _WEST <= lon <= _EAST:
        lat, lon = _SHIFTS[crs](*_invert_shift(lat, lon, _SHIFTS[point.crs]))
    return replace(point, lat=lat, lon=lon, crs=crs)


def distance_m(one: Point, other: Point) -> float:
    """Returns the great-circle distance in metres (haversine) between two points in any coordinate systems.

    The sphere has the earth's mean radius. The radii of curvature of the WGS-84 ellipsoid lie between 6335.4 km and
    6399.6 km, so no distance is wrong by more than 0.57 %; in Jiaxing by 0.31 %.
    """
    here, there = convert_point(one, "wgs84"), convert_point(other, "wgs84")
    south, north = radians(here.lat), radians(there.lat)
    across = sin(radians(there.lon - here.lon) / 2)
    chord = hypot(sin((north - south) / 2), sqrt(cos(south) * cos(north)) * across)
    return 2 * _EARTH_RADIUS_M * asin(min(chord, 1.0))


def cell(point: Point) -> int:
    """Returns the grid cell of a point; cells are numbered eastwards, row by row from the south."""
    here = convert_point(point, "wgs84")
    return floor((here.lat + 90) / _ROW) * _COLUMNS + floor((here.lon + 180) / _COLUMN) % _COLUMNS


def cells_around(middle: int) -> tuple[int, ...]:
    """Returns a cell and its eight neighbours, which contain all points within 200 m of any point in the cell.

    This holds up to 63° north and south; nearer to the poles the cells are too narrow.
    """
    row, column = divmod(middle, _COLUMNS)
    return tuple((row + north) * _COLUMNS + (column + east) % _COLUMNS for north in (-1, 0, 1) for east in (-1, 0, 1))


def _gcj02(lat: float, lon: float) -> _Degrees:
    """Converts WGS-84 to GCJ-02: a shift in metres north and east, turned into degrees by the radii of curvature.

    There is no official text: the formula, centred on 35° N 105° E, is the one that public implementations share.
    Where Baidu and Aliyun publish examples, it agrees with them within two metres.
    """
    y, x = lat - 35, lon - 105
    ripple = _waves(x, (20, 1 / 6), (20, 1 / 2))
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += ripple + _waves(y, (20, 1), (40, 3), (160, 12), (320, 30))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += ripple + _waves(x, (20, 1), (40, 3), (150, 12), (300, 30))
    bulge = 1 - _ECCENTRICITY_SQUARED * sin(radians(lat)) ** 2
    meridian = _AXIS_M * (1 - _ECCENTRICITY_SQUARED) / bulge**1.5
    parallel = _AXIS_M / sqrt(bulge) * cos(radians(lat))
    return lat + degrees(north / meridian), lon + degrees(east / parallel)


def _waves(at: float, *waves: tuple[float, float]) -> float:
    """Sums up sine waves, each an amplitude in metres and half a wavelength in degrees, times two thirds."""
    return sum(height * sin(pi * at / length) for height, length in waves) * 2 / 3


def _bd09(lat: float, lon: float) -> _Degrees:
    """Converts WGS-84 to BD-09: perturbs GCJ-02 in polar coordinates and adds an offset (public implementations)."""
    lat, lon = _gcj02(lat, lon)
    radius = hypot(lon, lat) + 0.00002 * sin(radians(3000 * lat))
    angle = atan2(lat, lon) + 0.000003 * cos(radians(3000 * lon))
    return radius * sin(angle) + 0.0060, radius * cos(angle) + 0.0065


_SHIFTS: dict[Crs, Callable[[float, float], _Degrees]] = {
    "wgs84": lambda lat, lon: (lat, lon),
    "gcj02": _gcj02,
    "bd09": _bd09,
}


def _invert_shift(lat: float, lon: float, shift: Callable[[float, float], _Degrees]) -> _Degrees:
    """Inverts `shift` by iteration: each round leaves less than a thirtieth of the error."""
    guess, off = (lat, lon), 1.0
    while off > _PRECISION:
        moved = shift(*guess)
        north, east = lat - moved[0], lon - moved[1]
        guess, off = (guess[0] + north, guess[1] + east), max(abs(north), abs(east))
    return guess
