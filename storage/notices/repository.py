"""The queries of this subject's actions, over one connection."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from inspections.accounts.policy import Scope
from inspections.notices.outbox import Agenda, Delivery, Notice, PhotoSender
from storage.hazards.repository import HazardRepository
from storage.notices.outbox import (
    DELIVERIES,
    DUE_DELIVERIES,
    PENDING_DELIVERIES,
    PENDING_NOTICES,
    PHOTO_SENDERS,
    agenda_query,
)


class NoticeRepository(HazardRepository):
    """Queries for notices, deliveries, photo senders, and the agenda."""

    def pending_notices(self, limit: int) -> list[Notice]:
        rows = self.fetch(self._rows.with_for_update(PENDING_NOTICES, skip=True), {"limit": limit})
        return [Notice(*row) for row in rows]

    def due_deliveries(self, channel: str, now: datetime, limit: int) -> list[Delivery]:
        query = self._rows.with_for_update(DUE_DELIVERIES, skip=True)
        return [Delivery(*row) for row in self.fetch(query, {"channel": channel, "now": now, "limit": limit})]

    def pending_deliveries(self, channel: str, hazard_ids: Sequence[UUID]) -> list[Delivery]:
        asked = {"channel": channel, "hazards": tuple(hazard_ids)}
        return [Delivery(*row) for row in self.fetch(PENDING_DELIVERIES, asked)] if hazard_ids else []

    def deliveries(self, ids: Sequence[UUID], *, free: bool = False) -> list[Delivery]:
        return [
            Delivery(*row) for row in self.fetch(self._rows.with_for_update(DELIVERIES, skip=free), {"ids": tuple(ids)})
        ]

    def photo_senders(self, sha256: str) -> list[PhotoSender]:
        return [PhotoSender(*row) for row in self.fetch(PHOTO_SENDERS, {"sha256": sha256})]

    def agenda(self, scope: Scope, now: datetime, since: datetime) -> Agenda:
        return Agenda(*map(int, self.rows(agenda_query(scope, now, since))[0]))
