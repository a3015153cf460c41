"""Imports the office's old spreadsheet: a preview first, then all lines or none."""

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial

from litestar import post
from litestar.params import FromQuery
from litestar.status_codes import HTTP_200_OK

from api.accounts.security_log import caller_of
from api.http.bodies import AnyRequest
from api.http.context import context_of, person_of
from api.http.file_reader import one_of_few, read_body, read_file
from api.settings import Unfit
from inspections.accounts.actions.security_log import Caller, noted
from inspections.accounts.people import SYSTEM
from inspections.accounts.policy import EVERYWHERE, scope
from inspections.accounts.security_log import Event
from inspections.errors import Invalid
from inspections.ledger.actions.legacy_import import Imported, import_ledger, previewed
from inspections.ledger.legacy_import import Names, Understood, names_of
from storage.database import open_database
from storage.engine.connections import owned
from storage.file_reading import OldLedger
from storage.migration import check
from storage.repository import Repository

FILE_BYTES = 20_000_000
_OPTIONS = {"action": "ledger.import", "body": bytes, "takes": "application/octet-stream"}


@post("/ledger/import", opt=_OPTIONS, status_code=HTTP_200_OK, request_max_body_size=FILE_BYTES)
async def ledger_import(request: AnyRequest, apply: FromQuery[bool] = False) -> Imported:
    """Imports the file in the body: XLSX, XLS, ODS or CSV. Without `apply` it only previews the result.

    With it, every line becomes a hazard or, where any line has an error, none does (422 `file.lines`). A line that was
    imported before is left as it is.
    """
    context, person = context_of(request), person_of(request)
    reach = scope(person, "ledger.import")
    with one_of_few(context, person.username):
        order = OldLedger(await context.database.read(_names), context.clock())
        said = await read_body(request, context, order, Understood)
        if not apply:
            return await context.database.read(lambda repository: previewed(repository, reach, said))
        now = context.clock()
        action = partial(import_ledger, by=person.username, reach=reach, said=said, now=now)
        facts = {"lines": str(said.count)}
        return await context.log.transact(action, Event.IMPORTED, caller_of(request), "ledger", facts)


def _names(repository: Repository) -> Names:
    return names_of(repository.communities(), repository.categories())


def imported(url: str, data: bytes, username: str, *, apply: bool) -> Imported:
    """Imports a file from the command line, with access to all communities. Raises Unfit, Locked, WrongSchema."""
    check(url)
    with owned(url) if apply else nullcontext():
        return asyncio.run(_imported(url, data, username, apply=apply))


async def _imported(url: str, data: bytes, username: str, *, apply: bool) -> Imported:
    database, now = open_database(url), datetime.now(UTC)
    try:
        try:
            said = await read_file(OldLedger(await database.read(_names), now), Understood, data)
        except Invalid as error:
            raise Unfit(str(error)) from error
        if await database.read(lambda repository: repository.person(username)) is None:
            raise Unfit(f"there is no account {username}")
        seen = await database.read(partial(previewed, reach=EVERYWHERE, said=said))
        if not apply or seen.wrong:
            return seen
        action = partial(import_ledger, by=username, reach=EVERYWHERE, said=said, now=now)
        facts = {"lines": str(said.count)}
        return await database.transact(noted(action, Event.IMPORTED, Caller(SYSTEM, "local"), now, "ledger", facts))
    finally:
        await database.close()


ROUTES = [ledger_import]
