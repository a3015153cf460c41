"""Records of photos: the photo, its upload receipts, its references from hazards, and the flags against it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from inspections.field_types import AwareDatetime, Digest
from inspections.places.coordinates import Point

PHOTO_BYTES = 20_000_000
"""The most bytes of one photo."""


class Stage(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    RECHECK = "recheck"


class PhotoState(StrEnum):
    RECEIVED = "received"
    DEVELOPED = "developed"
    DAMAGED = "damaged"
    LET_GO = "let_go"
    """The photo was older than the office keeps photos, and its bytes were purged. It still counts as present."""


class PhotoDeclaration(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A photo that a report or a step declares by its digest. The phone's time and place are evidence only."""

    sha256: Digest
    stage: Stage
    taken_at: AwareDatetime | None = None
    point: Point | None = None


class Photo(Struct, frozen=True):
    """A picture whose bytes are stored. It exists once its row is committed, never because a file exists.

    `claimed_until`: a process works on the photo until then; afterwards that process counts as lost. `tries`: how often
    processing began. `taken_at` to `oddities` come from the metadata (storage/photos/images.py): evidence, never an
    authoritative clock. `hash`: see perceptual_hash.py; None also for a picture with almost no detail.
    """

    sha256: str
    size: int
    format: str
    width: int
    height: int
    state: PhotoState
    received_at: datetime
    taken_at: datetime | None = None
    point: Point | None = None
    camera: str | None = None
    claimed_until: datetime | None = None
    tries: int = 0
    utc_offset: int | None = None
    orientation: int | None = None
    oddities: tuple[str, ...] = ()
    hash: int | None = None


class HashBand(Struct, frozen=True):
    """A quarter of a photo's perceptual hash: an index key that finds near-duplicates (perceptual_hash.py)."""

    key: int
    sha256: str
    hash: int


class Flag(Struct, frozen=True, omit_defaults=True):
    """A reason to doubt a photo; `kind` is a key of evidence.FLAGS.

    `hazard`: the other hazard it was found on. `amount`: hours, metres or differing bits, depending on the kind.
    """

    kind: str
    hazard: UUID | None = None
    amount: int | None = None


class UploadReceipt(Struct, frozen=True):
    """The receipt for the photo's bytes, sent in full by this person: a digest they declare then counts as present."""

    sha256: str
    username: str
    at: datetime


class PhotoReference(Struct, frozen=True):
    """The reference of a history line to a photo, which declares the photo on the line's hazard.

    `by_sight`: the person has not sent the bytes, but saw the photo on a hazard that they may see. `examined`: the
    photo was compared with all others; `flags` holds the result. `copied_from`: the photo was declared on that
    duplicate of this hazard, and copied when the two were merged.
    """

    entry: UUID
    sha256: str
    stage: Stage
    hazard: UUID
    by: str
    at: datetime
    by_sight: bool = False
    taken_at: datetime | None = None
    point: Point | None = None
    examined: bool = False
    flags: tuple[Flag, ...] = ()
    copied_from: UUID | None = None
