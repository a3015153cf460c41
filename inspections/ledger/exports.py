"""The record of an export that is made in the background: its progress and how long it is kept."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from inspections.ledger.selection import Selection

RETENTION = timedelta(hours=20)
"""An export expires this long after its request; its file is swept later, a day after it was made."""
LEASE = timedelta(seconds=60)
"""A claim lasts this long without progress; then another process may claim the export."""
MAX_TRIES = 3
MAX_OPEN_EXPORTS = 3
"""Exports of one person that may wait or be in progress at once."""
MAX_KEPT_EXPORTS, MAX_KEPT_BYTES = 20, 1_000_000_000
"""Exports of one person that are kept at once, and the bytes of their files at which no further one is begun: a million
lines are 400 MB as CSV."""
FAILURE_MESSAGE = "制作失败，请重试"


class ExportForm(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


class ExportState(StrEnum):
    WAITING = "waiting"
    MAKING = "making"
    MADE = "made"
    FAILED = "failed"


class Export(Struct, frozen=True):
    """A ledger that a person requested. `done` of `total` lines are written; `size` in bytes once it is made.

    `error`: why it failed, for people. `pictures`: with thumbnails in it. `claimed_until`: a process is making it until
    then. `tries`: how often a process has begun it.
    `digest`: of the bytes of the file, with the name of its algorithm.
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
    digest: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state in {ExportState.WAITING, ExportState.MAKING}
