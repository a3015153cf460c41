"""That something has changed is written with the change itself, in the same transaction: a narrow row a hazard."""

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
"""Tables of which nothing goes into another database: no place in them means anything there."""

_UNSEEN = {"next_check_at"}
"""Fields of a hazard that nobody is shown."""
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
    """What was inserted and (before, after) of what was updated, as far as a hazard is shown otherwise by it."""
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
    """An epoch of its own for a new database, or for one that was put back to an earlier state."""
    for table in FEED:
        connection.execute(delete(table))
    fresh = {"name": HAZARDS, "epoch": secrets.token_hex(8), "forgotten_transaction": 0, "forgotten_id": 0}
    connection.execute(insert(feeds), fresh)
