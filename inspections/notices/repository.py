"""The queries that actions of this subject may ask of the store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from inspections.accounts.policy import Scope
from inspections.accounts.repository import AccountRepository
from inspections.hazards.repository import HazardRepository
from inspections.notices.outbox import Agenda, Delivery, Notice, PhotoSender
from inspections.office.repository import OfficeRepository
from inspections.places.repository import PlaceRepository


class NoticeRepository(HazardRepository, OfficeRepository, PlaceRepository, AccountRepository, Protocol):
    """Queries for notices, deliveries, photo senders, and the agenda."""

    def pending_notices(self, limit: int) -> list[Notice]:
        """Returns undispatched notices, earliest first; locks them, skipping locked rows.

        Of each hazard only those of its earliest line: later ones wait, even while another process holds the first.
        """
        ...

    def due_deliveries(self, channel: str, now: datetime, limit: int) -> list[Delivery]:
        """Returns due deliveries, earliest first, even behind pending ones; locks them, skipping locked rows."""
        ...

    def pending_deliveries(self, channel: str, hazard_ids: Sequence[UUID]) -> list[Delivery]:
        """Returns the pending deliveries of these hazards through a channel, in line order, without locking them."""
        ...

    def deliveries(self, ids: Sequence[UUID], *, free: bool = False) -> list[Delivery]:
        """Returns deliveries and locks their rows. `free`: skips rows that another transaction has locked."""
        ...

    def photo_senders(self, sha256: str) -> list[PhotoSender]: ...
    def agenda(self, scope: Scope, now: datetime, since: datetime) -> Agenda:
        """Counts the hazards in `scope` at `now`, and those received and closed from `since` on."""
        ...
