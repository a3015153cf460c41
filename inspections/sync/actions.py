"""Deletes old changes from the feed."""

from datetime import date

from inspections.change import Change
from inspections.sync.change_feed import RETENTION, Cursor, Feed
from inspections.sync.repository import SyncRepository

_DAY_ZERO = date(1970, 1, 1)


def trim_feed(repository: SyncRepository, today: date, limit: int) -> Change[int]:
    """Deletes at most `limit` changes older than `RETENTION`; returns how many."""
    feed = repository.feed()
    old = repository.old_changes((today - RETENTION - _DAY_ZERO).days, limit)
    if not old:
        return Change(0)
    last = max(Cursor(each.transaction_id, each.id) for each in old)
    after = Feed(feed.name, feed.epoch, *max(last, feed.trim_cursor))
    return Change(len(old), changed=((feed, after),), removed=tuple(old))
