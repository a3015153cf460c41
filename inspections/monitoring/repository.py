"""The queries that actions of this subject may ask of the store."""

from datetime import datetime
from typing import Protocol

from inspections.monitoring.broker_leases import Lease
from inspections.monitoring.devices import Monitor, Signature
from inspections.remediation.repository import RemediationRepository


class MonitoringRepository(RemediationRepository, Protocol):
    """Queries for devices, used signatures, and broker leases."""

    def silent_monitors(self, now: datetime, limit: int) -> list[Monitor]:
        """Returns active devices without an outage whose `silent_at` has passed; locks them, skipping locked rows."""
        ...

    def leases(self) -> list[Lease]:
        """Returns all leases by number and locks their rows."""
        ...

    def old_signatures(self, before: datetime, limit: int) -> list[Signature]:
        """Returns signatures of requests older than `before`; locks them, skipping locked rows."""
        ...
