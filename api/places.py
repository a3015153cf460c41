"""What a phone needs to fill its forms, beside the communities: categories, limits."""

from datetime import datetime

from litestar import get
from msgspec import Struct

from api.bodies import PHOTO_BYTES, PHOTOS_AT_ONCE, AnyRequest
from api.house import house
from api.schemas import CategoryList
from inspections.policy import PUBLIC
from storage.formats import BASELINE_PIXELS, OTHER_PIXELS, TAKEN


class Limits(Struct, frozen=True):
    """What the server takes, and its clock."""

    server_time: datetime
    photo_bytes: int
    photos_per_request: int
    photo_formats: tuple[str, ...]
    pixels_baseline_jpeg: int
    pixels_other: int


@get("/categories", opt={"action": "place.see"})
async def categories(request: AnyRequest) -> CategoryList:
    return CategoryList(await house(request).database.read(lambda register: register.categories()))


@get("/limits", opt={"action": PUBLIC})
async def limits(request: AnyRequest) -> Limits:
    return Limits(house(request).clock(), PHOTO_BYTES, PHOTOS_AT_ONCE, TAKEN, BASELINE_PIXELS, OTHER_PIXELS)


ROUTES = [categories, limits]
