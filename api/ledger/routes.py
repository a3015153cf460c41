"""Downloads of the ledger (电子台账), which a process writes first, so that its digest stands before it."""

import asyncio
import base64
import hashlib
import os
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from typing import BinaryIO, cast
from urllib.parse import quote

import msgspec
import structlog
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
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
from inspections.calendar import shanghai_date
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
_STALL_SECONDS = 60.0
"""Seconds without a byte read by the client before the download is ended: a slow connection is not stalled."""


@get("/ledger.csv", opt={"action": "ledger.export"}, dependencies=FILTERS, media_type="text/csv")
async def download_ledger_csv(
    request: AnyRequest, filters: NamedDependency[Filters], proof: FromQuery[bool] = False
) -> Stream:
    """Every hazard of the period, one per line, as of this moment, today included; without alert checks.

    `Content-Digest` (RFC 9530) has the digest of the file, `Anxun-Lines` the number of its lines. With `proof` the last
    line has `#`, the number of lines, and `sha256:` with the digest of all bytes before it.
    """
    return await _stream_ledger(request, filters, TableFormat.CSV, proof=proof)


@get("/ledger.xlsx", opt={"action": "ledger.export"}, dependencies=FILTERS, media_type=MEDIA_TYPES[TableFormat.XLSX])
async def download_ledger_xlsx(request: AnyRequest, filters: NamedDependency[Filters]) -> Stream:
    """The same as a workbook, on as many sheets as needed; the response starts when the file is complete."""
    return await _stream_ledger(request, filters, TableFormat.XLSX)


async def _stream_ledger(request: AnyRequest, filters: Filters, form: TableFormat, *, proof: bool = False) -> Stream:
    """Answers when the file is complete: its length and its digest stand before it."""
    context = app_context(request)
    selection = await context.database.read(lambda repository: build_selection(repository, request, filters))
    stack = AsyncExitStack()
    try:
        on_made = stack.enter_context(file_slot(context, current_person(request).username))
        order = ExportOrder(
            context.settings.database_url, ExportForm(form.value), selection, context.clock(), proof=proof
        )
        file, lines = await _make_file(stack, context, order)
        on_made()
        digest = await asyncio.to_thread(_content_digest, file)
        await context.log.record(
            Event.EXPORTED, current_caller(request), "ledger", {"form": form.value, **filter_facts(filters)}
        )
    except BaseException:
        await stack.aclose()
        raise
    size = os.fstat(file.fileno()).st_size
    named = {
        "Content-Disposition": file_disposition(form, context.clock()),
        "Content-Length": str(size),
        "Content-Digest": digest,
        "Anxun-Lines": str(lines),
        "X-Accel-Buffering": "no",
    }
    return Stream(_stream_pieces(stack, file, size), media_type=MEDIA_TYPES[form], headers=named)


def file_disposition(form: str, now: datetime) -> str:
    """The name of the file: 隐患台账 and its day (RFC 6266, RFC 8187), and one in ASCII for old clients."""
    name = quote(f"隐患台账-{shanghai_date(now):%Y-%m-%d}.{form}")
    return f"attachment; filename=\"ledger.{form}\"; filename*=UTF-8''{name}"


def _content_digest(file: BinaryIO) -> str:
    """The digest of the file as a field of RFC 9530."""
    with os.fdopen(os.dup(file.fileno()), "rb") as read:
        read.seek(0)
        return digest_field(hashlib.file_digest(read, "sha256").digest())


def digest_field(digest: bytes) -> str:
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


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
    """The given filters for the security log; several values are separated by commas."""
    several = {
        "community": filters.community,
        "street": filters.street,
        "category": filters.category,
        "group": filters.group,
        "severity": filters.severity,
        "source": filters.source,
    }
    days = {"first": filters.first, "last": filters.last}
    return {name: ",".join(values) for name, values in several.items() if values} | {
        name: str(day) for name, day in days.items() if day is not None
    }


async def _make_file(stack: AsyncExitStack, context: AppContext, order: ExportOrder) -> tuple[BinaryIO, int]:
    """Has a process write a ledger; returns the file, which has no name and vanishes when closed, and its lines.

    Raises DiskFull before it starts, Unavailable where it fails, FileTooComplex where it exceeds its limits. `stack`
    ends the process.
    """
    context.settings.incoming_folder.mkdir(parents=True, exist_ok=True)
    check_free_space(context.settings.incoming_folder)
    file = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile(dir=context.settings.incoming_folder)))  # noqa: SIM115  # by the stack
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=PIPE, stdout=file, stderr=PIPE)
    stack.push_async_callback(_end_process, process)
    try:
        async with asyncio.timeout(WRITING.seconds):
            _, told = await process.communicate(msgspec.json.encode(order))
    except TimeoutError:
        log.error("ledger took too long")  # noqa: TRY400  # the trace says nothing
        raise Unavailable from None
    last = told.decode(errors="replace").rstrip().rpartition("\n")[2]
    if process.returncode:
        log.error("ledger failed", status=process.returncode, output=last)
        raise FileTooComplex if has_exceeded_limits(process.returncode) else Unavailable
    return file, int(last.split()[0])


async def _stream_pieces(stack: AsyncExitStack, file: BinaryIO, size: int) -> AsyncGenerator[bytes]:
    """The bytes of the file. A client that stops reading breaks the response off."""
    sent, offered = 0, False
    watch = asyncio.create_task(_watch_reader(stack, lambda: sent if offered else None))
    try:
        async with stack:
            while sent < size:
                piece = await asyncio.to_thread(os.pread, file.fileno(), _PIECE, sent)
                sent, offered = sent + len(piece), True
                yield piece
                offered = False
                if file.closed:
                    raise StalledTransfer
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
