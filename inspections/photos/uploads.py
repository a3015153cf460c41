"""The record of a resumable upload: a photo in pieces, for phones with bad signal."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

UPLOAD_LIFETIME = timedelta(hours=24)
"""The lifetime of an upload. Pieces without a row are swept only after a day, so an open upload loses none."""

MAX_OPEN_UPLOADS = 200
"""The most uploads that one person may have open: enough for a day's photos of an offline phone, but no flood."""


class Upload(Struct, frozen=True):
    """A resumable upload: `offset` of its `length` bytes are stored, in `pieces` of the photo store in this order.

    `promised`: the sha-256 announced by the phone. `metadata`: the client's metadata header, unparsed. `photo`: the
    digest of the completed photo; only then is `offset` equal to `length`.
    """

    id: UUID
    username: str
    length: int
    offset: int
    pieces: tuple[str, ...]
    promised: str | None
    metadata: str
    expires_at: datetime
    photo: str | None = None
