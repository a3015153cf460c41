"""A photo that comes in pieces, because the signal is bad: how far it is, and until when it may go on."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

OPEN_FOR = timedelta(hours=24)
"""From its beginning. Pieces without a row are swept after a day, so none of a living upload is ever swept."""

OPEN_AT_ONCE = 200
"""Uploads that one person may have open: a day's photos of a phone that was offline, but no flood."""


class Upload(Struct, frozen=True):
    """`offset`: how many of its `length` bytes are kept, in `pieces` that lie in the photo store in this order.

    `promised`: the sha-256 that the phone has told. `metadata`: what the client said at the beginning, as it came.
    `photo`: what it has become; only then is `offset` the whole `length`.
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
