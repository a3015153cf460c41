"""The routes that list, map and import communities."""

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from litestar import Response, get, post
from litestar.params import FromQuery
from litestar.status_codes import HTTP_200_OK

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest
from api.http.context import app_context, current_person
from api.http.file_reader import file_slot, read_file, read_uploaded_file
from api.places.geojson import MEDIA_TYPE, area_collection, wants_map
from api.places.views import CommunityList, CommunityView
from api.settings import CommandError
from inspections.accounts.actions.security_log import Caller, with_security_event
from inspections.accounts.people import SYSTEM
from inspections.accounts.policy import EVERYWHERE, Scope, scope
from inspections.accounts.security_log import Event
from inspections.errors import InvalidInput
from inspections.places.actions import CommunityImportResult, import_places
from inspections.places.community_import import ParsedCommunities
from inspections.places.coordinates import Crs
from storage.database import open_database
from storage.engine.connections import write_access
from storage.file_reading import CommunitiesOrder
from storage.migration import check_schema
from storage.places.boundaries import community_outlines
from storage.repository import Repository

FILE_BYTES = 8_000_000
_OPTIONS = {"action": "place.manage", "body": bytes}


@get("/communities", opt={"action": "place.see"})
async def list_communities(request: AnyRequest) -> Response[CommunityList]:
    """Lists the communities within reach; with `Accept: application/geo+json` as a map, with geometry where known."""
    reach, database = scope(current_person(request), "place.see"), app_context(request).database

    def read_list(repository: Repository) -> CommunityList:
        return CommunityList(_community_views(repository, reach))

    def read_map(repository: Repository) -> dict[str, Any]:
        return area_collection(
            [(each.code, each) for each in _community_views(repository, reach)], community_outlines(repository, reach)
        )

    headers = {"Vary": "Accept"}
    if wants_map(request):
        return Response(cast("Any", await database.read(read_map)), media_type=MEDIA_TYPE, headers=headers)
    return Response(await database.read(read_list), headers=headers)


def _community_views(repository: Repository, reach: Scope) -> list[CommunityView]:
    return [
        CommunityView(each.code, each.name, each.street, street.name if street else each.street)
        for each in repository.communities()
        if reach.covers_community(each.code)
        for street in [repository.street(each.street)]
    ]


@post("/communities/import", opt=_OPTIONS, status_code=HTTP_200_OK, request_max_body_size=FILE_BYTES)
async def import_communities(
    request: AnyRequest, apply: FromQuery[bool] = True, crs: FromQuery[Crs] = "wgs84"
) -> CommunityImportResult:
    """Imports communities from the body: CSV (`code`, `name`, and for new ones `street`, `abbreviation`) or GeoJSON.

    Listed communities are added or renamed, others stay; on any error nothing is imported (422 `file.lines`). With
    `apply=false` the result is only predicted and nothing is stored.
    """
    context = app_context(request)
    with file_slot(context, current_person(request).username):
        listing = await read_uploaded_file(request, context, CommunitiesOrder(crs), ParsedCommunities)
        reach = scope(current_person(request), "place.manage")
        action = partial(import_places, reach=reach, listing=listing, apply=apply)
        if not apply:
            return (await context.database.read(action)).answer
        facts = {"lines": str(len(listing.lines))}
        return await context.log.transact(action, Event.IMPORTED, current_caller(request), "communities", facts)


def import_communities_locally(url: str, data: bytes, *, apply: bool) -> CommunityImportResult:
    """Imports communities from the command line, without a scope. Raises CommandError, DatabaseInUse, WrongSchema."""
    check_schema(url)
    try:
        listing = asyncio.run(read_file(CommunitiesOrder("wgs84"), ParsedCommunities, data))
    except InvalidInput as error:
        raise CommandError(str(error)) from error
    with write_access(url) if apply else nullcontext():
        return asyncio.run(_import_locally(url, listing, apply=apply))


async def _import_locally(url: str, listing: ParsedCommunities, *, apply: bool) -> CommunityImportResult:
    database, now = open_database(url), datetime.now(UTC)
    action = partial(import_places, reach=EVERYWHERE, listing=listing)
    try:
        seen = (await database.read(partial(action, apply=False))).answer
        if not apply or seen.wrong:
            return seen
        facts = {"lines": str(seen.lines)}
        caller = Caller(SYSTEM, "local")
        return await database.transact(
            with_security_event(partial(action, apply=True), Event.IMPORTED, caller, now, "communities", facts)
        )
    finally:
        await database.close()


ROUTES = [list_communities, import_communities]
