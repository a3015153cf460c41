"""What actions of this subject may ask of a store."""

from datetime import datetime
from typing import Protocol

from inspections.ledger.exports import Export
from inspections.remediation.repository import RemediationRepository


class LedgerRepository(RemediationRepository, Protocol):
    """Ledgers that somebody asked for."""

    def exports(self, username: str) -> list[Export]:
        """All that this person asked for and that are remembered."""
        ...

    def waiting_exports(self, now: datetime, limit: int) -> list[Export]:
        """Those that are not ended and that nobody has claimed until after `now`; claimed as with `due`."""
        ...

    def old_exports(self, before: datetime, limit: int) -> list[Export]:
        """Those that were asked for by that instant; claimed as with `due`."""
        ...
