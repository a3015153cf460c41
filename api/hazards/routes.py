"""The routes that list hazards and return one hazard and its history."""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import UNSET, UnsetType

from api.hazards import geojson
from api.hazards.filters import FILTERS
from api.hazards.rendered import RenderedHazards
from api.hazards.views import (
    HazardList,
    HazardView,
    HistoryView,
    decode_cursor,
    encode_cursor,
    hazard_view,
    hazard_views,
    history_entry_view,
)
from api.http.bodies import AnyRequest
from api.http.context import app_context, current_person
from api.http.responses import JsonResponse
from api.places.geojson import MEDIA_TYPE, wants_map
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.errors import Forbidden, InvalidInput
from inspections.hazards.contact_masking import may_see_contact
from inspections.hazards.records import Hazard, HazardWithPhotos
from inspections.photos.evidence import DeclaredPhoto
from inspections.remediation.actions.steps import get_visible_hazard
from storage.hazards.filters import HazardFilters
from storage.hazards.listing import (
    NEWEST_FIRST,
    HazardCursor,
    ListScopes,
    Sort,
    hazard_page,
    list_total,
    page_cursor,
)
from storage.hazards.queries import history_page
from storage.repository import Repository

_PAGE_SIZE = 100
_POSITION_DIGITS = 9


@get("/hazards", opt={"action": "hazard.see"}, dependencies=FILTERS)
async def list_hazards(
    request: AnyRequest,
    filters: NamedDependency[HazardFilters],
    sort: FromQuery[Sort] = NEWEST_FIRST,
    count: FromQuery[bool] = False,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE_SIZE,
    cursor: FromQuery[str | None] = None,
) -> Response[HazardList]:
    """Lists hazards, newest report first, page by page; as a map with `Accept: application/geo+json`.

    `sort`: another order; `-` is descending, and hazards without a deadline come last. `count=true` adds `total`. A
    filter may have several values (`state=accepted&state=assigned`): any of them matches.
    """
    context, person = app_context(request), current_person(request)
    after = decode_cursor(cursor, filters, sort)
    ask = partial(_read_page, person=person, filters=filters, sort=sort, after=after, limit=limit, count=count)
    found, more, total = await context.database.read(ask)
    next_cursor = encode_cursor(page_cursor(found[-1].hazard, filters, sort)) if more else None
    if wants_map(request):
        views = hazard_views(found, person, filters.now, context.settings.security_profile)
        collection = geojson.feature_collection(HazardList(views, next_cursor, total))
        return Response(cast("Any", collection), media_type=MEDIA_TYPE)
    profile = context.settings.security_profile
    rendered: Any = context.part(RenderedHazards).render(found, person, filters.now, profile)
    return JsonResponse(HazardList(rendered, next_cursor, total))


def _read_page(
    repository: Repository,
    person: Person,
    filters: HazardFilters,
    sort: Sort,
    after: HazardCursor | None,
    limit: int,
    *,
    count: bool,
) -> tuple[list[HazardWithPhotos], bool, int | UnsetType]:
    """Reads a page, whether there are more, and the number of all if it is asked for."""
    reach = ListScopes(scope(person, "hazard.see"), scope(person, "hazard.personal"))
    found = hazard_page(repository, reach, filters, after, limit + 1, sort)
    total = list_total(repository, reach, filters) if count else UNSET
    return hazards_with_photos(repository, person, found[:limit]), len(found) > limit, total


def hazards_with_photos(repository: Repository, person: Person, hazards: Sequence[Hazard]) -> list[HazardWithPhotos]:
    """Returns each hazard with its photos and the hazards that their flags refer to."""
    by_hazard: dict[UUID, list[DeclaredPhoto]] = {hazard.id: [] for hazard in hazards}
    for shown in repository.declared_photos(list(by_hazard)):
        by_hazard[shown.mention.hazard].append(shown)
    others = repository.referenced_hazards(person, itertools.chain.from_iterable(by_hazard.values()))
    return [HazardWithPhotos(hazard, by_hazard[hazard.id], others) for hazard in hazards]


@get("/hazards/{hazard_id:uuid}", opt={"action": "hazard.see"})
async def get_hazard(request: AnyRequest, hazard_id: FromPath[UUID]) -> HazardView:
    """Returns one hazard."""
    context, person = app_context(request), current_person(request)
    found = await context.database.read_row(partial(hazard_with_photos, person=person, hazard_id=hazard_id))
    return hazard_view(found, person, context)


def hazard_with_photos(repository: Repository, person: Person, hazard_id: UUID) -> HazardWithPhotos:
    hazard = get_visible_hazard(repository, person, hazard_id)
    return hazards_with_photos(repository, person, [hazard])[0]


@get("/hazards/{hazard_id:uuid}/history", opt={"action": "hazard.see"})
async def get_history(
    request: AnyRequest,
    hazard_id: FromPath[UUID],
    sort: FromQuery[Literal["seq", "-seq"]] = "seq",
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE_SIZE,
    cursor: FromQuery[str | None] = None,
) -> HistoryView:
    """Returns the history of a hazard page by page, oldest entry first; newest first with `sort=-seq`.

    Follow `next_cursor` until it is null. Entries are only ever appended, so pages neither overlap nor leave any out.
    """
    person, after = current_person(request), _decode_position(cursor)

    def read_history(repository: Repository) -> HistoryView:
        hazard = get_visible_hazard(repository, person, hazard_id)
        if not scope(person, "hazard.history").covers(hazard):
            raise Forbidden
        whole = may_see_contact(app_context(request).settings.security_profile, person, hazard)
        found = history_page(repository, hazard.id, after, limit + 1, newest_first=sort == "-seq")
        party = hazard.responsible_party
        views = [history_entry_view(line, whole=whole, party=party) for line in found[:limit]]
        return HistoryView(views, str(views[-1].seq) if len(found) > limit else None)

    return await app_context(request).database.read(read_history)


def _decode_position(cursor: str | None) -> int | None:
    """Decodes a cursor of the history: the number of the last entry seen. Raises InvalidInput."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _POSITION_DIGITS):
        raise InvalidInput(("cursor", "游标无效，请从第一页开始"))
    return int(cursor)


ROUTES = [list_hazards, get_hazard, get_history]
