"""Resumable uploads without locks: the request that extends the stored offset first wins, others learn the offset.

A connection that hangs half open therefore blocks nobody.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.people import Person
from inspections.change import Change
from inspections.errors import NotFound, WrongOffset
from inspections.photos.actions.intake import prepare_intake
from inspections.photos.records import Photo
from inspections.photos.repository import PhotoRepository
from inspections.photos.uploads import MAX_OPEN_UPLOADS, UPLOAD_LIFETIME, Upload


class BegunUpload(NamedTuple):
    """A new upload, or the unfinished one of the same photo. `replaced`: older ones that had to go for it."""

    upload: Upload
    replaced: tuple[Upload, ...] = ()


def begin_upload(
    repository: PhotoRepository, person: Person, length: int, promised: str | None, metadata: str, now: datetime
) -> Change[BegunUpload]:
    """Creates an upload. A phone that has forgotten the address of one gets it back by the photo's digest and length.

    A person with `MAX_OPEN_UPLOADS` loses the oldest: whoever never finishes an upload can still send photos.
    """
    known = repository.open_uploads(person.username, now)
    for each in known:
        if promised is not None and (each.promised, each.length) == (promised, length):
            return Change(BegunUpload(each))
    upload = Upload(repository.new_id(), person.username, length, 0, (), promised, metadata, now + UPLOAD_LIFETIME)
    replaced = tuple(known[: len(known) + 1 - MAX_OPEN_UPLOADS]) if len(known) >= MAX_OPEN_UPLOADS else ()
    return Change(BegunUpload(upload, replaced), (upload,), removed=replaced)


def get_own_upload(repository: PhotoRepository, person: Person, upload_id: UUID, now: datetime) -> Upload:
    """Returns the person's upload. Raises NotFound if it does not exist, belongs to another person or has expired."""
    upload = repository.upload(upload_id)
    if upload is None or upload.username != person.username or upload.expires_at <= now:
        raise NotFound("upload")
    return upload


def add_piece(
    repository: PhotoRepository, person: Person, before: Upload, piece: str, size: int, now: datetime
) -> Change[Upload]:
    """Appends a stored piece to the upload. Raises NotFound, or WrongOffset if the upload differs from `before`."""
    upload = _get_unchanged_upload(repository, person, before, now)
    after = replace(upload, offset=upload.offset + size, pieces=(*upload.pieces, piece))
    return Change(after, changed=((upload, after),))


def complete_upload(
    repository: PhotoRepository, person: Person, before: Upload, photo: Photo, now: datetime
) -> Change[Upload]:
    """Stores the photo that the last piece completes; only now is all of it acknowledged.

    Raises NotFound, WrongOffset, DamagedPhoto.
    """
    upload = _get_unchanged_upload(repository, person, before, now)
    arrived = prepare_intake(repository, person, [photo], now)
    arrived.check_no_damage()
    after = replace(upload, offset=upload.length, pieces=(), photo=photo.sha256)
    return Change(after, arrived.records, ((upload, after), *arrived.restored))


def _get_unchanged_upload(repository: PhotoRepository, person: Person, before: Upload, now: datetime) -> Upload:
    upload = get_own_upload(repository, person, before.id, now)
    if upload.offset != before.offset:
        raise WrongOffset(before.offset, upload.offset)
    return upload


def cancel_upload(repository: PhotoRepository, person: Person, upload_id: UUID, now: datetime) -> Change[Upload]:
    """Removes an upload that its sender cancels; returns it as it was. Raises NotFound."""
    upload = get_own_upload(repository, person, upload_id, now)
    return Change(upload, removed=(upload,))


def discard_upload(repository: PhotoRepository, person: Person, before: Upload, now: datetime) -> Change[Upload]:
    """Removes an upload whose bytes are no valid photo; returns it as it was.

    Raises NotFound, and WrongOffset where another request has extended the upload meanwhile.
    """
    upload = _get_unchanged_upload(repository, person, before, now)
    return Change(upload, removed=(upload,))


def delete_expired_uploads(repository: PhotoRepository, now: datetime, limit: int) -> Change[Sequence[Upload]]:
    expired = repository.expired_uploads(now, limit)
    return Change(expired, removed=tuple(expired))
