"""The office's old spreadsheet comes in: looked at first, then kept as a whole."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial

import msgspec
import structlog
from litestar import post
from litestar.params import FromQuery
from litestar.status_codes import HTTP_200_OK

from api.accounts import Unfit
from api.bodies import AnyRequest, chunks
from api.house import House, house, person_of
from api.ledger import one_of_few
from api.security_log import caller_of
from inspections.actions.old_ledger import Imported, import_ledger, previewed
from inspections.actions.security import Caller, noted
from inspections.errors import Invalid
from inspections.old_ledger import Names, Understood, names_of
from inspections.people import SYSTEM
from inspections.policy import EVERYWHERE, scope
from inspections.security import Event
from storage.cells import UNREADABLE
from storage.database import open_database, owned
from storage.migration import check
from storage.register import Register
from storage.spreadsheet import Order, Read, read

log = structlog.get_logger()

FILE_BYTES = 20_000_000
_OPTIONS = {"action": "ledger.import", "body": bytes, "takes": "application/octet-stream"}
_COMMAND = (sys.executable, "-m", "storage.spreadsheet")


@post("/ledger/import", opt=_OPTIONS, status_code=HTTP_200_OK, request_max_body_size=FILE_BYTES)
async def ledger_import(request: AnyRequest, apply: FromQuery[bool] = False) -> Imported:
    """The body is the file: XLSX, XLS, ODS or CSV. Without `apply` it says what would come of it, and keeps nothing.

    With it, every line becomes a case or, where anything is wrong with any, none (422 `file.lines`). A line that was
    imported before is left as it is.
    """
    home, person = house(request), person_of(request)
    reach = scope(person, "ledger.import")
    with one_of_few(home, person.username):
        said = await _understood(home, b"".join([chunk async for chunk in chunks(request)]))
        if not apply:
            return await home.database.read(lambda register: previewed(register, reach, said))
        now = home.clock()
        action = partial(import_ledger, by=person.username, reach=reach, said=said, now=now)
        facts = {"lines": str(said.count)}
        return await home.log.transact(action, Event.IMPORTED, caller_of(request), "ledger", facts)


async def _understood(home: House, data: bytes) -> Understood:
    """What the file says, read by a process of its own. Raises Invalid."""
    order = Order(await home.database.read(_names), home.clock())
    process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=PIPE, stdout=PIPE)
    try:
        answer, _ = await process.communicate(msgspec.json.encode(order) + b"\n" + data)
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        log.warning("spreadsheet was not read", status=process.returncode, size=len(data))
        raise Invalid(("file", UNREADABLE))
    found = msgspec.json.decode(answer, type=Read)
    if found.said is None:
        raise Invalid(*found.errors)
    return found.said


def _names(register: Register) -> Names:
    return names_of(register.communities(), register.categories())


def imported(url: str, data: bytes, username: str, *, apply: bool) -> Imported:
    """The same at the machine itself, everywhere. Raises Unfit, Locked, WrongSchema."""
    check(url)
    with owned(url) if apply else nullcontext():
        return asyncio.run(_imported(url, data, username, apply=apply))


async def _imported(url: str, data: bytes, username: str, *, apply: bool) -> Imported:
    database, now = open_database(url), datetime.now(UTC)
    try:
        found = read(data, await database.read(_names), now)
        if found.said is None:
            raise Unfit("; ".join(words for _, words in found.errors))
        if await database.read(lambda register: register.person(username)) is None:
            raise Unfit(f"there is no account {username}")
        seen = await database.read(partial(previewed, reach=EVERYWHERE, said=found.said))
        if not apply or seen.wrong:
            return seen
        action = partial(import_ledger, by=username, reach=EVERYWHERE, said=found.said, now=now)
        facts = {"lines": str(found.said.count)}
        return await database.transact(noted(action, Event.IMPORTED, Caller(SYSTEM, "local"), now, "ledger", facts))
    finally:
        await database.close()


ROUTES = [ledger_import]
