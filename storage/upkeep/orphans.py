"""Removes photo files without a database row, in two steps a day apart.

A crash between the photo store and the commit leaves such files, and so does the purge of old photos. The same photo
may be uploaded again during the sweep. So an original without a row is only renamed at first. A day later no such
upload can still be running: the file is then renamed back if a row needs it, and removed if not. Meanwhile it can be
read under its new name.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select

from storage.database import Database
from storage.hazards.photo_evidence import HAS_BYTES
from storage.photos.names import StoredFile, original_name, orphan_name
from storage.photos.store import PhotoStore
from storage.photos.tables import photos

DAY = timedelta(days=1)
_BATCH = 500


def sweep_orphans(database: Database, store: PhotoStore, now: datetime) -> int:
    """Sweeps all files older than a day; returns how many were moved or removed. Blocks."""
    old = (each for each in store.list_files() if now - each.at > DAY)
    return sum(_sweep_batch(database, store, batch) for batch in _batches(old))


def _batches(stored: Iterable[StoredFile]) -> Iterator[list[StoredFile]]:
    them = iter(stored)
    while batch := list(islice(them, _BATCH)):
        yield batch


def _sweep_batch(database: Database, store: PhotoStore, batch: list[StoredFile]) -> int:
    wanted = select(photos.c.sha256).where(photos.c.sha256.in_({each.sha256 for each in batch}), HAS_BYTES)
    known = {sha256 for (sha256,) in database.read_sync(lambda repository: repository.rows(wanted))}
    touched = 0
    for each in batch:
        name, sha256 = each.name, each.sha256
        if name == orphan_name(sha256) and sha256 in known:
            store.move(name, original_name(sha256))
        elif sha256 in known:
            continue
        elif name == original_name(sha256):
            store.move(name, orphan_name(sha256))
        else:
            store.remove(name)
        touched += 1
    return touched
