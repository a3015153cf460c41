"""Evidence in photos: which declared ones are missing, and which flags speak against a photo."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from inspections.photos.records import Flag, Photo, PhotoDeclaration, PhotoReference, PhotoState, Stage
from inspections.places.coordinates import Point, distance_m


class DeclaredPhoto(NamedTuple):
    """A declared photo. `photo` is None where the person who declared it has neither sent its bytes nor seen it."""

    mention: PhotoReference
    photo: Photo | None

    @property
    def is_present(self) -> bool:
        return self.photo is not None and self.photo.state is not PhotoState.DAMAGED


def missing_digests(shown: Iterable[DeclaredPhoto]) -> list[str]:
    """Digests of declared photos whose bytes have not arrived intact, whoever declared or sent them.

    Photos that a duplicate hazard still lacks are not required of its master.
    """
    shown = list(shown)
    if all(each.is_present for each in shown):
        return []
    present = {each.mention.sha256 for each in shown if each.is_present}
    owed = (each.mention.sha256 for each in shown if each.mention.copied_from is None)
    return list(dict.fromkeys(sha256 for sha256 in owed if sha256 not in present))


def has_stage(photos: Iterable[PhotoDeclaration], stage: Stage) -> bool:
    return any(photo.stage == stage for photo in photos)


class PhotoMatch(NamedTuple):
    """Another declaration of the same or a similar picture, with fields named as in PhotoReference.

    `bits`: how many bits of the perceptual hashes differ.
    """

    hazard: UUID
    copied_from: UUID | None
    stage: Stage
    sha256: str
    at: datetime
    bits: int


class PhotoContext(Protocol):
    """The facts of a hazard that a photo is compared with: when it was found, when its fix was sent, where it is."""

    @property
    def found_at(self) -> datetime: ...

    @property
    def submitted_at(self) -> datetime | None: ...

    @property
    def point(self) -> Point | None: ...


FLAGS: dict[str, str] = {
    "reused": "同一张照片已用于另一起隐患",
    "similar": "与另一起隐患的照片高度相似",
    "unchanged": "整改前后（或复查）的照片相同",
    "taken_early": "照片拍摄时间早于所述情况",
    "taken_late": "照片拍摄时间晚于提交时间",
    "far": "照片拍摄地点远离隐患地点",
    "clock": "照片的拍摄时间不可能成立",
    "position": "照片的定位不可能成立",
}
"""The kinds of flags, with messages for the officer. A flag is a reason to look again, never a verdict. A picture
without time and place gets none, since messengers and watermark cameras strip metadata."""

EARLY_TOLERANCE = timedelta(hours=24)
EARLY_TOLERANCE_AFTER_FIND = timedelta(hours=2)
LATE_TOLERANCE = timedelta(hours=1)
MAX_DISTANCE_M = 500.0
MAX_UNCHANGED_BITS = 2
"""The largest distance of a copy: photos of two stages show the same spot and may look alike."""

_HOUR = timedelta(hours=1)


def find_flags(
    mention: PhotoReference, photo: Photo, hazard: PhotoContext, matches: Iterable[PhotoMatch]
) -> tuple[Flag, ...]:
    """Finds the contradictions between a photo, its hazard and other photos; the strongest comes first."""
    return (
        *_reuse_flags(mention, matches),
        *_unchanged_flags(mention, matches),
        *_time_flags(mention, photo, hazard),
        *_location_flags(mention, photo, hazard),
    )


def _reuse_flags(mention: PhotoReference, matches: Iterable[PhotoMatch]) -> list[Flag]:
    """A flag for the first other hazard with the same bytes, else a similar picture; merged copies do not count."""
    own = {mention.hazard, mention.copied_from} - {None}
    others = [each for each in matches if own.isdisjoint((each.hazard, each.copied_from))]
    others.sort(key=lambda each: (each.sha256 != mention.sha256, each.at, each.bits))
    return [
        Flag("reused" if each.sha256 == mention.sha256 else "similar", each.hazard, each.bits) for each in others[:1]
    ]


def _unchanged_flags(mention: PhotoReference, matches: Iterable[PhotoMatch]) -> list[Flag]:
    same = (
        each
        for each in matches
        if each.hazard == mention.hazard and each.stage != mention.stage and each.bits <= MAX_UNCHANGED_BITS
    )
    return [Flag("unchanged", amount=each.bits) for each in same][:1]


def _time_flags(mention: PhotoReference, photo: Photo, hazard: PhotoContext) -> list[Flag]:
    """Compares the picture's own clock, or else the time given by the phone, with the time of the step."""
    if "clock" in photo.oddities or (photo.taken_at and photo.taken_at > photo.received_at + LATE_TOLERANCE):
        return [Flag("clock")]
    taken = photo.taken_at or mention.taken_at
    if taken is None:
        return []
    earliest = _earliest_time(mention.stage, hazard)
    if taken < earliest:
        return [Flag("taken_early", amount=(earliest - taken) // _HOUR)]
    if taken > mention.at + LATE_TOLERANCE:
        return [Flag("taken_late", amount=(taken - mention.at) // _HOUR)]
    return []


def _earliest_time(stage: Stage, hazard: PhotoContext) -> datetime:
    """The earliest plausible time of a photo: a fix is later than the finding, a re-check later than the fix."""
    match stage:
        case Stage.BEFORE:
            return hazard.found_at - EARLY_TOLERANCE
        case Stage.AFTER:
            return hazard.found_at - EARLY_TOLERANCE_AFTER_FIND
        case _:
            return (hazard.submitted_at or hazard.found_at) - EARLY_TOLERANCE_AFTER_FIND


def _location_flags(mention: PhotoReference, photo: Photo, hazard: PhotoContext) -> list[Flag]:
    if "position" in photo.oddities:
        return [Flag("position")]
    point = photo.point or mention.point
    if point is None or hazard.point is None:
        return []
    apart = distance_m(point, hazard.point)
    allowed = MAX_DISTANCE_M + (point.accuracy_m or 0) + (hazard.point.accuracy_m or 0)
    return [Flag("far", amount=round(apart))] if apart > allowed else []
