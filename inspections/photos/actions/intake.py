"""Receives, declares and processes photos. A digest gives no access: only a sender of the bytes has the photo."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.calendar import YEARS
from inspections.change import Change
from inspections.errors import DamagedPhoto
from inspections.photos import perceptual_hash
from inspections.photos.evidence import DeclaredPhoto
from inspections.photos.records import HashBand, Photo, PhotoDeclaration, PhotoReference, PhotoState, UploadReceipt
from inspections.photos.repository import PhotoRepository
from inspections.places.coordinates import Point, is_null_point


class PhotoMetadata(NamedTuple):
    """The metadata of a picture (EXIF); None for a value that is absent or impossible.

    `taken_at` is UTC, read as Shanghai time where the picture names no offset; `utc_offset` is in minutes, set only if
    the picture names it; `orientation` is EXIF's 1…8. `oddities` holds "clock" for an impossible clock (no date, or the
    year 2000 and before, where a camera without a battery begins), and "position" for an impossible position. Absent
    metadata is not odd: many phones and all messengers strip it.
    """

    taken_at: datetime | None = None
    utc_offset: int | None = None
    point: Point | None = None
    orientation: int | None = None
    camera: str | None = None
    oddities: tuple[str, ...] = ()


class IntakeResult(NamedTuple):
    """Photos whose bytes a person has sent, whether all were already known as theirs, and the records to insert.

    `restored`: the changes (before, after) of purged photos whose bytes have arrived again.
    """

    photos: tuple[Photo, ...]
    known: bool
    records: tuple[Struct, ...]
    restored: tuple[tuple[Photo, Photo], ...] = ()

    def check_no_damage(self) -> None:
        """Raises DamagedPhoto for bytes that have proved broken before: sending them again cannot help."""
        if broken := [photo.sha256 for photo in self.photos if photo.state is PhotoState.DAMAGED]:
            raise DamagedPhoto(photos=broken)


def prepare_intake(
    repository: PhotoRepository, person: Person, arrived: Sequence[Photo], now: datetime
) -> IntakeResult:
    photos: dict[str, Photo] = {}
    records: list[Struct] = []
    back: list[tuple[Photo, Photo]] = []
    known = True
    for photo in {photo.sha256: photo for photo in arrived}.values():
        kept = repository.photo(photo.sha256)
        if kept and kept.state is PhotoState.LET_GO:
            back.append((kept, replace(kept, state=PhotoState.DEVELOPED)))
            kept = back[-1][1]
        photos[photo.sha256] = kept or photo
        records += [] if kept else [photo]
        if not repository.receipt(photo.sha256, person.username):
            known = False
            records.append(UploadReceipt(photo.sha256, person.username, now))
    return IntakeResult(tuple(photos[photo.sha256] for photo in arrived), known, tuple(records), tuple(back))


def receive_photos(
    repository: PhotoRepository, person: Person, arrived: Sequence[Photo], now: datetime
) -> Change[IntakeResult]:
    """Stores the records of photos that a person has sent. Raises DamagedPhoto."""
    result = prepare_intake(repository, person, arrived, now)
    result.check_no_damage()
    return Change(result, result.records, result.restored)


class DeclarationResult(NamedTuple):
    """The photos that one history line declares, and the records that store them."""

    shown: tuple[DeclaredPhoto, ...]
    records: tuple[Struct, ...]


def declare_photos(
    repository: PhotoRepository,
    person: Person,
    line: tuple[UUID, UUID],
    photos: Sequence[PhotoDeclaration],
    now: datetime,
    arrived: Iterable[Photo] = (),
) -> DeclarationResult:
    """Makes the references of one history line to its photos.

    `line` is (id of the history line, id of the hazard); `arrived` holds the photos of the same request. A photo that
    the person already sees on another hazard is shown here too, but does not become theirs.
    """
    entry, hazard = line
    here = {photo.sha256: photo for photo in arrived}
    shown: list[DeclaredPhoto] = []
    records: list[Struct] = []
    for (sha256, stage), declaration in {(photo.sha256, photo.stage): photo for photo in photos}.items():
        photo = here.get(sha256) or repository.photo(sha256)
        sent = sha256 in here or repository.receipt(sha256, person.username) is not None
        seen = photo is not None and not sent and repository.may_see_photo(person, sha256)
        taken_at, point = _to_utc(declaration.taken_at), declaration.point
        point = None if is_null_point(point) else point
        mention = PhotoReference(entry, sha256, stage, hazard, person.username, now, seen, taken_at, point)
        shown.append(DeclaredPhoto(mention, photo if sent or seen else None))
        records.append(mention)
    return DeclarationResult(tuple(shown), tuple(records))


def _to_utc(moment: datetime | None) -> datetime | None:
    """The time in UTC; None for a year that no clock has, which is like a photo without a time."""
    return moment.astimezone(UTC) if moment and moment.year in YEARS else None


def revert_try(repository: PhotoRepository, sha256: str) -> Change[None]:
    """Takes back a try that failed because the photo store was unavailable; the claim stays until it expires."""
    photo = repository.photo(sha256)
    if photo is None or photo.state is not PhotoState.RECEIVED:
        return Change(None)
    return Change(None, changed=((photo, replace(photo, tries=max(0, photo.tries - 1))),))


def record_processed_photo(
    repository: PhotoRepository, sha256: str, facts: PhotoMetadata, picture: int | None = None
) -> Change[None]:
    """Stores the photo's metadata and perceptual hash, and sets its state to `developed`."""
    photo = repository.photo(sha256)
    if photo is None or photo.state is not PhotoState.RECEIVED:
        return Change(None)
    after = replace(photo, state=PhotoState.DEVELOPED, claimed_until=None, hash=picture, **facts._asdict())
    bands = (
        () if picture is None else tuple(HashBand(key, sha256, picture) for key in perceptual_hash.band_keys(picture))
    )
    return Change(None, bands, ((photo, after),))
