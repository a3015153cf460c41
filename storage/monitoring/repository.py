"""The queries of this subject's actions, over one connection."""

from datetime import datetime

from inspections.monitoring.broker_leases import Lease
from inspections.monitoring.devices import Monitor, Signature
from storage.engine.unit_of_work import UnitOfWork
from storage.monitoring.queries import LEASES, OLD_SIGNATURES, SILENT_MONITORS


class MonitoringRepository(UnitOfWork):
    """Queries for devices, used signatures, and broker leases."""

    def silent_monitors(self, now: datetime, limit: int) -> list[Monitor]:
        return self._claim_due_rows(Monitor, SILENT_MONITORS, now, limit)

    def leases(self) -> list[Lease]:
        return self.select(Lease, self._rows.with_for_update(LEASES))

    def old_signatures(self, before: datetime, limit: int) -> list[Signature]:
        return self._claim_due_rows(Signature, OLD_SIGNATURES, before, limit)
