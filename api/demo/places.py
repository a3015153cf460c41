"""Outlines of the demo communities and points in them: invented simple shapes, so that maps have something to show."""

import math
from collections.abc import Sequence

from api.demo.chance import seeded_random
from inspections.places.communities import Community
from inspections.places.community_import import Boundary, Position
from inspections.places.coordinates import Point

_CORNER = (120.7250, 30.7480)
_STEP = (0.0090, 0.0075)
"""Longitude and latitude of the first centre, and the distance between two centres: about 850 metres each way."""
_COLUMNS, _SIDES, _FIRST = 4, 10, 25
"""Columns of the grid, sides of an outline, and the last three digits of the first community's code."""
_LEAST, _MOST = 0.36, 0.48
"""How far an outline may lie from its centre, in steps: below a half, so that no two outlines meet."""


def demo_boundaries(communities: Sequence[Community]) -> list[Boundary]:
    """One outline for each demo community: a polygon around an invented centre, not the real border."""
    return [Boundary(each.code, ((_ring(each.code),),), demo=True) for each in communities]


def demo_point(community: str, seed: str) -> Point:
    """A point within the outline of the community; the same for the same `seed`."""
    chance = seeded_random(f"{seed}/point")
    lon, lat = _position(community, chance.uniform(0, math.tau), chance.uniform(0, 0.9 * _LEAST))
    return Point(lat, lon, "wgs84", accuracy_m=15)


def _ring(community: str) -> tuple[Position, ...]:
    """The corners of an outline, anticlockwise and closed, as RFC 7946 asks."""
    chance = seeded_random(f"outline/{community}")
    corners = [
        _position(community, math.tau * at / _SIDES, chance.uniform(_LEAST, _MOST) / math.cos(math.pi / _SIDES) * 0.95)
        for at in range(_SIDES)
    ]
    return (*corners, corners[0])


def _position(community: str, angle: float, distance: float) -> Position:
    """The position at this angle and distance (in steps) from the community's invented centre."""
    row, column = divmod(int(community[-3:]) - _FIRST, _COLUMNS)
    lon = _CORNER[0] + _STEP[0] * (column + distance * math.cos(angle))
    lat = _CORNER[1] + _STEP[1] * (row + distance * math.sin(angle))
    return round(lon, 6), round(lat, 6)
