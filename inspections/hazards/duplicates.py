"""Finds earlier reports that may describe the same hazard. It is only a hint: an officer decides on a merge."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from inspections.accounts.policy import Scope
from inspections.hazards.records import OPEN_STATES, DuplicateCandidate, Hazard, State
from inspections.places.coordinates import Point, distance_m

WINDOW = timedelta(hours=72)
NEAR_M = 100.0
FARTHEST_M = 200.0
"""The upper limit of the distance, however inaccurate the two points are; `cells_around` covers this radius."""
_MAX_CANDIDATES = 5


class EarlierReport(NamedTuple):
    """The fields of an earlier report that the comparison needs, named as in Hazard."""

    id: UUID
    number: str
    state: State
    community: str
    category: str
    place_key: str
    point: Point | None
    reported_at: datetime


def duplicate_candidates(hazard: Hazard, earlier: Iterable[EarlierReport], reach: Scope) -> list[DuplicateCandidate]:
    """Returns those of `earlier` that may be this hazard, only of communities within `reach`.

    Order: same place first, then by distance; ties newest first. `earlier` may hold more than match.
    """
    since = hazard.reported_at - WINDOW
    same: list[tuple[EarlierReport, float | None]] = []
    near: list[tuple[EarlierReport, float]] = []
    for each in {report.id: report for report in earlier}.values():
        if not _is_eligible(hazard, each, since, reach):
            continue
        metres = _distance(hazard.point, each.point)
        if _is_same_place(hazard, each):
            same.append((each, metres))
        elif metres is not None and _is_near(hazard, each, metres):
            near.append((each, metres))
    same.sort(key=lambda pair: pair[0].reported_at, reverse=True)
    near.sort(key=lambda pair: (pair[1], hazard.reported_at - pair[0].reported_at))
    found = [(*pair, True) for pair in same] + [(*pair, False) for pair in near]
    return [_candidate(*each) for each in found[:_MAX_CANDIDATES]]


def _is_eligible(hazard: Hazard, other: EarlierReport, since: datetime, reach: Scope) -> bool:
    return (
        other.id != hazard.id
        and other.category == hazard.category
        and other.state in OPEN_STATES
        and since <= other.reported_at <= hazard.reported_at
        and reach.covers_community(other.community)
    )


def _is_same_place(hazard: Hazard, other: EarlierReport) -> bool:
    return (other.community, other.place_key) == (hazard.community, hazard.place_key)


def _distance(one: Point | None, other: Point | None) -> float | None:
    return distance_m(one, other) if one and other else None


def _is_near(hazard: Hazard, other: EarlierReport, metres: float) -> bool:
    points = (point for point in (hazard.point, other.point) if point)
    allowed = NEAR_M + sum(point.accuracy_m or 0 for point in points)
    return metres <= min(allowed, FARTHEST_M)


def _candidate(other: EarlierReport, metres: float | None, same_place: bool) -> DuplicateCandidate:
    return DuplicateCandidate(
        other.id, other.number, other.state, None if metres is None else round(metres), same_place
    )
