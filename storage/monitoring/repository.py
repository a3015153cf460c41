"""The queries of this subject's actions, over one connection."""

from datetime import datetime

from inspections.monitoring.broker_leases import Slot
from inspections.monitoring.devices import Monitor, Signature
from storage.engine.unit_of_work import UnitOfWork
from storage.monitoring.queries import OLD_SIGNATURES, SILENT, SLOTS


class MonitoringRepository(UnitOfWork):
    """Queries for devices, used signatures, and broker leases."""

    def silent(self, now: datetime, limit: int) -> list[Monitor]:
        return self._claimed(Monitor, SILENT, now, limit)

    def slots(self) -> list[Slot]:
        return self.select(Slot, self._rows.locked(SLOTS))

    def old_signatures(self, before: datetime, limit: int) -> list[Signature]:
        return self._claimed(Signature, OLD_SIGNATURES, before, limit)
