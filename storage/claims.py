"""What waits for somebody to work on it: queries that narrow, whose rows are claimed by who asks."""

from sqlalchemy import bindparam, select

from inspections.hazards import OPEN
from storage.tables import PROVISIONAL as _PROVISIONAL
from storage.tables import hazards, photos, uploads

DUE = (
    select(hazards)
    .where(hazards.c.next_check_at < bindparam("now"))
    .order_by(hazards.c.next_check_at)
    .limit(bindparam("limit"))
)
PROVISIONAL = (
    select(hazards)
    .where(
        _PROVISIONAL,
        hazards.c.state.in_(sorted(OPEN)),
        hazards.c.id > bindparam("after"),
    )
    .order_by(hazards.c.id)
    .limit(bindparam("limit"))
)
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
