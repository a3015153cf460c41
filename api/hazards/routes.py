"""The routes that list hazards and return one hazard and its history."""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, cast
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from api.hazards import geojson
from api.hazards.filters import FILTERS
from api.hazards.views import (
    HazardList,
    HazardView,
    HistoryView,
    after_cursor,
    cursor_of,
    entry_view,
    hazard_view,
    hazard_views,
)
from api.http.bodies import AnyRequest
from api.http.context import context_of, person_of
from api.places.geojson import MEDIA_TYPE, map_wanted
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.errors import Forbidden
from inspections.hazards.contact_masking import contact_shown
from inspections.hazards.records import Dossier, Hazard
from inspections.photos.evidence import Shown
from inspections.remediation.actions.steps import visible
from storage.hazards.listing import After, HazardFilters, Reaches, page
from storage.repository import Repository

_PAGE = 100


@get("/hazards", opt={"action": "hazard.see"}, dependencies=FILTERS)
async def list_hazards(
    request: AnyRequest,
    filters: NamedDependency[HazardFilters],
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = _PAGE,
    cursor: FromQuery[str | None] = None,
) -> Response[HazardList]:
    """Lists hazards, newest report first, page by page; as a map with `Accept: application/geo+json`."""
    context, person = context_of(request), person_of(request)
    ask = partial(_page, person=person, filters=filters, after=after_cursor(cursor), limit=limit)
    found, more = await context.database.read(ask)
    views = hazard_views(found, person, filters.now, context.settings.asks)
    listed = HazardList(views, cursor_of(found[-1].hazard) if more else None)
    if map_wanted(request):
        return Response(cast("Any", geojson.feature_collection(listed)), media_type=MEDIA_TYPE)
    return Response(listed)


def _page(
    repository: Repository, person: Person, filters: HazardFilters, after: After | None, limit: int
) -> tuple[list[Dossier], bool]:
    reach = Reaches(scope(person, "hazard.see"), scope(person, "hazard.personal"))
    found = page(repository, reach, filters, after, limit + 1)
    return dossiers(repository, person, found[:limit]), len(found) > limit


def dossiers(repository: Repository, person: Person, hazards: Sequence[Hazard]) -> list[Dossier]:
    """Returns each hazard with its photos and the hazards that their flags refer to."""
    by_hazard: dict[UUID, list[Shown]] = {hazard.id: [] for hazard in hazards}
    for shown in repository.shown(list(by_hazard)):
        by_hazard[shown.mention.hazard].append(shown)
    others = repository.pointed_to(person, itertools.chain.from_iterable(by_hazard.values()))
    return [Dossier(hazard, by_hazard[hazard.id], others) for hazard in hazards]


@get("/hazards/{hazard_id:uuid}", opt={"action": "hazard.see"})
async def get_hazard(request: AnyRequest, hazard_id: FromPath[UUID]) -> HazardView:
    context, person = context_of(request), person_of(request)
    found = await context.database.read(partial(dossier, person=person, hazard_id=hazard_id))
    return hazard_view(found, person, context)


def dossier(repository: Repository, person: Person, hazard_id: UUID) -> Dossier:
    hazard = visible(repository, person, hazard_id)
    return dossiers(repository, person, [hazard])[0]


@get("/hazards/{hazard_id:uuid}/history", opt={"action": "hazard.see"})
async def get_history(request: AnyRequest, hazard_id: FromPath[UUID]) -> HistoryView:
    """Returns every history entry of a hazard, oldest first."""
    person = person_of(request)

    def ask(repository: Repository) -> HistoryView:
        hazard = visible(repository, person, hazard_id)
        if not scope(person, "hazard.history").covers(hazard):
            raise Forbidden
        whole = contact_shown(context_of(request).settings.asks, person, hazard)
        return HistoryView([entry_view(line, whole=whole) for line in repository.history(hazard.id)])

    return await context_of(request).database.read(ask)


ROUTES = [list_hazards, get_hazard, get_history]
