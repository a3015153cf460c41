"""Hazards and communities for maps: RFC 7946, in WGS 84, whatever the phone spoke."""

from typing import Any

from api.hazards.views import HazardList, HazardView
from inspections.places.coordinates import Point, converted

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


def _geometry(point: Point | None) -> dict[str, Any] | None:
    if point is None:
        return None
    there = converted(point, "wgs84")
    return {"type": "Point", "coordinates": [there.lon, there.lat]}
