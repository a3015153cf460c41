"""Upload limits that a client needs before it sends photos."""

from datetime import datetime

from litestar import get
from msgspec import Struct

from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.photos.bodies import MAX_PHOTOS_PER_REQUEST
from inspections.accounts.policy import PUBLIC
from inspections.photos.records import PHOTO_BYTES
from storage.photos.decoder_memory import BASELINE_JPEG, MAX_PIXELS, PHONE_HEIF
from storage.photos.formats import ACCEPTED_FORMATS


class Limits(Struct, frozen=True):
    """The upload limits of the server, and its clock.

    `pixels`: the most of any picture, by format. Two kinds may have more: baseline JPEG, and HEIC of 8 bits with colour
    4:2:0, as phones write it (0 where HEIC is not accepted). `pixels_other`: the least number of `pixels`.
    """

    server_time: datetime
    photo_bytes: int
    photos_per_request: int
    photo_formats: tuple[str, ...]
    pixels_baseline_jpeg: int
    pixels_phone_heic: int
    pixels_other: int
    pixels: dict[str, int]


@get("/limits", opt={"action": PUBLIC})
async def get_limits(request: AnyRequest) -> Limits:
    """Returns the limits of uploads, the time of the server and the sign-ins that it offers."""
    pixels = {kind: MAX_PIXELS[kind] for kind in ACCEPTED_FORMATS}
    heic = MAX_PIXELS[PHONE_HEIF] if "heif" in ACCEPTED_FORMATS else 0
    return Limits(
        app_context(request).clock(),
        PHOTO_BYTES,
        MAX_PHOTOS_PER_REQUEST,
        ACCEPTED_FORMATS,
        MAX_PIXELS[BASELINE_JPEG],
        heic,
        min(pixels.values()),
        pixels,
    )


ROUTES = [get_limits]
