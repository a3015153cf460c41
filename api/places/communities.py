"""The routes that list, map and import communities."""

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from litestar import Response, get, post
from litestar.params import FromQuery
from litestar.status_codes import HTTP_200_OK

from api.accounts.security_log import caller_of
from api.http.bodies import AnyRequest
from api.http.context import context_of, person_of
from api.http.file_reader import one_of_few, read_body, read_file
from api.places.geojson import MEDIA_TYPE, areas, map_wanted
from api.places.views import CommunityList, CommunityView
from api.settings import Unfit
from inspections.accounts.actions.security_log import Caller, noted
from inspections.accounts.people import SYSTEM
from inspections.accounts.policy import EVERYWHERE, Scope, scope
from inspections.accounts.security_log import Event
from inspections.errors import Invalid
from inspections.places.actions import PlacesImported, import_places
from inspections.places.community_import import Gazetteer
from inspections.places.coordinates import Crs
from storage.database import open_database
from storage.engine.connections import owned
from storage.file_reading import Communities
from storage.migration import check
from storage.places.boundaries import outlines
from storage.repository import Repository

FILE_BYTES = 8_000_000
_OPTIONS = {"action": "place.manage", "body": bytes, "takes": "application/octet-stream"}


@get("/communities", opt={"action": "place.see"})
async def communities(request: AnyRequest) -> Response[CommunityList]:
    """Lists the communities within reach; with `Accept: application/geo+json` as a map, with geometry where known."""
    reach, database = scope(person_of(request), "place.see"), context_of(request).database

    def views(repository: Repository) -> CommunityList:
        return CommunityList(_views(repository, reach))

    def drawn(repository: Repository) -> dict[str, Any]:
        return areas([(each.code, each) for each in _views(repository, reach)], outlines(repository, reach))

    headers = {"Vary": "Accept"}
    if map_wanted(request):
        return Response(cast("Any", await database.read(drawn)), media_type=MEDIA_TYPE, headers=headers)
    return Response(await database.read(views), headers=headers)


def _views(repository: Repository, reach: Scope) -> list[CommunityView]:
    return [
        CommunityView(each.code, each.name, each.street, street.name if street else each.street)
        for each in repository.communities()
        if reach.covers_community(each.code)
        for street in [repository.street(each.street)]
    ]


@post("/communities/import", opt=_OPTIONS, status_code=HTTP_200_OK, request_max_body_size=FILE_BYTES)
async def communities_import(
    request: AnyRequest, apply: FromQuery[bool] = True, crs: FromQuery[Crs] = "wgs84"
) -> PlacesImported:
    """Imports communities from the body: CSV (`code`, `name`, and for new ones `street`, `abbreviation`) or GeoJSON.

    Listed communities are added or renamed, others stay; on any error nothing is imported (422 `file.lines`). With
    `apply=false` the result is only predicted and nothing is stored.
    """
    context, reach = context_of(request), scope(person_of(request), "place.manage")
    with one_of_few(context, person_of(request).username):
        said = await read_body(request, context, Communities(crs), Gazetteer)
        action = partial(import_places, reach=reach, said=said, apply=apply)
        if not apply:
            return (await context.database.read(action)).answer
        facts = {"lines": str(len(said.lines))}
        return await context.log.transact(action, Event.IMPORTED, caller_of(request), "communities", facts)


def imported(url: str, data: bytes, *, apply: bool) -> PlacesImported:
    """Imports communities from the command line, without a scope. Raises CommandError, DatabaseInUse, WrongSchema."""
    check(url)
    try:
        said = asyncio.run(read_file(Communities("wgs84"), Gazetteer, data))
    except Invalid as error:
        raise Unfit(str(error)) from error
    with owned(url) if apply else nullcontext():
        return asyncio.run(_imported(url, said, apply=apply))


async def _imported(url: str, said: Gazetteer, *, apply: bool) -> PlacesImported:
    database, now = open_database(url), datetime.now(UTC)
    action = partial(import_places, reach=EVERYWHERE, said=said)
    try:
        seen = (await database.read(partial(action, apply=False))).answer
        if not apply or seen.wrong:
            return seen
        facts = {"lines": str(seen.lines)}
        caller = Caller(SYSTEM, "local")
        return await database.transact(
            noted(partial(action, apply=True), Event.IMPORTED, caller, now, "communities", facts)
        )
    finally:
        await database.close()


ROUTES = [communities, communities_import]
