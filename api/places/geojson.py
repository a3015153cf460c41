"""Outlines of communities for maps (RFC 7946, in WGS 84), and how a map is asked for."""

from collections.abc import Iterable, Mapping
from typing import Any

from api.http.bodies import AnyRequest
from inspections.places.community_import import Outline

MEDIA_TYPE = "application/geo+json"


def map_wanted(request: AnyRequest) -> bool:
    """By `Accept`, where it names nothing else before."""
    first = request.headers.get("accept", "").split(",")[0]
    return first.partition(";")[0].strip() == MEDIA_TYPE


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
