"""What waits for somebody to work on it: queries that narrow, whose rows are claimed by who asks."""

from typing import Any

from sqlalchemy import Select, bindparam, func, select

from inspections.hazards import OPEN
from storage.alert_tables import MAY_BE_SILENT, monitors, signatures, slots
from storage.counter_tables import exports
from storage.tables import PROVISIONAL as _PROVISIONAL
from storage.tables import escalations, hazards, photos, uploads

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
ESCALATED = select(escalations.c.hazard, escalations.c.deadline_number, escalations.c.rung).where(
    escalations.c.hazard.in_(bindparam("ids", expanding=True))
)
"""The rungs that some hazards have reached already."""
OLD_SIGNATURES = (
    select(signatures).where(signatures.c.at < bindparam("now")).order_by(signatures.c.at).limit(bindparam("limit"))
)
SILENT = (
    select(monitors)
    .where(MAY_BE_SILENT, monitors.c.silent_at < bindparam("now"))
    .order_by(monitors.c.silent_at)
    .limit(bindparam("limit"))
)
SLOTS = select(slots).order_by(slots.c.number)
_FREE = exports.c.claimed_until.is_(None) | (exports.c.claimed_until < bindparam("now"))
WAITING_EXPORTS = (
    select(exports)
    .where(exports.c.state.in_(["waiting", "making"]), _FREE)
    .order_by(exports.c.asked_at)
    .limit(bindparam("limit"))
)
OLD_EXPORTS = (
    select(exports).where(exports.c.asked_at <= bindparam("now")).order_by(exports.c.asked_at).limit(bindparam("limit"))
)


def exports_of(username: str) -> Select[Any]:
    return select(exports).where(exports.c.by == username)


OPEN_UPLOADS = select(func.count()).where(
    uploads.c.username == bindparam("username"), uploads.c.expires_at > bindparam("now"), uploads.c.photo.is_(None)
)
