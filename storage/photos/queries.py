"""The queries for waiting photos, open uploads and similar pictures."""

from sqlalchemy import Integer, bindparam, func, select, update

from inspections.photos.perceptual_hash import NEAR, distance, keys_near
from storage.engine.rows import RowAccess
from storage.photos.tables import bands, photos, uploads

_CROWD = 5000
"""The most similar pictures that are read: where more are alike, somebody uploads the same form again and again."""
_KEYS = len(keys_near(0))
_NEIGHBOURS = (
    select(bands.c.sha256, bands.c.hash)
    .where(bands.c.key.in_([bindparam(f"key{at}", type_=Integer) for at in range(_KEYS)]))
    .limit(_CROWD)
)


def neighbours(rows: RowAccess, picture: int) -> dict[str, int]:
    """The photos whose perceptual hash is near `picture`, with the number of differing bits."""
    found = rows.found(_NEIGHBOURS, {f"key{at}": key for at, key in enumerate(keys_near(picture))})
    return {sha256: bits for sha256, other in found if (bits := distance(picture, other)) <= NEAR}


_UNCLAIMED = photos.c.claimed_until.is_(None) | (photos.c.claimed_until < bindparam("now"))
UNDEVELOPED = (
    select(photos)
    .where(photos.c.state == "received", _UNCLAIMED)
    .order_by(photos.c.tries, photos.c.received_at)
    .limit(bindparam("limit"))
)
EXPIRED = (
    select(uploads)
    .where(uploads.c.expires_at <= bindparam("now"))
    .order_by(uploads.c.expires_at)
    .limit(bindparam("limit"))
)
OPEN_UPLOADS = select(func.count()).where(
    uploads.c.username == bindparam("username"), uploads.c.expires_at > bindparam("now"), uploads.c.photo.is_(None)
)

FORGET_CLAIMS = update(photos).where(photos.c.claimed_until.is_not(None)).values(claimed_until=None)
"""Clears the claims of earlier processes. They are gone: a process owns the SQLite file before its first write."""
