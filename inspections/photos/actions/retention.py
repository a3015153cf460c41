"""Photos of hazards that ended long ago are let go, as an office's rules say. What the histories say of them stays."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from inspections.change import Change
from inspections.photos.records import PhotoState
from inspections.photos.repository import PhotoRepository


def kept_since(repository: PhotoRepository, now: datetime) -> datetime | None:
    """Who has not been touched since then has lost their photos; None: they are kept for good."""
    days = repository.rules.photos_kept_days
    return now - timedelta(days=days) if days is not None else None


def let_go(repository: PhotoRepository, digests: Sequence[str], before: datetime) -> Change[int]:
    """Of these photos those that nothing needs now; answers how many. Their bytes go with the orphans (storage)."""
    over = repository.photos_over(before, digests)
    gone = tuple((photo, replace(photo, state=PhotoState.LET_GO)) for photo in over)
    return Change(len(over), changed=gone)
