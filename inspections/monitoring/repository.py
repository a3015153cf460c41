"""What actions of this subject may ask of a store."""

from datetime import datetime
from typing import Protocol

from inspections.monitoring.broker_leases import Slot
from inspections.monitoring.devices import Monitor, Signature
from inspections.remediation.repository import RemediationRepository


class MonitoringRepository(RemediationRepository, Protocol):
    """Devices, their signatures, and leases at the broker."""

    def silent(self, now: datetime, limit: int) -> list[Monitor]:
        """Devices in use, of which no outage is known, and that should have been heard of; claimed as with `due`."""
        ...

    def slots(self) -> list[Slot]:
        """All, by number, for who will change them."""
        ...

    def old_signatures(self, before: datetime, limit: int) -> list[Signature]:
        """Those of requests from before that instant; claimed as with `due`."""
        ...
