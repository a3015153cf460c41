"""Queries for declared photos, similar photos, and photos that may be purged."""

from collections.abc import Mapping

from sqlalchemy import and_, bindparam, exists, false, literal_column, select

from inspections.hazards.records import OPEN, State
from inspections.photos.evidence import Sighting
from inspections.photos.records import Mention, PhotoState
from storage.engine.columns import Instant
from storage.engine.rows import RowAccess
from storage.hazards.tables import entries, hazards, mentions
from storage.photos.queries import neighbours
from storage.photos.tables import photos, receipts

WIDE = len(mentions.c)
_WITNESSES = 3

SENT = and_(receipts.c.sha256 == mentions.c.sha256, receipts.c.username == mentions.c.by)
PRESENT = receipts.c.sha256.is_not(None) | mentions.c.by_sight
"""The declaring person has the photo. Requires a join of receipts on RECEIPT_JOIN."""

SHOWN = (
    select(mentions, *photos.c)
    .select_from(
        mentions.join(entries, entries.c.id == mentions.c.entry)
        .outerjoin(receipts, SENT)
        .outerjoin(photos, and_(photos.c.sha256 == mentions.c.sha256, PRESENT))
    )
    .where(mentions.c.hazard.in_(bindparam("ids", expanding=True)))
    .order_by(mentions.c.hazard, entries.c.seq, mentions.c.stage, mentions.c.sha256)
)
SHOWING = (
    select(1)
    .select_from(mentions.join(hazards, hazards.c.id == mentions.c.hazard).outerjoin(receipts, SENT))
    .where(PRESENT)
)

_LIVING = exists().where(hazards.c.id == mentions.c.hazard, hazards.c.state != literal_column(f"'{State.DUPLICATE}'"))
"""Excludes photos of duplicates, which are copied to the master and examined and compared there."""

KEPT = photos.c.state != PhotoState.LET_GO
"""Photos whose bytes are still stored."""
OVER = (
    select(photos)
    .where(
        photos.c.state == PhotoState.DEVELOPED,
        photos.c.received_at < bindparam("before", type_=Instant()),
        ~exists(
            select(mentions.c.sha256)
            .join(hazards, hazards.c.id == mentions.c.hazard)
            .where(
                mentions.c.sha256 == photos.c.sha256,
                hazards.c.state.in_(OPEN) | (hazards.c.updated_at >= bindparam("before", type_=Instant())),
            )
        ),
    )
    .order_by(photos.c.received_at)
)
"""Photos received before `before` that no open hazard, and none updated since, declares."""
OVER_OF_THESE = OVER.where(photos.c.sha256.in_(bindparam("digests", expanding=True)))
UNEXAMINED = (
    select(mentions)
    .where(
        mentions.c.examined == false(),
        exists().where(photos.c.sha256 == mentions.c.sha256, photos.c.state == literal_column("'developed'")),
        mentions.c.by_sight | exists().where(SENT),
        _LIVING,
    )
    .order_by(mentions.c.at)
    .limit(bindparam("limit"))
)
_DECLARED = select(mentions).select_from(mentions.outerjoin(receipts, SENT)).where(PRESENT)
_HERE = _DECLARED.where(mentions.c.hazard == bindparam("hazard"))
_ELSEWHERE = (
    _DECLARED.where(mentions.c.hazard != bindparam("hazard"), _LIVING).order_by(mentions.c.at).limit(_WITNESSES)
)
_SAME = _ELSEWHERE.where(mentions.c.sha256 == bindparam("photo"))


def sightings(rows: RowAccess, mention: Mention, picture: int | None) -> list[Sighting]:
    """Finds all matches on the same hazard; on others the first few of the same bytes, or else of similar ones."""
    bits = ({} if picture is None else neighbours(rows, picture)) | {mention.sha256: 0}
    here = [Mention(*row) for row in rows.found(_HERE, {"hazard": mention.hazard})]
    same = rows.found(_SAME, {"hazard": mention.hazard, "photo": mention.sha256})
    elsewhere = [Mention(*row) for row in same] or _alike(rows, mention, bits)
    itself = (mention.entry, mention.sha256, mention.stage)
    return [
        Sighting(each, bits[each.sha256])
        for each in (*here, *elsewhere)
        if each.sha256 in bits and (each.entry, each.sha256, each.stage) != itself
    ]


def _alike(rows: RowAccess, mention: Mention, bits: Mapping[str, int]) -> list[Mention]:
    if others := [sha256 for sha256 in bits if sha256 != mention.sha256]:
        query = _ELSEWHERE.where(mentions.c.sha256.in_(others)).params(hazard=mention.hazard)
        return rows.records(Mention, query)
    return []
