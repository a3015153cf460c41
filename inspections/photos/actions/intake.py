"""Photos arrive, are declared, are developed. A digest is no key: only who has sent the bytes has the photo."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.change import Change
from inspections.errors import Damaged
from inspections.photos import perceptual_hash
from inspections.photos.evidence import Shown
from inspections.photos.records import Band, Mention, Photo, PhotoMention, PhotoState, Receipt
from inspections.photos.repository import PhotoRepository
from inspections.places.coordinates import Point


class Facts(NamedTuple):
    """What a picture's own metadata says; None where they say nothing, or nothing that can be.

    `taken_at` is UTC, read as Shanghai's time where the picture names no offset; `utc_offset` in minutes, only if the
    picture names it; `orientation` is EXIF's 1…8. `oddities` holds "clock" for a clock that is set to what cannot be
    (no date, or the year 2000 and before, where a camera without a battery begins), and "position" for one that
    cannot be. That nothing is said is not odd: many phones and all messengers strip metadata.
    """

    taken_at: datetime | None = None
    utc_offset: int | None = None
    point: Point | None = None
    orientation: int | None = None
    camera: str | None = None
    oddities: tuple[str, ...] = ()


class Received(NamedTuple):
    """Photos whose bytes a person has sent, whether all were known to be theirs, and the records to keep.

    `back`: those that had been let go, and are there again.
    """

    photos: tuple[Photo, ...]
    known: bool
    records: tuple[Struct, ...]
    back: tuple[tuple[Photo, Photo], ...] = ()

    def check(self) -> None:
        """Raises Damaged for bytes that have proved broken before: sending them again cannot help."""
        if broken := [photo.sha256 for photo in self.photos if photo.state is PhotoState.DAMAGED]:
            raise Damaged(photos=broken)


def received(repository: PhotoRepository, person: Person, arrived: Sequence[Photo], now: datetime) -> Received:
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
            records.append(Receipt(photo.sha256, person.username, now))
    return Received(tuple(photos[photo.sha256] for photo in arrived), known, tuple(records), tuple(back))


def receive_photos(
    repository: PhotoRepository, person: Person, arrived: Sequence[Photo], now: datetime
) -> Change[Received]:
    """Raises Damaged."""
    result = received(repository, person, arrived, now)
    result.check()
    return Change(result, result.records, result.back)


class Declaration(NamedTuple):
    """The photos one line of history declares, as they are shown, and the records that keep them."""

    shown: tuple[Shown, ...]
    records: tuple[Struct, ...]


def declare(
    repository: PhotoRepository,
    person: Person,
    line: tuple[UUID, UUID],
    photos: Sequence[PhotoMention],
    now: datetime,
    arrived: Iterable[Photo] = (),
) -> Declaration:
    """`line` is (id of the history line, id of the hazard); `arrived` came with the same request.

    A photo that the person sees already on another hazard is shown here too; it does not become theirs.
    """
    entry, hazard = line
    here = {photo.sha256: photo for photo in arrived}
    shown: list[Shown] = []
    records: list[Struct] = []
    for (sha256, stage), said in {(photo.sha256, photo.stage): photo for photo in photos}.items():
        photo = here.get(sha256) or repository.photo(sha256)
        sent = sha256 in here or repository.receipt(sha256, person.username) is not None
        seen = photo is not None and not sent and repository.may_see_photo(person, sha256)
        mention = Mention(entry, sha256, stage, hazard, person.username, now, seen, _utc(said.taken_at), said.point)
        shown.append(Shown(mention, photo if sent or seen else None))
        records.append(mention)
    return Declaration(tuple(shown), tuple(records))


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def release(repository: PhotoRepository, sha256: str) -> Change[None]:
    """It was not the photo's fault: the store was away. It waits out its claim, and the try does not count."""
    photo = repository.photo(sha256)
    if photo is None or photo.state is not PhotoState.RECEIVED:
        return Change(None)
    return Change(None, changed=((photo, replace(photo, tries=max(0, photo.tries - 1))),))


def developed(repository: PhotoRepository, sha256: str, facts: Facts, picture: int | None = None) -> Change[None]:
    """What the photo's metadata says, and its perceptual hash."""
    photo = repository.photo(sha256)
    if photo is None or photo.state is not PhotoState.RECEIVED:
        return Change(None)
    after = replace(photo, state=PhotoState.DEVELOPED, claimed_until=None, hash=picture, **facts._asdict())
    bands = () if picture is None else tuple(Band(key, sha256, picture) for key in perceptual_hash.keys(picture))
    return Change(None, bands, ((photo, after),))
