"""What actions of this subject may ask of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from inspections.accounts.policy import Scope
from inspections.accounts.repository import AccountRepository
from inspections.hazards.repository import HazardRepository
from inspections.notices.outbox import Agenda, Delivery, Notice, Sender
from inspections.office.repository import OfficeRepository
from inspections.places.repository import PlaceRepository


class NoticeRepository(HazardRepository, OfficeRepository, PlaceRepository, AccountRepository, Protocol):
    """Notices, deliveries, and what stands to be done."""

    def untold(self, limit: int) -> list[Notice]:
        """Notices that have not become inbox and deliveries, the earliest first; claimed as with `due`.

        Of a hazard only those of the earliest line: one that comes later waits, also for who asks beside.
        """
        ...

    def deliverable(self, channel: str, now: datetime, limit: int) -> list[Delivery]:
        """Deliveries whose time has come, the earliest first, whatever waits before them; claimed as with `due`."""
        ...

    def waiting(self, channel: str, hazard_ids: Sequence[UUID]) -> list[Delivery]:
        """What is still to arrive of these hazards through a channel, in the order of their lines, only to be read."""
        ...

    def deliveries(self, ids: Sequence[UUID], *, free: bool = False) -> list[Delivery]:
        """For who will change them. `free`: only those that nobody beside is changing."""
        ...

    def senders(self, sha256: str) -> list[Sender]: ...
    def agenda(self, scope: Scope, now: datetime, since: datetime) -> Agenda:
        """How what lies within `scope` stands at `now`, with what came and ended from `since` on."""
        ...
