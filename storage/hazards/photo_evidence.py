"""Queries for declared photos, similar photos, and photos that may be purged."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, exists, false, literal_column, select

from inspections.hazards.records import OPEN_STATES, State
from inspections.photos.evidence import PhotoMatch
from inspections.photos.records import PhotoReference, PhotoState
from storage.engine.columns import Instant, in_list
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
        # The second condition lets PostgreSQL find the entries by the hazard too, instead of reading all of them.
        mentions.join(entries, and_(entries.c.id == mentions.c.entry, entries.c.hazard == mentions.c.hazard))
        .outerjoin(receipts, RECEIPT_JOIN)
        .outerjoin(photos, and_(photos.c.sha256 == mentions.c.sha256, IS_PRESENT))
    )
    .where(mentions.c.hazard == bindparam("hazard"))
    .order_by(entries.c.seq, mentions.c.stage, mentions.c.sha256)
)
"""The photos declared on ONE hazard: without statistics, PostgreSQL would read whole tables for a list of hazards."""
PRESENT_MENTIONS = (
    select(1)
    .select_from(mentions.join(hazards, hazards.c.id == mentions.c.hazard).outerjoin(receipts, RECEIPT_JOIN))
    .where(IS_PRESENT)
)

# Scalar queries, because without statistics PostgreSQL may turn an EXISTS into a join of whole tables.
_STATE_OF_HAZARD = select(hazards.c.state).where(hazards.c.id == mentions.c.hazard).scalar_subquery()
_STATE_OF_PHOTO = select(photos.c.state).where(photos.c.sha256 == mentions.c.sha256).scalar_subquery()
_RECEIPT = select(receipts.c.sha256).where(RECEIPT_JOIN).scalar_subquery()
_IS_NO_DUPLICATE = literal_column(f"'{State.DUPLICATE}'") != _STATE_OF_HAZARD
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
PURGEABLE_BY_DIGEST = PURGEABLE_PHOTOS.where(in_list(photos.c.sha256, "digests"))
UNEXAMINED_PHOTOS = (
    select(mentions)
    .where(
        mentions.c.examined == false(),
        _STATE_OF_PHOTO == PhotoState.DEVELOPED,
        mentions.c.by_sight | _RECEIPT.is_not(None),
        _IS_NO_DUPLICATE,
    )
    .order_by(mentions.c.at)
    .limit(bindparam("limit"))
)
_MATCHED = *(mentions.c[name] for name in PhotoMatch._fields if name != "bits"), mentions.c.entry
_PRESENT_PHOTOS = select(*_MATCHED).select_from(mentions.outerjoin(receipts, RECEIPT_JOIN)).where(IS_PRESENT)
_ON_SAME_HAZARD = _PRESENT_PHOTOS.where(mentions.c.hazard == bindparam("hazard"))
_ON_OTHER_HAZARDS = (
    _PRESENT_PHOTOS.where(mentions.c.hazard != bindparam("hazard"), _IS_NO_DUPLICATE)
    .order_by(mentions.c.at)
    .limit(_MAX_MATCHES)
)
_SAME_PHOTO = _ON_OTHER_HAZARDS.where(mentions.c.sha256 == bindparam("photo"))
_SIMILAR_PHOTOS = _ON_OTHER_HAZARDS.where(in_list(mentions.c.sha256, "photos"))


def find_photo_matches(
    rows: RowAccess, pictures: Sequence[tuple[PhotoReference, int | None]]
) -> list[list[PhotoMatch]]:
    """Finds, for each photo, all matches on its hazard; on others the first few of the same bytes, or else similar."""
    similar = find_similar_photos(rows, {picture for _, picture in pictures if picture is not None})
    hazard_ids = list({mention.hazard for mention, _ in pictures})
    here = dict(
        zip(hazard_ids, rows.fetch_batch(_ON_SAME_HAZARD, [{"hazard": each} for each in hazard_ids]), strict=True)
    )
    same = rows.fetch_batch(_SAME_PHOTO, [{"hazard": each.hazard, "photo": each.sha256} for each, _ in pictures])
    found: list[list[PhotoMatch]] = []
    for (mention, picture), elsewhere in zip(pictures, same, strict=True):
        bits = (similar[picture] if picture is not None else {}) | {mention.sha256: 0}
        others = elsewhere or _fetch_similar_photos(rows, mention, bits)
        itself = mention.stage, mention.sha256, mention.entry
        found.append(
            [
                PhotoMatch(hazard, copied_from, stage, sha256, at, bits[sha256])
                for hazard, copied_from, stage, sha256, at, entry in (*here[mention.hazard], *others)
                if sha256 in bits and (stage, sha256, entry) != itself
            ]
        )
    return found


def _fetch_similar_photos(rows: RowAccess, mention: PhotoReference, bits: Mapping[str, int]) -> Sequence[Sequence[Any]]:
    others = tuple(sha256 for sha256 in bits if sha256 != mention.sha256)
    return rows.fetch(_SIMILAR_PHOTOS, {"hazard": mention.hazard, "photos": others}) if others else ()
