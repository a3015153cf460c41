"""The queries that actions of this subject need."""

from datetime import datetime
from typing import Protocol

from inspections.ledger.exports import Export
from inspections.remediation.repository import RemediationRepository


class LedgerRepository(RemediationRepository, Protocol):
    """Queries over the exports of ledgers."""

    def exports(self, username: str) -> list[Export]:
        """All exports of this person that are stored."""
        ...

    def waiting_exports(self, now: datetime, limit: int) -> list[Export]:
        """Unfinished exports without a claim after `now`, oldest first; locked, rows locked by others skipped."""
        ...

    def old_exports(self, before: datetime, limit: int) -> list[Export]:
        """Exports requested at or before that instant, oldest first; locked, rows locked by others skipped."""
        ...
