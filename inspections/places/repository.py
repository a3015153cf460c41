"""The queries that actions of this subject need from a store."""

from typing import Protocol

from inspections.change import RecordRepository
from inspections.places.communities import Community, Street


class PlaceRepository(RecordRepository, Protocol):
    """Queries for streets and communities."""

    def community(self, code: str) -> Community | None: ...
    def street(self, code: str) -> Street | None: ...
    def communities(self) -> list[Community]: ...
