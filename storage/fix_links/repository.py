"""The repository of this subject, over one connection."""

from uuid import UUID

from inspections.fix_links.links import FixLink
from storage.engine.unit_of_work import UnitOfWork
from storage.fix_links.queries import of_hazard, with_digest


class FixLinkRepository(UnitOfWork):
    """Links of responsible parties."""

    def fix_link_of(self, digest: str) -> FixLink | None:
        return with_digest(self._rows, digest)

    def fix_links(self, hazard_id: UUID) -> list[FixLink]:
        return self.select(FixLink, of_hazard(hazard_id))
