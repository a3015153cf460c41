"""Queries for declared photos, similar photos, and photos that may be purged."""

from collections.abc import Mapping

from sqlalchemy import and_, bindparam, exists, false, literal_column, select

from inspections.hazards.records import OPEN_STATES, State
from inspections.photos.evidence import PhotoMatch
from inspections.photos.records import PhotoReference, PhotoState
from storage.engine.columns import Instant
from storage.engine.rows import RowAccess
from storage.hazards.tables import entries, hazards, mentions
from storage.photos.queries import find_similar_photos
from storage.photos.tables import photos, receipts

MENTION_WIDTH = len(mentions.c)
_MAX_MATCHES = 3

RECEIPT_JOIN = and_(receipts.c.sha256 == mentions.c.sha256, receipts.c.username == mentions.c.by)
IS_PRESENT = receipts.c.sha256.is_not(None) | mentions.c.by_sight
"""The declaring person has the photo. Requires a join of receipts on RECEIPT_JOIN."""

DECLARED_PHOTOS = (
    select(mentions, *photos.c)
    .select_from(
        mentions.join(entries, entries.c.id == mentions.c.entry)
        .outerjoin(receipts, RECEIPT_JOIN)
        .outerjoin(photos, and_(photos.c.sha256 == mentions.c.sha256, IS_PRESENT))
    )
    .where(mentions.c.hazard.in_(bindparam("ids", expanding=True)))
    .order_by(mentions.c.hazard, entries.c.seq, mentions.c.stage, mentions.c.sha256)
)
PRESENT_MENTIONS = (
    select(1)
    .select_from(mentions.join(hazards, hazards.c.id == mentions.c.hazard).outerjoin(receipts, RECEIPT_JOIN))
    .where(IS_PRESENT)
)

_IS_NO_DUPLICATE = exists().where(
    hazards.c.id == mentions.c.hazard, hazards.c.state != literal_column(f"'{State.DUPLICATE}'")
)
"""Excludes photos of duplicates, which are copied to the master and examined and compared there."""

HAS_BYTES = photos.c.state != PhotoState.LET_GO
"""Photos whose bytes are still stored."""
PURGEABLE_PHOTOS = (
    select(photos)
    .where(
        photos.c.state == PhotoState.DEVELOPED,
        photos.c.received_at < bindparam("before", type_=Instant()),
        ~exists(
            select(mentions.c.sha256)
            .join(hazards, hazards.c.id == mentions.c.hazard)
            .where(
                mentions.c.sha256 == photos.c.sha256,
                hazards.c.state.in_(OPEN_STATES) | (hazards.c.updated_at >= bindparam("before", type_=Instant())),
            )
        ),
    )
    .order_by(photos.c.received_at)
)
"""Photos received before `before` that no open hazard, and none updated since, declares."""
PURGEABLE_BY_DIGEST = PURGEABLE_PHOTOS.where(photos.c.sha256.in_(bindparam("digests", expanding=True)))
UNEXAMINED_PHOTOS = (
    select(mentions)
    .where(
        mentions.c.examined == false(),
        exists().where(photos.c.sha256 == mentions.c.sha256, photos.c.state == literal_column("'developed'")),
        mentions.c.by_sight | exists().where(RECEIPT_JOIN),
        _IS_NO_DUPLICATE,
    )
    .order_by(mentions.c.at)
    .limit(bindparam("limit"))
)
_PRESENT_PHOTOS = select(mentions).select_from(mentions.outerjoin(receipts, RECEIPT_JOIN)).where(IS_PRESENT)
_ON_SAME_HAZARD = _PRESENT_PHOTOS.where(mentions.c.hazard == bindparam("hazard"))
_ON_OTHER_HAZARDS = (
    _PRESENT_PHOTOS.where(mentions.c.hazard != bindparam("hazard"), _IS_NO_DUPLICATE)
    .order_by(mentions.c.at)
    .limit(_MAX_MATCHES)
)
_SAME_PHOTO = _ON_OTHER_HAZARDS.where(mentions.c.sha256 == bindparam("photo"))


def find_photo_matches(rows: RowAccess, mention: PhotoReference, picture: int | None) -> list[PhotoMatch]:
    """Finds all matches on the same hazard; on others the first few of the same bytes, or else of similar ones."""
    bits = ({} if picture is None else find_similar_photos(rows, picture)) | {mention.sha256: 0}
    here = [PhotoReference(*row) for row in rows.fetch(_ON_SAME_HAZARD, {"hazard": mention.hazard})]
    same = rows.fetch(_SAME_PHOTO, {"hazard": mention.hazard, "photo": mention.sha256})
    elsewhere = [PhotoReference(*row) for row in same] or _similar_photos(rows, mention, bits)
    itself = (mention.entry, mention.sha256, mention.stage)
    return [
        PhotoMatch(each, bits[each.sha256])
        for each in (*here, *elsewhere)
        if each.sha256 in bits and (each.entry, each.sha256, each.stage) != itself
    ]


def _similar_photos(rows: RowAccess, mention: PhotoReference, bits: Mapping[str, int]) -> list[PhotoReference]:
    if others := [sha256 for sha256 in bits if sha256 != mention.sha256]:
        query = _ON_OTHER_HAZARDS.where(mentions.c.sha256.in_(others)).params(hazard=mention.hazard)
        return rows.records(PhotoReference, query)
    return []
