"""The queries that actions of this subject may ask of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from inspections.accounts.people import Person
from inspections.office.repository import OfficeRepository
from inspections.photos.records import Photo, UploadReceipt
from inspections.photos.signed_urls import Secret
from inspections.photos.uploads import Upload


class PhotoRepository(OfficeRepository, Protocol):
    """Photos, their upload receipts, and open uploads."""

    def photo(self, sha256: str) -> Photo | None: ...
    def photos(self, digests: Sequence[str]) -> dict[str, Photo]:
        """Returns the existing ones of these photos by digest, without locks."""
        ...

    def receipt(self, sha256: str, username: str) -> UploadReceipt | None: ...
    def secret(self, name: str) -> Secret | None: ...
    def purgeable_photos(self, before: datetime, digests: Sequence[str]) -> list[Photo]:
        """Returns those of these photos that arrived before that instant and that no active hazard shows.

        A hazard is active while it is open or has been touched since that instant.
        """
        ...

    def upload(self, upload_id: UUID) -> Upload | None: ...
    def open_uploads(self, username: str, now: datetime) -> list[Upload]:
        """Returns the uploads of this person that are neither complete nor expired, the oldest first."""
        ...

    def expired_uploads(self, now: datetime, limit: int) -> list[Upload]:
        """Uploads past their expiry. Their rows are claimed: a concurrent transaction skips them."""
        ...

    def may_see_photo(self, person: Person, sha256: str) -> bool:
        """Whether a hazard that this person may see already shows this photo."""
        ...

    def unprocessed_photos(self, now: datetime, limit: int) -> list[Photo]:
        """Photos that wait for processing and are not claimed beyond `now`. A concurrent transaction skips them."""
        ...
