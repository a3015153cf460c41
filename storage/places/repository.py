"""The queries of the domain about places, over one connection."""

from inspections.places.communities import Community, Street
from storage.engine.unit_of_work import UnitOfWork


class PlaceRepository(UnitOfWork):
    """Queries for streets and communities, cached in memory."""

    def community(self, code: str) -> Community | None:
        return self._reference.records_by_key(Community).get(code)

    def street(self, code: str) -> Street | None:
        return self._reference.records_by_key(Street).get(code)

    def communities(self) -> list[Community]:
        return list(self._reference.records_by_key(Community).values())
