"""Outlines of communities as GeoJSON (RFC 7946, WGS 84), and the check for a map request."""

from collections.abc import Iterable, Mapping
from typing import Any

from api.http.bodies import AnyRequest
from inspections.places.community_import import Boundary

MEDIA_TYPE = "application/geo+json"


def wants_map(request: AnyRequest) -> bool:
    """Tells whether `Accept` names GeoJSON first."""
    first = request.headers.get("accept", "").split(",")[0]
    return first.partition(";")[0].strip() == MEDIA_TYPE


def area_collection(named: Iterable[tuple[str, Any]], outlines: Mapping[str, Boundary]) -> dict[str, Any]:
    """Returns one feature per community code, with the given properties. `demo`: its outline is invented."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": code,
                "geometry": {"type": "MultiPolygon", "coordinates": outlines[code].outline}
                if code in outlines
                else None,
                "properties": properties,
                "demo": code in outlines and outlines[code].demo,
            }
            for code, properties in named
        ],
    }
