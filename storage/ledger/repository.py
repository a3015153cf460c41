"""Implements LedgerRepository of the domain over one connection."""

from datetime import datetime

from inspections.ledger.exports import Export
from storage.engine.unit_of_work import UnitOfWork
from storage.ledger.queries import OLD_EXPORTS, WAITING_EXPORTS, select_person_exports


class LedgerRepository(UnitOfWork):
    """Queries over the exports of ledgers."""

    def exports(self, username: str) -> list[Export]:
        return self.select(Export, select_person_exports(username))

    def waiting_exports(self, now: datetime, limit: int) -> list[Export]:
        return self._claim_due_rows(Export, WAITING_EXPORTS, now, limit)

    def old_exports(self, before: datetime, limit: int) -> list[Export]:
        return self._claim_due_rows(Export, OLD_EXPORTS, before, limit)
