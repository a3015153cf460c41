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

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest
from api.http.context import AppContext, app_context, current_person
from api.http.file_reader import file_slot
from api.http.problems import StalledTransfer
from api.http.responses import public_link
from api.http.tables import MEDIA_TYPES, TableFormat
from api.ledger.exporter import COMMAND
from api.statistics.filters import FILTERS, select_communities
from inspections.accounts.policy import scope
from inspections.accounts.security_log import Event
from inspections.errors import FileTooComplex, Unavailable
from inspections.ledger.exports import ExportForm
from inspections.ledger.selection import Selection
from storage.ledger.export_process import ExportOrder
from storage.photos.incoming import check_free_space
from storage.process_limits import WRITING, has_exceeded_limits
from storage.repository import Repository
from storage.statistics.metrics import Filters

log = structlog.get_logger()

_PIECE = 256 * 1024
_LOOK_SECONDS = 0.02
_STALL_SECONDS = 60.0
"""Seconds without a byte read by the client before the download is ended: a slow connection is not stalled."""


@get("/ledger.csv", opt={"action": "ledger.export"}, dependencies=FILTERS, media_type="text/csv")
async def download_ledger_csv(request: AnyRequest, filters: NamedDependency[Filters]) -> Stream:
    """Every hazard of the period, one per line, as of this moment, today included; without alert checks.

    The last line has `#`, the number of lines, and `sha256:` with the digest of all bytes before it. A file without
    that line is incomplete.
    """
    return await _stream_ledger(request, filters, TableFormat.CSV)


@get("/ledger.xlsx", opt={"action": "ledger.export"}, dependencies=FILTERS, media_type=MEDIA_TYPES[TableFormat.XLSX])
async def download_ledger_xlsx(request: AnyRequest, filters: NamedDependency[Filters]) -> Stream:
    """The same as a workbook, on as many sheets as needed; the response starts when the file is complete."""
    return await _stream_ledger(request, filters, TableFormat.XLSX)


async def _stream_ledger(request: AnyRequest, filters: Filters, form: TableFormat) -> Stream:
    context = app_context(request)
    selection = await context.database.read(lambda repository: build_selection(repository, request, filters))
    stack = AsyncExitStack()
    try:
        on_made = stack.enter_context(file_slot(context, current_person(request).username))
        made = await _start_process(stack, context, selection, form)
        await context.log.record(
            Event.EXPORTED, current_caller(request), "ledger", {"form": form.value, **filter_facts(filters)}
        )
    except BaseException:
        await stack.aclose()
        raise
    named = {"Content-Disposition": f'attachment; filename="ledger.{form}"', "X-Accel-Buffering": "no"}
    return Stream(_stream_pieces(stack, *made, on_made), media_type=MEDIA_TYPES[form], headers=named)


def build_selection(repository: Repository, request: AnyRequest, filters: Filters) -> Selection:
    person = current_person(request)
    see = scope(person, "ledger.export")
    select_communities(repository, see, filters)
    kinds = tuple(each.code for each in repository.categories() if not each.from_device and filters.includes(each))
    return Selection(
        see,
        scope(person, "hazard.personal"),
        public_link(request, ""),
        filters.community,
        filters.street,
        kinds,
        filters.severity,
        filters.source,
        filters.first,
        filters.last,
    )


def filter_facts(filters: Filters) -> dict[str, str]:
    found = ((name, getattr(filters, name)) for name in filters.__struct_fields__)
    return {name: str(value) for name, value in found if value is not None}


async def _start_process(
    stack: AsyncExitStack, context: AppContext, selection: Selection, form: TableFormat
) -> tuple[Process, BinaryIO]:
    """Starts a process that writes a ledger, and returns it with its file, which has no name and vanishes when closed.

    Raises DiskFull before it starts, Unavailable where it ends without a byte, FileTooComplex where it exceeds its
    limits. `stack` ends the process.
    """
    context.settings.incoming_folder.mkdir(parents=True, exist_ok=True)
    check_free_space(context.settings.incoming_folder)
    file = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile(dir=context.settings.incoming_folder)))  # noqa: SIM115  # by the stack
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=PIPE, stdout=file)
    stack.push_async_callback(_end_process, process)
    ordering = cast("asyncio.StreamWriter", process.stdin)
    ordering.write(msgspec.json.encode(ExportOrder(context.settings.database_url, ExportForm(form.value), selection)))
    ordering.close()
    until = time.monotonic() + WRITING.seconds
    while not (os.fstat(file.fileno()).st_size if form is TableFormat.CSV else process.returncode == 0):
        if process.returncode or time.monotonic() > until:
            log.error("ledger failed", status=process.returncode)
            raise FileTooComplex if has_exceeded_limits(process.returncode) else Unavailable
        await asyncio.sleep(_LOOK_SECONDS)
    return process, file


async def _stream_pieces(
    stack: AsyncExitStack, process: Process, file: BinaryIO, on_made: Callable[[], None]
) -> AsyncGenerator[bytes]:
    """The bytes written so far, then those that follow. A failed process breaks the response off, so clients notice.

    `on_made` is called once the file is complete, before its last bytes are taken.
    """
    sent, ended, offered = 0, False, False
    watch = asyncio.create_task(_watch_reader(stack, lambda: sent if offered else None))
    try:
        async with stack:
            while not ended:
                if ended := process.returncode is not None:
                    on_made()
                while piece := await asyncio.to_thread(os.pread, file.fileno(), _PIECE, sent):
                    sent, offered = sent + len(piece), True
                    yield piece
                    offered = False
                    if file.closed:
                        raise StalledTransfer
                if not ended:
                    await asyncio.sleep(_LOOK_SECONDS)
            if process.returncode:
                raise Unavailable
    finally:
        watch.cancel()


async def _watch_reader(stack: AsyncExitStack, offered: Callable[[], int | None]) -> None:
    """Closes file, process and file slot of a client that stops reading, since slots are few.

    `offered`: the number of bytes sent so far; None while it is the process that has to write.
    """
    known = None
    while (now := offered()) is None or now != known:
        known = now
        await asyncio.sleep(_STALL_SECONDS)
    log.warning("ledger was not taken", sent=known)
    await stack.aclose()


async def _end_process(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


ROUTES = [download_ledger_csv, download_ledger_xlsx]
