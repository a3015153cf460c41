"""Photos, who sent them, where they are declared, and what speaks against them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from inspections.field_types import Digest, Moment
from inspections.places.coordinates import Point


class Stage(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    RECHECK = "recheck"


class PhotoState(StrEnum):
    RECEIVED = "received"
    DEVELOPED = "developed"
    DAMAGED = "damaged"
    LET_GO = "let_go"
    """Older than the office keeps photos; the bytes are gone. It counts as having been there."""


class PhotoMention(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A photo as a report or a step declares it: by digest. What the phone says of time and place is evidence only."""

    sha256: Digest
    stage: Stage
    taken_at: Moment | None = None
    point: Point | None = None


class Photo(Struct, frozen=True):
    """A picture whose bytes are kept. Exists when its row is committed, never because a file lies there.

    `claimed_until`: somebody develops it; after that instant they are taken for gone. `tries` counts those who began.
    `taken_at` to `oddities` is what its metadata says (storage/photos/images.py): evidence, never the clock that
    governs.
    `hash`: see perceptual_hash.py; None also for a picture that shows next to nothing.
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


class Band(Struct, frozen=True):
    """A quarter of a photo's perceptual hash: the key under which near-same pictures find it (perceptual_hash.py)."""

    key: int
    sha256: str
    hash: int


class Flag(Struct, frozen=True, omit_defaults=True):
    """Something that speaks against a photo: a key of evidence.FLAGS.

    `hazard`: the other one it was found on. `amount`: hours, metres, or differing bits, by its kind.
    """

    kind: str
    hazard: UUID | None = None
    amount: int | None = None


class Receipt(Struct, frozen=True):
    """This person has sent this photo's bytes in full: what makes a declared digest count as present for them."""

    sha256: str
    username: str
    at: datetime


class Mention(Struct, frozen=True):
    """A photo declared on a hazard by one line of its history.

    `by_sight`: who declared it has not sent its bytes, but saw it already on a hazard that was theirs to see.
    `examined`: it was compared with everything else that is known; `flags` says what was found.
    `copied_from`: it was declared on that duplicate of this hazard, and came along when the two were merged.
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
