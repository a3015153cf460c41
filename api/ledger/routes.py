"""Downloads of the ledger (电子台账), streamed while a process writes it."""

import asyncio
import os
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, suppress
from typing import BinaryIO, cast

import msgspec
import structlog
from litestar import get
from litestar.di import NamedDependency
from litestar.response import Stream

from api.accounts.security_log import caller_of
from api.http.bodies import AnyRequest
from api.http.context import AppContext, context_of, person_of
from api.http.file_reader import one_of_few
from api.http.problems import Stalled
from api.http.responses import public_url
from api.http.tables import MEDIA_TYPES, Form
from api.ledger.exporter import COMMAND
from api.statistics.filters import FILTERS, chosen
from inspections.accounts.policy import scope
from inspections.accounts.security_log import Event
from inspections.errors import TooCostly, Unavailable
from inspections.ledger.exports import ExportForm
from inspections.ledger.selection import Selection
from storage.ledger.export_process import Order
from storage.process_limits import WRITING, took_too_much
from storage.repository import Repository
from storage.statistics.metrics import Filters

log = structlog.get_logger()

_PIECE = 256 * 1024
_LOOK_SECONDS = 0.02
_STALL_SECONDS = 60.0
"""Seconds without a byte read by the client before the download is ended: a slow connection is not stalled."""


@get("/ledger.csv", opt={"action": "ledger.export"}, dependencies=FILTERS, media_type="text/csv")
async def ledger_csv(request: AnyRequest, filters: NamedDependency[Filters]) -> Stream:
    """Every hazard of the period, one per line, as of this moment, today included; without alert checks.

    The last line has `#`, the number of lines, and `sha256:` with the digest of all bytes before it. A file without
    that line is incomplete.
    """
    return await _sent(request, filters, Form.CSV)


@get("/ledger.xlsx", opt={"action": "ledger.export"}, dependencies=FILTERS, media_type=MEDIA_TYPES[Form.XLSX])
async def ledger_xlsx(request: AnyRequest, filters: NamedDependency[Filters]) -> Stream:
    """The same as a workbook, on as many sheets as needed; the response starts when the file is complete."""
    return await _sent(request, filters, Form.XLSX)


async def _sent(request: AnyRequest, filters: Filters, form: Form) -> Stream:
    context = context_of(request)
    selection = await context.database.read(lambda repository: selected(repository, request, filters))
    stack = AsyncExitStack()
    try:
        stack.enter_context(one_of_few(context, person_of(request).username))
        made = await _begun(stack, context, selection, form)
        await context.log.note(Event.EXPORTED, caller_of(request), "ledger", {"form": form.value, **asked(filters)})
    except BaseException:
        await stack.aclose()
        raise
    named = {"Content-Disposition": f'attachment; filename="ledger.{form}"', "X-Accel-Buffering": "no"}
    return Stream(_pieces(stack, *made), media_type=MEDIA_TYPES[form], headers=named)


def selected(repository: Repository, request: AnyRequest, filters: Filters) -> Selection:
    person = person_of(request)
    see = scope(person, "ledger.export")
    chosen(repository, see, filters)
    kinds = tuple(
        each.code
        for each in repository.categories()
        if not each.from_device and filters.category in {None, each.code} and filters.group in {None, each.group}
    )
    return Selection(
        see,
        scope(person, "hazard.personal"),
        public_url(request),
        filters.community,
        filters.street,
        kinds,
        filters.severity,
        filters.source,
        filters.first,
        filters.last,
    )


def asked(filters: Filters) -> dict[str, str]:
    found = ((name, getattr(filters, name)) for name in filters.__struct_fields__)
    return {name: str(value) for name, value in found if value is not None}


async def _begun(
    stack: AsyncExitStack, context: AppContext, selection: Selection, form: Form
) -> tuple[Process, BinaryIO]:
    """Starts a process that writes a ledger, and returns it with its file, which has no name and vanishes when closed.

    Raises Unavailable where it ends without a byte, TooCostly where it exceeds its limits. `stack` ends the process.
    """
    context.settings.scratch.mkdir(parents=True, exist_ok=True)
    file = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile(dir=context.settings.scratch)))  # noqa: SIM115  # by the stack
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=PIPE, stdout=file)
    stack.push_async_callback(_ended, process)
    ordering = cast("asyncio.StreamWriter", process.stdin)
    ordering.write(msgspec.json.encode(Order(context.settings.database_url, ExportForm(form.value), selection)))
    ordering.close()
    until = time.monotonic() + WRITING.seconds
    while not (os.fstat(file.fileno()).st_size if form is Form.CSV else process.returncode == 0):
        if process.returncode or time.monotonic() > until:
            log.error("ledger failed", status=process.returncode)
            raise TooCostly if took_too_much(process.returncode) else Unavailable
        await asyncio.sleep(_LOOK_SECONDS)
    return process, file


async def _pieces(stack: AsyncExitStack, process: Process, file: BinaryIO) -> AsyncGenerator[bytes]:
    """The bytes written so far, then those that follow. A failed process breaks the response off, so clients notice."""
    sent, ended, offered = 0, False, False
    watch = asyncio.create_task(_watched(stack, lambda: sent if offered else None))
    try:
        async with stack:
            while not ended:
                ended = process.returncode is not None
                while piece := await asyncio.to_thread(os.pread, file.fileno(), _PIECE, sent):
                    sent, offered = sent + len(piece), True
                    yield piece
                    offered = False
                    if file.closed:
                        raise Stalled
                if not ended:
                    await asyncio.sleep(_LOOK_SECONDS)
            if process.returncode:
                raise Unavailable
    finally:
        watch.cancel()


async def _watched(stack: AsyncExitStack, offered: Callable[[], int | None]) -> None:
    """Closes file, process and file slot of a client that stops reading, since slots are few.

    `offered`: the number of bytes sent so far; None while it is the process that has to write.
    """
    known = None
    while (now := offered()) is None or now != known:
        known = now
        await asyncio.sleep(_STALL_SECONDS)
    log.warning("ledger was not taken", sent=known)
    await stack.aclose()


async def _ended(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


ROUTES = [ledger_csv, ledger_xlsx]
