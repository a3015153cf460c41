"""The queries that actions of this subject may ask of the store."""

from typing import Protocol

from inspections.change import RecordRepository
from inspections.sync.change_feed import Feed, HazardChange


class SyncRepository(RecordRepository, Protocol):
    """Queries for the feed of changes."""

    def feed(self) -> Feed: ...
    def old_changes(self, before_day: int, limit: int) -> list[HazardChange]:
        """Returns the oldest changes of days before `before_day` (days since 1970)."""
        ...
