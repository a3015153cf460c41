"""What a phone needs to fill its forms: communities, categories, limits."""

from datetime import datetime

from litestar import get
from msgspec import Struct

from api.bodies import PHOTO_BYTES, PHOTOS_AT_ONCE, AnyRequest
from api.house import house, person_of
from api.schemas import CategoryList, CommunityList, CommunityView
from inspections.policy import PUBLIC, scope
from storage.formats import BASELINE_PIXELS, OTHER_PIXELS, TAKEN
from storage.register import Register


class Limits(Struct, frozen=True):
    """What the server takes, and its clock."""

    server_time: datetime
    photo_bytes: int
    photos_per_request: int
    photo_formats: tuple[str, ...]
    pixels_baseline_jpeg: int
    pixels_other: int


@get("/communities", opt={"action": "place.see"})
async def communities(request: AnyRequest) -> CommunityList:
    reach = scope(person_of(request), "place.see")

    def views(register: Register) -> list[CommunityView]:
        return [
            CommunityView(each.code, each.name, each.street, street.name if street else each.street)
            for each in register.communities()
            if reach.covers_community(each.code)
            for street in [register.street(each.street)]
        ]

    return CommunityList(await house(request).database.read(views))


@get("/categories", opt={"action": "place.see"})
async def categories(request: AnyRequest) -> CategoryList:
    return CategoryList(await house(request).database.read(lambda register: register.categories()))


@get("/limits", opt={"action": PUBLIC})
async def limits(request: AnyRequest) -> Limits:
    return Limits(house(request).clock(), PHOTO_BYTES, PHOTOS_AT_ONCE, TAKEN, BASELINE_PIXELS, OTHER_PIXELS)


ROUTES = [communities, categories, limits]
