"""Hazards as GeoJSON for maps (RFC 7946), always in WGS 84."""

from typing import Any

from msgspec import UNSET

from api.hazards.views import HazardList, HazardView
from inspections.places.coordinates import Point, convert_point

_PROPERTIES = (
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
    """Returns one feature per hazard, without geometry if it has no point (RFC 7946, 3.2), and `next_cursor`.

    It has `total` if the list has it.
    """
    collection = {
        "type": "FeatureCollection",
        "features": [_feature(hazard) for hazard in found.items],
        "next_cursor": found.next_cursor,
    }
    return collection if found.total is UNSET else {**collection, "total": found.total}


def _feature(hazard: HazardView) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": hazard.id,
        "geometry": _geometry(hazard.point),
        "properties": {name: getattr(hazard, name) for name in _PROPERTIES},
    }


def _geometry(point: Point | None) -> dict[str, Any] | None:
    if point is None:
        return None
    there = convert_point(point, "wgs84")
    return {"type": "Point", "coordinates": [there.lon, there.lat]}
