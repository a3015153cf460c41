"""Bytes without a row: left by a crash between the photo store and the commit. Removed in two steps, a day apart.

So are those of photos that were let go.

The same bytes may be sent again while they are being swept away. So an original without a row is only moved aside;
a day later no upload of that moment is on its way any more, and the rows say for certain whether it is wanted: then it
goes back, else it is removed. In between it is read where it lies.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select

from storage.database import Database
from storage.hazards.photo_evidence import KEPT
from storage.photos.names import Stored, original, orphan
from storage.photos.store import PhotoStore
from storage.photos.tables import photos

DAY = timedelta(days=1)
_BATCH = 500


def sweep_orphans(database: Database, store: PhotoStore, now: datetime) -> int:
    """Looks at everything older than a day; answers how much of it was moved or removed. Blocks for the store."""
    old = (each for each in store.stored() if now - each.at > DAY)
    return sum(_swept(database, store, batch) for batch in _batches(old))


def _batches(stored: Iterable[Stored]) -> Iterator[list[Stored]]:
    them = iter(stored)
    while batch := list(islice(them, _BATCH)):
        yield batch


def _swept(database: Database, store: PhotoStore, batch: list[Stored]) -> int:
    wanted = select(photos.c.sha256).where(photos.c.sha256.in_({each.sha256 for each in batch}), KEPT)
    known = {sha256 for (sha256,) in database.ask(lambda repository: repository.rows(wanted))}
    touched = 0
    for each in batch:
        name, sha256 = each.name, each.sha256
        if name == orphan(sha256) and sha256 in known:
            store.move(name, original(sha256))
        elif sha256 in known:
            continue
        elif name == original(sha256):
            store.move(name, orphan(sha256))
        else:
            store.remove(name)
        touched += 1
    return touched
