"""Parses a list of communities: a table of codes and names, or a GeoJSON map with their outlines."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from inspections.errors import InvalidInput
from inspections.field_types import Name
from inspections.places.communities import CommunityCode
from inspections.places.coordinates import Crs, Point, convert_point
from inspections.table_import import Columns, LineError

MAX_LINES = 5000
MAX_CORNERS = 200_000
"""The maximum number of positions in one file."""
MAX_CORNERS_PER_COMMUNITY = 20_000
"""The maximum number of positions of one community: thousands suffice for every bend of a river."""
_MAX_LATITUDE = 90  # degrees of latitude
_MIN_RING_LENGTH = 4
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
    """The outline of a community. `demo`: it is invented (演示数据), until a real one is imported."""

    community: str
    outline: Outline
    demo: bool = False


class ImportedCommunity(Struct, frozen=True):
    """One imported community, with the name of its street and its outline if the file has them."""

    code: CommunityCode
    name: Name
    street: Name | None = None
    abbreviation: Annotated[str, Meta(pattern=r"\A[A-Z0-9]{1,12}\Z")] | None = None
    outline: Outline | None = None


class ParsedCommunities(Struct, frozen=True):
    """The content of a file: valid lines with their positions in it, and the errors of the others."""

    lines: list[tuple[str, ImportedCommunity]]
    errors: list[LineError]


class _Geometry(Struct, frozen=True):
    type: str
    coordinates: msgspec.Raw


class _Feature(Struct, frozen=True):
    properties: dict[str, Any] | None = None
    geometry: _Geometry | None = None


class _FeatureCollection(Struct, frozen=True):
    features: list[_Feature]


def parse_community_table(rows: Iterable[Sequence[str]]) -> ParsedCommunities:
    """Parses a table of communities. Raises InvalidInput."""
    made = ((each.where, _parse_line(each.where, each.cells)) for each in COLUMNS.parse_rows(rows, MAX_LINES))
    return ParsedCommunities(*COLUMNS.reject_duplicates("code", made))


def parse_community_map(raw: bytes, crs: Crs) -> ParsedCommunities:
    """Parses a GeoJSON FeatureCollection whose features have `code` and `name`. Raises InvalidInput.

    `crs`: the coordinate system of its positions; WGS 84 by RFC 7946, though maps made in China often use GCJ-02.
    """
    try:
        found = msgspec.json.decode(raw, type=_FeatureCollection)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(("file", "不是 GeoJSON（FeatureCollection）")) from error
    if len(found.features) > MAX_LINES or raw.count(b"[") > MAX_CORNERS:
        raise InvalidInput(("file", f"一次最多导入 {MAX_LINES} 个社区、{MAX_CORNERS} 个边界点"))
    made = ((str(at), _parse_feature(str(at), each, crs)) for at, each in enumerate(found.features, 1))
    return ParsedCommunities(*COLUMNS.reject_duplicates("code", made))


def _parse_feature(where: str, feature: _Feature, crs: Crs) -> ImportedCommunity | LineError:
    named, properties = COLUMNS.fields_by_title, feature.properties or {}
    if feature.geometry and bytes(feature.geometry.coordinates).count(b"[") > MAX_CORNERS_PER_COMMUNITY:
        return COLUMNS.error(where, "geometry", f"边界点过多：一个社区最多 {MAX_CORNERS_PER_COMMUNITY} 个")
    cells = {named[name]: str(value) for name, value in properties.items() if value and name in named}
    return _parse_line(where, cells, feature.geometry and _RawOutline(feature.geometry, crs))


_Polygon = list[list[list[Degrees]]]
_KINDS: dict[str, Any] = {"Polygon": _Polygon, "MultiPolygon": list[_Polygon]}


class _RawOutline(NamedTuple):
    """An outline that is not validated yet."""

    shape: _Geometry
    crs: Crs

    def parse(self) -> Outline | None:
        """Returns the outline in WGS 84, or None if the geometry is no closed area."""
        if self.shape.type not in _KINDS:
            return None
        try:
            coordinates = msgspec.json.decode(self.shape.coordinates, type=_KINDS[self.shape.type])
            known = [coordinates] if self.shape.type == "Polygon" else coordinates
            outline = tuple(tuple(tuple(self._position(*at) for at in ring) for ring in rings) for rings in known)
        except (msgspec.MsgspecError, TypeError):
            return None
        rings = [ring for polygon in outline for ring in polygon]
        closed = all(len(ring) >= _MIN_RING_LENGTH and ring[0] == ring[-1] for ring in rings)
        return outline if rings and all(outline) and closed else None

    def _position(self, lon: float, lat: float, *_: float) -> Position:
        if abs(lat) > _MAX_LATITUDE:
            raise TypeError
        there = convert_point(Point(lat=lat, lon=lon, crs=self.crs), "wgs84")
        return round(there.lon, 7), round(there.lat, 7)


def _parse_line(where: str, cells: dict[str, str], drawn: _RawOutline | None = None) -> ImportedCommunity | LineError:
    outline = None if drawn is None else drawn.parse()
    made = COLUMNS.convert_row(where, ImportedCommunity, {**cells, "outline": outline})
    if isinstance(made, ImportedCommunity) and drawn is not None and outline is None:
        return LineError(where, "geometry", "须为闭合的面（Polygon 或 MultiPolygon）")
    return made
