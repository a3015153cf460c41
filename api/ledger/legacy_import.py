"""Imports the office's old spreadsheet: a preview first, then all lines or none."""

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial

import structlog
from litestar import post
from litestar.params import FromQuery
from litestar.status_codes import HTTP_200_OK

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest
from api.http.context import app_context, current_person
from api.http.file_reader import file_slot, read_file, read_uploaded_file
from api.settings import CommandError
from inspections.accounts.actions.security_log import Caller, with_security_event
from inspections.accounts.people import SYSTEM
from inspections.accounts.policy import EVERYWHERE, scope
from inspections.accounts.security_log import Event
from inspections.errors import InvalidInput, Unavailable
from inspections.ledger.actions.layout import ledger_layout
from inspections.ledger.actions.legacy_import import LedgerImportResult, import_ledger, preview_import
from inspections.ledger.choices import build_name_index
from inspections.ledger.layout import own_titles
from inspections.ledger.legacy_import import ParsedLedger
from storage.database import open_database
from storage.engine.connections import analyze, write_access
from storage.file_reading import LedgerOrder
from storage.migration import check_schema
from storage.repository import Repository

log = structlog.get_logger()

FILE_BYTES = 20_000_000
_OPTIONS = {"action": "ledger.import", "body": bytes}


@post("/ledger/import", opt=_OPTIONS, status_code=HTTP_200_OK, request_max_body_size=FILE_BYTES)
async def import_uploaded_ledger(request: AnyRequest, apply: FromQuery[bool] = False) -> LedgerImportResult:
    """Imports the file in the body: XLSX, XLS, ODS, CSV, text with tabs, or an HTML table called .xls.

    Without `apply` it only previews the result. With it, every line becomes a hazard or, where any line has an error,
    none does (422 `file.lines`). A line that was imported before is left as it is.
    """
    context, username = app_context(request), current_person(request).username
    with file_slot(context, username):
        order = await context.database.read(partial(_ledger_order, now=context.clock()))
        ledger = await read_uploaded_file(request, context, order, ParsedLedger)
        reach = scope(current_person(request), "ledger.import")
        if not apply:
            return await context.database.read(lambda repository: preview_import(repository, reach, ledger))
        now = context.clock()
        action = partial(import_ledger, by=username, reach=reach, ledger=ledger, now=now)
        facts = {"lines": str(ledger.count)}
        done = await context.log.transact(action, Event.IMPORTED, current_caller(request), "ledger", facts)
        try:
            await asyncio.to_thread(analyze, context.settings.database_url)
        except Unavailable as error:  # the import is committed
            log.warning("statistics not renewed", reason=str(error.__cause__))
        return done


def _ledger_order(repository: Repository, now: datetime) -> LedgerOrder:
    names = build_name_index(repository.communities(), repository.categories())
    return LedgerOrder(names, now, own_titles(ledger_layout(repository)))


def import_ledger_file(url: str, data: bytes, username: str, *, apply: bool) -> LedgerImportResult:
    """Imports a file from the command line, with access to all communities.

    Raises CommandError, DatabaseInUse, WrongSchema.
    """
    check_schema(url)
    with write_access(url) if apply else nullcontext():
        return asyncio.run(_import_ledger_file(url, data, username, apply=apply))


async def _import_ledger_file(url: str, data: bytes, username: str, *, apply: bool) -> LedgerImportResult:
    database, now = open_database(url), datetime.now(UTC)
    try:
        try:
            ledger = await read_file(await database.read(partial(_ledger_order, now=now)), ParsedLedger, data)
        except InvalidInput as error:
            raise CommandError(str(error)) from error
        if await database.read(lambda repository: repository.person(username)) is None:
            raise CommandError(f"there is no account {username}")
        seen = await database.read(partial(preview_import, reach=EVERYWHERE, ledger=ledger))
        if not apply or seen.wrong:
            return seen
        action = partial(import_ledger, by=username, reach=EVERYWHERE, ledger=ledger, now=now)
        facts = {"lines": str(ledger.count)}
        done = await database.transact(
            with_security_event(action, Event.IMPORTED, Caller(SYSTEM, "local"), now, "ledger", facts)
        )
        analyze(url)
        return done
    finally:
        await database.close()


ROUTES = [import_uploaded_ledger]
