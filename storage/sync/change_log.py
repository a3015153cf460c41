"""Records changes in the transaction that makes them, with one narrow row for each changed hazard."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, insert, select

from inspections.hazards.records import Hazard
from inspections.photos.records import Mention, Photo, Receipt
from inspections.sync.change_feed import HAZARDS
from storage.engine.reference import Reference
from storage.hazards.tables import mentions
from storage.sync.tables import changes, feeds

FEED = (changes, feeds)
"""The tables that are not copied into another database, where their cursors would mean nothing."""

_UNSEEN = {"next_check_at"}
"""The fields of a hazard that no client sees."""
_NOTE = insert(changes)
_NOTE_SHOWING = insert(changes).from_select(
    ["hazard"],
    select(mentions.c.hazard).where(mentions.c.sha256.in_(bindparam("photos", expanding=True))).distinct(),
)


def record_changes(
    connection: Connection,
    inserts: Mapping[type[Struct], Sequence[Any]],
    updates: Iterable[tuple[Struct, Struct]],
    _: Reference,
) -> None:
    """Records a change for each hazard whose visible state is changed by the inserted and updated records."""
    lost: dict[UUID, set[str]] = {hazard.id: set() for hazard in inserts.get(Hazard, ())}
    lost |= {mention.hazard: set() for mention in inserts.get(Mention, ())}
    photos = {receipt.sha256 for receipt in inserts.get(Receipt, ())}
    for before, after in updates:
        match before, after:
            case Hazard(), Hazard() if _shows_otherwise(before, after):
                lost.setdefault(after.id, set()).update(set(before.handlers).difference(after.handlers))
            case Mention(), Mention() if before.flags != after.flags:
                lost.setdefault(after.hazard, set())
            case Photo(), Photo() if before.state != after.state:
                photos.add(after.sha256)
            case _:
                pass
    if lost:
        connection.execute(_NOTE, [{"hazard": hazard, "lost": tuple(sorted(who))} for hazard, who in lost.items()])
    if photos:
        connection.execute(_NOTE_SHOWING, {"photos": sorted(photos)})


def _shows_otherwise(before: Hazard, after: Hazard) -> bool:
    fields = after.__struct_fields__
    return any(getattr(before, name) != getattr(after, name) for name in fields if name not in _UNSEEN)


def begin_feed(connection: Connection) -> None:
    """Empties the feed and starts a new epoch, for a new or restored database."""
    for table in FEED:
        connection.execute(delete(table))
    fresh = {"name": HAZARDS, "epoch": secrets.token_hex(8), "forgotten_transaction": 0, "forgotten_id": 0}
    connection.execute(insert(feeds), fresh)
