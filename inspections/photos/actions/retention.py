"""Purges photos of hazards that ended long ago, by the office's rules. Their histories stay unchanged."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from inspections.change import Change
from inspections.photos.records import PhotoState
from inspections.photos.repository import PhotoRepository


def retention_cutoff(repository: PhotoRepository, now: datetime) -> datetime | None:
    """The instant since which a photo's hazards must have been touched to keep it; None: photos are kept forever."""
    days = repository.rules.photos_kept_days
    return now - timedelta(days=days) if days is not None else None


def purge_photos(repository: PhotoRepository, digests: Sequence[str], before: datetime) -> Change[int]:
    """Marks photos that nothing needs as purged; returns how many. The orphan sweep then deletes their bytes."""
    over = repository.purgeable_photos(before, digests)
    gone = tuple((photo, replace(photo, state=PhotoState.LET_GO)) for photo in over)
    return Change(len(over), changed=gone)
