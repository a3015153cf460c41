"""The queries of this subject's actions, over one connection."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from inspections.accounts.policy import Scope
from inspections.notices.outbox import Agenda, Delivery, Notice, Sender
from storage.hazards.repository import HazardRepository
from storage.notices.outbox import DELIVERABLE, DELIVERIES, SENDERS, UNTOLD, WAITING, agenda


class NoticeRepository(HazardRepository):
    """Queries for notices, deliveries, photo senders, and the agenda."""

    def untold(self, limit: int) -> list[Notice]:
        rows = self.rows(self._rows.locked(UNTOLD, skip=True), {"limit": limit})
        return [Notice(*row) for row in rows]

    def deliverable(self, channel: str, now: datetime, limit: int) -> list[Delivery]:
        query = self._rows.locked(DELIVERABLE, skip=True)
        return [Delivery(*row) for row in self.rows(query, {"channel": channel, "now": now, "limit": limit})]

    def waiting(self, channel: str, hazard_ids: Sequence[UUID]) -> list[Delivery]:
        asked = {"channel": channel, "hazards": hazard_ids}
        return [Delivery(*row) for row in self.rows(WAITING, asked)] if hazard_ids else []

    def deliveries(self, ids: Sequence[UUID], *, free: bool = False) -> list[Delivery]:
        return [Delivery(*row) for row in self.rows(self._rows.locked(DELIVERIES, skip=free), {"ids": ids})]

    def senders(self, sha256: str) -> list[Sender]:
        return [Sender(*row) for row in self.rows(SENDERS, {"sha256": sha256})]

    def agenda(self, scope: Scope, now: datetime, since: datetime) -> Agenda:
        return Agenda(*map(int, self.rows(agenda(scope, now, since))[0]))
