"""The queries of this subject's actions, over one connection."""

from sqlalchemy import bindparam, select

from inspections.sync.change_feed import Feed, HazardChange
from storage.engine.unit_of_work import UnitOfWork
from storage.sync.tables import changes, feeds


class SyncRepository(UnitOfWork):
    """Queries for the feed of changes."""

    def feed(self) -> Feed:
        return self.select(Feed, feeds.select())[0]

    def old_changes(self, before_day: int, limit: int) -> list[HazardChange]:
        return self.select(HazardChange, _OLD_CHANGES.params(day=before_day, limit=limit))


_OLD_CHANGES = select(changes).where(changes.c.day < bindparam("day")).order_by(changes.c.id).limit(bindparam("limit"))
