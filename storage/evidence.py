"""What the register knows of a photo beside others: the queries behind evidence."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, false, literal_column, select
from sqlalchemy.sql import Executable

from inspections.evidence import Sighting
from inspections.hazards import Hazard, Mention, Photo
from inspections.likeness import NEAR, distance, keys_near
from storage.tables import bands, hazards, mentions, photos, receipts

Ask = Callable[[Executable, dict[str, Any]], Sequence[Any]]
"""Rows of a query with its parameters."""

WIDE = len(mentions.c)
_BOTH = WIDE + len(photos.c)
_CROWD = 5000
"""Where more pictures than this are alike, somebody uploads the same form again and again: the first say enough."""
_WITNESSES = 3

SENT = and_(receipts.c.sha256 == mentions.c.sha256, receipts.c.username == mentions.c.by)
PRESENT = receipts.c.sha256.is_not(None) | mentions.c.by_sight
"""Who declared a photo has it; join receipts on SENT."""

_UNEXAMINED = (
    select(mentions, *photos.c, *hazards.c)
    .select_from(
        mentions.join(photos, photos.c.sha256 == mentions.c.sha256)
        .join(hazards, hazards.c.id == mentions.c.hazard)
        .outerjoin(receipts, SENT)
    )
    .where(mentions.c.examined == false(), photos.c.state == literal_column("'developed'"), PRESENT)
    .order_by(mentions.c.at)
    .limit(bindparam("limit"))
)
_NEIGHBOURS = (
    select(bands.c.sha256, bands.c.hash).where(bands.c.key.in_(bindparam("keys", expanding=True))).limit(_CROWD)
)
_DECLARED = select(mentions).select_from(mentions.outerjoin(receipts, SENT)).where(PRESENT)
_HERE = _DECLARED.where(
    mentions.c.hazard == bindparam("hazard"), mentions.c.sha256.in_(bindparam("photos", expanding=True))
)
_ELSEWHERE = _DECLARED.where(mentions.c.hazard != bindparam("hazard")).order_by(mentions.c.at).limit(_WITNESSES)
_SAME = _ELSEWHERE.where(mentions.c.sha256 == bindparam("photo"))
_LIKE = _ELSEWHERE.where(mentions.c.sha256.in_(bindparam("photos", expanding=True)))


def unexamined(ask: Ask, limit: int) -> list[tuple[Mention, Photo, Hazard]]:
    rows = ask(_UNEXAMINED, {"limit": limit})
    return [(Mention(*row[:WIDE]), Photo(*row[WIDE:_BOTH]), Hazard(*row[_BOTH:])) for row in rows]


def sightings(ask: Ask, mention: Mention, picture: int | None) -> list[Sighting]:
    """All on the same hazard; of the others the first few with the same bytes, else the first few that are like it."""
    bits = ({} if picture is None else neighbours(ask, picture)) | {mention.sha256: 0}
    like = [sha256 for sha256 in bits if sha256 != mention.sha256]
    rows = list(ask(_HERE, {"hazard": mention.hazard, "photos": list(bits)}))
    elsewhere = ask(_SAME, {"hazard": mention.hazard, "photo": mention.sha256})
    rows += elsewhere or (ask(_LIKE, {"hazard": mention.hazard, "photos": like}) if like else ())
    itself = (mention.entry, mention.sha256, mention.stage)
    found = (Mention(*row) for row in rows)
    return [Sighting(each, bits[each.sha256]) for each in found if (each.entry, each.sha256, each.stage) != itself]


def neighbours(ask: Ask, picture: int) -> dict[str, int]:
    """The photos whose perceptual hash is near `picture`, and in how many bits it differs."""
    rows = ask(_NEIGHBOURS, {"keys": keys_near(picture)})
    return {sha256: bits for sha256, other in rows if (bits := distance(picture, other)) <= NEAR}
