"""What a phone needs to fill its forms: communities, categories, people to assign, limits."""

from datetime import datetime

from litestar import get
from litestar.params import FromQuery
from msgspec import Struct

from api.bodies import PHOTO_BYTES, PHOTOS_AT_ONCE, AnyRequest
from api.house import house, person_of
from api.schemas import CategoryList, CommunityList, CommunityView, PersonList, person_view
from inspections.errors import Missing
from inspections.people import Grant, Role
from inspections.policy import PUBLIC, Scope, scope
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


@get("/people", opt={"action": "people.see"})
async def people(
    request: AnyRequest, role: FromQuery[Role | None] = None, community: FromQuery[str | None] = None
) -> PersonList:
    """Who can be assigned: people with a grant in the caller's communities, by role and community."""
    reach = scope(person_of(request), "people.see")
    found, known = await house(request).database.read(
        lambda register: (register.people(), community is None or register.community(community) is not None)
    )
    if not known or (community is not None and not reach.covers_community(community)):
        raise Missing("community", "community")
    return PersonList(
        [
            person_view(person)
            for person in found
            if person.active and any(_matches(grant, reach, role, community) for grant in person.grants)
        ]
    )


def _matches(grant: Grant, reach: Scope, role: Role | None, community: str | None) -> bool:
    if role is not None and grant.role != role:
        return False
    if community is not None:
        return community.startswith(grant.scope)
    return any(grant.scope.startswith(prefix) or prefix.startswith(grant.scope) for prefix in reach.communities)


@get("/limits", opt={"action": PUBLIC})
async def limits(request: AnyRequest) -> Limits:
    return Limits(house(request).clock(), PHOTO_BYTES, PHOTOS_AT_ONCE, TAKEN, BASELINE_PIXELS, OTHER_PIXELS)


ROUTES = [communities, categories, people, limits]
