"""Hazards and communities for maps: RFC 7946, in WGS 84, whatever the phone spoke."""

from collections.abc import Iterable, Mapping
from typing import Any

from api.bodies import AnyRequest
from api.schemas import HazardList, HazardView
from inspections.gazetteer import Outline
from inspections.places import Point, converted

MEDIA_TYPE = "application/geo+json"
_SHOWN = (
    "number",
    "state",
    "community",
    "category",
    "severity",
    "overdue",
    "reported_at",
    "due_at",
    "quantity",
    "unit",
)


def wanted(request: AnyRequest) -> bool:
    """By `Accept`, where it names nothing else before."""
    first = request.headers.get("accept", "").split(",")[0]
    return first.partition(";")[0].strip() == MEDIA_TYPE


def feature_collection(found: HazardList) -> dict[str, Any]:
    """A feature a hazard; one without a point has no geometry (RFC 7946, 3.2). `next_cursor` as in the list."""
    return {
        "type": "FeatureCollection",
        "features": [_feature(hazard) for hazard in found.items],
        "next_cursor": found.next_cursor,
    }


def _feature(hazard: HazardView) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": hazard.id,
        "geometry": _geometry(hazard.point),
        "properties": {name: getattr(hazard, name) for name in _SHOWN},
    }


def areas(named: Iterable[tuple[str, Any]], outlines: Mapping[str, Outline]) -> dict[str, Any]:
    """A feature a community, by its code; what is said of each is its properties."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": code,
                "geometry": {"type": "MultiPolygon", "coordinates": outlines[code]} if code in outlines else None,
                "properties": said,
            }
            for code, said in named
        ],
    }


def _geometry(point: Point | None) -> dict[str, Any] | None:
    if point is None:
        return None
    there = converted(point, "wgs84")
    return {"type": "Point", "coordinates": [there.lon, there.lat]}
