"""The queries that actions of this subject need."""

from collections.abc import Sequence
from typing import Protocol

from inspections.remediation.repository import RemediationRepository
from inspections.rounds.checklists import Checklist


class RoundRepository(RemediationRepository, Protocol):
    """Queries over checklists."""

    def checklist_versions(self, code: str) -> Sequence[Checklist]:
        """All versions of a checklist, the newest first; locked for change."""
        ...
