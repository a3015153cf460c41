"""Photos and their flags as JSON."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from inspections.hazards.records import HazardReference
from inspections.photos.evidence import FLAGS, DeclaredPhoto
from inspections.photos.records import Flag, Stage
from inspections.places.coordinates import Point


class FlagView(Struct, frozen=True):
    """A reason to doubt a photo. `hazard`: the other hazard it was found on, if the caller may see that one too.

    `amount`: hours for times, metres for `far`, differing bits of 64 for similar pictures.
    """

    kind: str
    message: str
    amount: int | None
    hazard: HazardReference | None


class PhotoView(Struct, frozen=True):
    """A declared photo. `state`: missing until its sender has sent it, then received, developed or damaged."""

    sha256: str
    stage: Stage
    by: str | None
    at: datetime
    state: str
    taken_at: datetime | None
    point: Point | None
    camera: str | None
    flags: list[FlagView]


class ReceivedPhoto(Struct, frozen=True):
    sha256: str
    size: int
    format: str
    width: int
    height: int
    state: str


class ReceivedPhotos(Struct, frozen=True):
    photos: list[ReceivedPhoto]


def photo_views(
    shown: list[DeclaredPhoto], others: Mapping[UUID, HazardReference], *, knows_people: bool
) -> list[PhotoView]:
    """Each declared photo once per stage; where several people declared it, the one whose bytes are present."""
    views: dict[tuple[str, Stage], PhotoView] = {}
    for mention, photo in sorted(shown, key=lambda each: each.is_present) if len(shown) > 1 else shown:
        views[mention.sha256, mention.stage] = PhotoView(
            mention.sha256,
            mention.stage,
            mention.by if knows_people else None,
            mention.at,
            photo.state if photo else "missing",
            mention.taken_at or (photo.taken_at if photo else None),
            (mention.point or (photo.point if photo else None)) if knows_people else None,
            photo.camera if photo else None,
            [_flag_view(flag, others) for flag in mention.flags] if photo else [],
        )
    return list(views.values())


def _flag_view(flag: Flag, others: Mapping[UUID, HazardReference]) -> FlagView:
    return FlagView(flag.kind, FLAGS[flag.kind], flag.amount, others.get(flag.hazard) if flag.hazard else None)
