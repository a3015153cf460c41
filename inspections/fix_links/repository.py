"""The queries that actions of this subject may ask of a store."""

from typing import Protocol
from uuid import UUID

from inspections.fix_links.links import FixLink
from inspections.remediation.repository import RemediationRepository


class FixLinkRepository(RemediationRepository, Protocol):
    """Links of responsible parties."""

    def fix_link_by_digest(self, digest: str) -> FixLink | None:
        """The link whose token has this digest. It is not locked: to change it, read it again by its id."""
        ...

    def fix_links(self, hazard_id: UUID) -> list[FixLink]:
        """All links of a hazard, the newest first."""
        ...
