"""A ledger that somebody has had made: how far it is, and until when it is there."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from inspections.ledger.selection import Selection

KEPT = timedelta(hours=20)
"""From when it was asked for. Files without a row are swept after a day, so none is swept that still has one."""
LEASE = timedelta(seconds=60)
"""Whoever makes one says so more often; after that they are taken for gone."""
TRIES = 3
AT_ONCE = 3
"""That one person may have waiting or in the making."""
FAILED = "制作失败，请重试"


class ExportForm(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


class ExportState(StrEnum):
    WAITING = "waiting"
    MAKING = "making"
    MADE = "made"
    FAILED = "failed"


class Export(Struct, frozen=True):
    """`done` of `total` lines are written; `size` in bytes, once it is made. `error`: why it failed, for people.

    `pictures`: with small pictures in it. `claimed_until`: somebody makes it. `tries` counts those who began.
    """

    id: UUID
    by: str
    form: ExportForm
    pictures: bool
    selection: Selection
    asked_at: datetime
    state: ExportState = ExportState.WAITING
    done: int = 0
    total: int | None = None
    size: int | None = None
    error: str | None = None
    claimed_until: datetime | None = None
    tries: int = 0

    @property
    def open(self) -> bool:
        return self.state in {ExportState.WAITING, ExportState.MAKING}
