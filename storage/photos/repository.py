"""The repository of this subject, over one connection."""

from datetime import datetime
from uuid import UUID

from inspections.photos.records import Photo, Receipt
from inspections.photos.signed_urls import Secret
from inspections.photos.uploads import Upload
from storage.engine.unit_of_work import UnitOfWork
from storage.photos.queries import EXPIRED, OPEN_UPLOADS, UNDEVELOPED, neighbours


class PhotoRepository(UnitOfWork):
    """Photos, their upload receipts, and open uploads."""

    def photo(self, sha256: str) -> Photo | None:
        return self.kept(Photo, sha256)

    def upload(self, upload_id: UUID) -> Upload | None:
        return self.kept(Upload, upload_id)

    def receipt(self, sha256: str, username: str) -> Receipt | None:
        return self.kept(Receipt, sha256, username)

    def undeveloped(self, now: datetime, limit: int) -> list[Photo]:
        return self._claimed(Photo, UNDEVELOPED, now, limit)

    def expired_uploads(self, now: datetime, limit: int) -> list[Upload]:
        return self._claimed(Upload, EXPIRED, now, limit)

    def open_uploads(self, username: str, now: datetime) -> int:
        return self.rows(OPEN_UPLOADS, {"username": username, "now": now})[0][0]

    def neighbours(self, picture: int) -> dict[str, int]:
        """The photos whose perceptual hash is near `picture`, with the number of differing bits."""
        return neighbours(self._rows, picture)

    def secret(self, name: str) -> Secret | None:
        return self.kept(Secret, name)
