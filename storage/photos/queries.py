"""The queries for waiting photos, open uploads and similar pictures."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, bindparam, select, update

from inspections.photos.perceptual_hash import MAX_DISTANCE, distance, neighbour_keys
from storage.engine.columns import in_list
from storage.engine.rows import RowAccess
from storage.photos.tables import bands, photos, uploads

_MAX_NEIGHBOURS = 5000
"""The most similar pictures that are read: where more are alike, somebody uploads the same form again and again."""
_KEYS = len(neighbour_keys(0))
_NEIGHBOURS = (
    select(bands.c.sha256, bands.c.hash)
    .where(bands.c.key.in_([bindparam(f"key{at}", type_=Integer) for at in range(_KEYS)]))
    .limit(_MAX_NEIGHBOURS)
)


def find_similar_photos(rows: RowAccess, pictures: Collection[int]) -> dict[int, dict[str, int]]:
    """Finds, for each picture, the photos whose perceptual hash is near it, with the number of differing bits."""
    asked = [{f"key{at}": key for at, key in enumerate(neighbour_keys(picture))} for picture in pictures]
    return {
        picture: {sha256: bits for sha256, other in found if (bits := distance(picture, other)) <= MAX_DISTANCE}
        for picture, found in zip(pictures, rows.fetch_batch(_NEIGHBOURS, asked), strict=True)
    }


PHOTOS = select(photos).where(in_list(photos.c.sha256, "digests"))
_UNCLAIMED = photos.c.claimed_until.is_(None) | (photos.c.claimed_until < bindparam("now"))
UNPROCESSED_PHOTOS = (
    select(photos)
    .where(photos.c.state == "received", _UNCLAIMED)
    .order_by(photos.c.tries, photos.c.received_at)
    .limit(bindparam("limit"))
)
EXPIRED_UPLOADS = (
    select(uploads)
    .where(uploads.c.expires_at <= bindparam("now"))
    .order_by(uploads.c.expires_at)
    .limit(bindparam("limit"))
)
CLEAR_CLAIMS = update(photos).where(photos.c.claimed_until.is_not(None)).values(claimed_until=None)
"""Clears the claims of earlier processes. They are gone: a process owns the SQLite file before its first write."""


def open_uploads_query(username: str, now: datetime) -> Select[Any]:
    """The uploads of a person that are neither complete nor expired, the oldest first."""
    query = select(uploads).where(uploads.c.username == username, uploads.c.expires_at > now, uploads.c.photo.is_(None))
    return query.order_by(uploads.c.expires_at, uploads.c.id)
