"""Parses a list of communities: a table of codes and names, or a GeoJSON map with their outlines."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from inspections.errors import Invalid
from inspections.field_types import Line
from inspections.places.communities import CommunityCode
from inspections.places.coordinates import Crs, Point, converted
from inspections.table_import import Columns, LineError

LINES = 5000
CORNERS = 200_000
"""The maximum number of positions in one file."""
CORNERS_EACH = 20_000
"""The maximum number of positions of one community: thousands suffice for every bend of a river."""
_POLE = 90  # degrees of latitude
_RING = 4
"""The minimum number of positions in a ring, the last of which repeats the first (RFC 7946, 3.1.6)."""

COLUMNS = Columns(
    {
        "code": ("code", "社区代码", "统计用区划代码", "区划代码", "代码"),
        "name": ("name", "社区名称", "社区", "名称"),
        "street": ("street", "街道", "街道名称"),
        "abbreviation": ("abbreviation", "简称", "街道简称"),
    },
    ("code", "name"),
)

Degrees = Annotated[float, Meta(ge=-180, le=180)]
Position = tuple[Degrees, Degrees]
Outline = tuple[tuple[tuple[Position, ...], ...], ...]
"""Polygons, each of rings, each of positions (longitude, latitude) in WGS 84: the coordinates of a MultiPolygon."""


class Boundary(Struct, frozen=True):
    """The outline of a community."""

    community: str
    outline: Outline


class Listed(Struct, frozen=True):
    """One imported community, with the name of its street and its outline if the file has them."""

    code: CommunityCode
    name: Line
    street: Line | None = None
    abbreviation: Annotated[str, Meta(pattern=r"\A[A-Z0-9]{1,12}\Z")] | None = None
    outline: Outline | None = None


class Gazetteer(Struct, frozen=True):
    """The content of a file: valid lines with their positions in it, and the errors of the others."""

    lines: list[tuple[str, Listed]]
    errors: list[LineError]


class _Shape(Struct, frozen=True):
    type: str
    coordinates: msgspec.Raw


class _Feature(Struct, frozen=True):
    properties: dict[str, Any] | None = None
    geometry: _Shape | None = None


class _Map(Struct, frozen=True):
    features: list[_Feature]


def of_table(rows: Iterable[Sequence[str]]) -> Gazetteer:
    """Parses a table of communities. Raises InvalidInput."""
    made = ((each.where, _listed(each.where, each.cells)) for each in COLUMNS.lines(rows, LINES))
    return Gazetteer(*COLUMNS.once("code", made))


def of_map(raw: bytes, crs: Crs) -> Gazetteer:
    """Parses a GeoJSON FeatureCollection whose features have `code` and `name`. Raises InvalidInput.

    `crs`: the coordinate system of its positions; WGS 84 by RFC 7946, though maps made in China often use GCJ-02.
    """
    try:
        found = msgspec.json.decode(raw, type=_Map)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(("file", "不是 GeoJSON（FeatureCollection）")) from error
    if len(found.features) > LINES or raw.count(b"[") > CORNERS:
        raise Invalid(("file", f"一次最多导入 {LINES} 个社区、{CORNERS} 个边界点"))
    made = ((str(at), _featured(str(at), each, crs)) for at, each in enumerate(found.features, 1))
    return Gazetteer(*COLUMNS.once("code", made))


def _featured(where: str, feature: _Feature, crs: Crs) -> Listed | LineError:
    named, said = COLUMNS.named, feature.properties or {}
    if feature.geometry and bytes(feature.geometry.coordinates).count(b"[") > CORNERS_EACH:
        return COLUMNS.error(where, "geometry", f"边界点过多：一个社区最多 {CORNERS_EACH} 个")
    cells = {named[name]: str(value) for name, value in said.items() if value and name in named}
    return _listed(where, cells, feature.geometry and _Drawn(feature.geometry, crs))


_Polygon = list[list[list[Degrees]]]
_KINDS: dict[str, Any] = {"Polygon": _Polygon, "MultiPolygon": list[_Polygon]}


class _Drawn(NamedTuple):
    """An outline that is not validated yet."""

    shape: _Shape
    crs: Crs

    def outline(self) -> Outline | None:
        """Returns the outline in WGS 84, or None if the geometry is no closed area."""
        if self.shape.type not in _KINDS:
            return None
        try:
            said = msgspec.json.decode(self.shape.coordinates, type=_KINDS[self.shape.type])
            known = [said] if self.shape.type == "Polygon" else said
            outline = tuple(tuple(tuple(self._position(*at) for at in ring) for ring in rings) for rings in known)
        except (msgspec.MsgspecError, TypeError):
            return None
        rings = [ring for polygon in outline for ring in polygon]
        closed = all(len(ring) >= _RING and ring[0] == ring[-1] for ring in rings)
        return outline if rings and all(outline) and closed else None

    def _position(self, lon: float, lat: float, *_: float) -> Position:
        if abs(lat) > _POLE:
            raise TypeError
        there = converted(Point(lat=lat, lon=lon, crs=self.crs), "wgs84")
        return round(there.lon, 7), round(there.lat, 7)


def _listed(where: str, cells: dict[str, str], drawn: _Drawn | None = None) -> Listed | LineError:
    outline = None if drawn is None else drawn.outline()
    made = COLUMNS.made(where, Listed, {**cells, "outline": outline})
    if isinstance(made, Listed) and drawn is not None and outline is None:
        return LineError(where, "geometry", "须为闭合的面（Polygon 或 MultiPolygon）")
    return made
