"""Records changes in the transaction that makes them, with one narrow row for each changed hazard."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select

from inspections.hazards.records import Hazard
from inspections.photos.records import Photo, PhotoReference, UploadReceipt
from inspections.sync.change_feed import HAZARDS
from storage.engine.columns import in_list
from storage.engine.reference import ReferenceData
from storage.engine.rows import RowAccess, changed_fields
from storage.hazards.tables import mentions
from storage.sync.tables import changes, feeds

FEED_TABLES = (changes, feeds)
"""The tables that are not copied into another database, where their cursors would mean nothing."""

_HIDDEN_FIELDS = {"next_check_at"}
"""The fields of a hazard that no client sees."""
_INSERT_CHANGES = insert(changes).inline()
_INSERT_CHANGES_OF_PHOTOS = insert(changes).from_select(
    ["hazard"],
    select(mentions.c.hazard).where(in_list(mentions.c.sha256, "photos")).distinct(),
)


def record_changes(
    rows: RowAccess,
    inserts: Mapping[type[Struct], Sequence[Any]],
    updates: Iterable[tuple[Struct, Struct]],
    _: ReferenceData,
) -> None:
    """Records a change for each hazard whose visible state is changed by the inserted and updated records."""
    lost: dict[UUID, set[str]] = {hazard.id: set() for hazard in inserts.get(Hazard, ())}
    lost |= {mention.hazard: set() for mention in inserts.get(PhotoReference, ())}
    photos = {receipt.sha256 for receipt in inserts.get(UploadReceipt, ())}
    for before, after in updates:
        match before, after:
            case Hazard(), Hazard() if not _HIDDEN_FIELDS.issuperset(changed_fields(before, after)):
                lost.setdefault(after.id, set()).update(set(before.handlers).difference(after.handlers))
            case PhotoReference(), PhotoReference() if before.flags != after.flags:
                lost.setdefault(after.hazard, set())
            case Photo(), Photo() if before.state != after.state:
                photos.add(after.sha256)
            case _:
                pass
    if lost:
        rows.execute(_INSERT_CHANGES, [{"hazard": hazard, "lost": tuple(sorted(who))} for hazard, who in lost.items()])
    if photos:
        rows.execute(_INSERT_CHANGES_OF_PHOTOS, [{"photos": sorted(photos)}])


def reset_feed(connection: Connection) -> None:
    """Empties the feed and starts a new epoch, for a new or restored database."""
    for table in FEED_TABLES:
        connection.execute(delete(table))
    fresh = {"name": HAZARDS, "epoch": secrets.token_hex(8), "forgotten_transaction": 0, "forgotten_id": 0}
    connection.execute(insert(feeds), fresh)
