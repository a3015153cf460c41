"""The repository of this subject, over one connection."""

from uuid import UUID

from inspections.fix_links.links import FixLink
from storage.engine.unit_of_work import UnitOfWork
from storage.fix_links.queries import find_by_digest, fix_links_query


class FixLinkRepository(UnitOfWork):
    """Links of responsible parties."""

    def fix_link_by_digest(self, digest: str) -> FixLink | None:
        return find_by_digest(self._rows, digest)

    def fix_links(self, hazard_id: UUID) -> list[FixLink]:
        return self.select(FixLink, fix_links_query(hazard_id))
