"""JSON of hazards as people see them, kept while nothing that it shows has changed.

Lists are read again and again, and few of their hazards have changed. Records of unchanged rows are the same objects
(`fetch_records` and `records` of storage), so that comparing them costs little.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Raw

from api.hazards.views import hazard_views
from inspections.accounts.people import Person
from inspections.accounts.security_profile import SecurityProfile
from inspections.hazards.deadlines import is_overdue
from inspections.hazards.records import Hazard, HazardReference, HazardWithPhotos
from inspections.photos.evidence import DeclaredPhoto

_LIMIT = 2048
"""Rendered hazards that are kept, four megabytes. When there are more, all are dropped."""


class _HazardJson(NamedTuple):
    """The JSON of a hazard, and all that it was made from. `others`: the hazards that its photos refer to."""

    hazard: Hazard
    photos: list[DeclaredPhoto]
    others: tuple[HazardReference | None, ...]
    overdue: bool
    json: Raw


class RenderedHazards:
    """Renders hazards for people, from several threads."""

    def __init__(self) -> None:
        self._by_reader: dict[tuple[Person, SecurityProfile], dict[UUID, _HazardJson]] = {}
        self._count = 0

    def render(
        self, hazards: Sequence[HazardWithPhotos], person: Person, now: datetime, profile: SecurityProfile
    ) -> list[Raw]:
        """Returns the JSON of the `HazardView` of each hazard at the instant `now`."""
        if self._count > _LIMIT:
            self._by_reader, self._count = {}, 0
        known = self._by_reader.setdefault((person, profile), {})
        found = [known.get(each.hazard.id) for each in hazards]
        missing = [
            each for each, kept in zip(hazards, found, strict=True) if kept is None or not _is_current(kept, each, now)
        ]
        views = hazard_views(missing, person, now, profile)
        for each, view in zip(missing, views, strict=True):
            known[each.hazard.id] = _HazardJson(
                each.hazard, each.photos, _others(each), view.overdue, Raw(msgspec.json.encode(view))
            )
        self._count += len(missing)
        return [known[each.hazard.id].json for each in hazards]


def _is_current(kept: _HazardJson, asked: HazardWithPhotos, now: datetime) -> bool:
    """Tells whether the hazard would be rendered as it was."""
    return (
        kept.hazard is asked.hazard
        and kept.photos == asked.photos
        and kept.overdue is is_overdue(asked.hazard, now)
        and kept.others == _others(asked)
    )


def _others(shown: HazardWithPhotos) -> tuple[HazardReference | None, ...]:
    """The hazards that the flags of the photos refer to, None for one that the reader may not see."""
    others: Mapping[UUID, HazardReference] = shown.others
    return tuple(
        others.get(flag.hazard) for each in shown.photos for flag in each.mention.flags if flag.hazard is not None
    )
