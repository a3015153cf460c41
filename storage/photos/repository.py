"""The repository of this subject, over one connection."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from inspections.photos.records import Photo, UploadReceipt
from inspections.photos.signed_urls import Secret
from inspections.photos.uploads import Upload
from storage.engine.unit_of_work import UnitOfWork
from storage.photos.queries import EXPIRED_UPLOADS, PHOTOS, UNPROCESSED_PHOTOS, find_similar_photos, open_uploads_query


class PhotoRepository(UnitOfWork):
    """Photos, their upload receipts, and open uploads."""

    def photo(self, sha256: str) -> Photo | None:
        return self.get(Photo, sha256)

    def photos(self, digests: Sequence[str]) -> dict[str, Photo]:
        return (
            {row[0]: Photo(*row) for row in self.fetch(PHOTOS, {"digests": tuple(digests)}, (Photo,))}
            if digests
            else {}
        )

    def upload(self, upload_id: UUID) -> Upload | None:
        return self.get(Upload, upload_id)

    def receipt(self, sha256: str, username: str) -> UploadReceipt | None:
        return self.get(UploadReceipt, sha256, username)

    def unprocessed_photos(self, now: datetime, limit: int) -> list[Photo]:
        return self._claim_due_rows(Photo, UNPROCESSED_PHOTOS, now, limit)

    def expired_uploads(self, now: datetime, limit: int) -> list[Upload]:
        return self._claim_due_rows(Upload, EXPIRED_UPLOADS, now, limit)

    def open_uploads(self, username: str, now: datetime) -> list[Upload]:
        return self.select(Upload, open_uploads_query(username, now))

    def find_similar_photos(self, picture: int) -> dict[str, int]:
        """The photos whose perceptual hash is near `picture`, with the number of differing bits."""
        return find_similar_photos(self._rows, [picture])[picture]

    def secret(self, name: str) -> Secret | None:
        return self.get(Secret, name)
