"""What actions of this subject may ask of a store."""

from typing import Protocol

from inspections.change import RecordRepository
from inspections.sync.change_feed import Changed, Feed


class SyncRepository(RecordRepository, Protocol):
    """What has changed."""

    def feed(self) -> Feed: ...
    def old_changes(self, before_day: int, limit: int) -> list[Changed]:
        """The first ones, of days before this one (since 1970)."""
        ...
