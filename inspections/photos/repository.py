"""What actions of this subject may ask of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from inspections.accounts.people import Person
from inspections.office.repository import OfficeRepository
from inspections.photos.records import Photo, Receipt
from inspections.photos.signed_urls import Secret
from inspections.photos.uploads import Upload


class PhotoRepository(OfficeRepository, Protocol):
    """Photos, who sent them, and uploads that are under way."""

    def photo(self, sha256: str) -> Photo | None: ...
    def receipt(self, sha256: str, username: str) -> Receipt | None: ...
    def secret(self, name: str) -> Secret | None: ...
    def photos_over(self, before: datetime, digests: Sequence[str]) -> list[Photo]:
        """Those of these that came before that instant, and that no hazard shows which is open or was touched since."""
        ...

    def upload(self, upload_id: UUID) -> Upload | None: ...
    def open_uploads(self, username: str, now: datetime) -> int:
        """How many uploads of this person are neither complete nor expired."""
        ...

    def expired_uploads(self, now: datetime, limit: int) -> list[Upload]:
        """Claimed as with `due`."""
        ...

    def may_see_photo(self, person: Person, sha256: str) -> bool:
        """Whether a hazard that this person may see shows this photo already."""
        ...

    def undeveloped(self, now: datetime, limit: int) -> list[Photo]:
        """Photos that wait to be developed and that nobody has claimed until after `now`; claimed as with `due`."""
        ...
