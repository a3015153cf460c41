"""A background worker that makes the requested exports, one at a time, each in a process of its own."""

import asyncio
import hashlib
import re
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import structlog

from api.settings import Settings
from inspections.errors import FileTooComplex, Unavailable
from inspections.ledger.actions.exports import claim_export, finish_export, record_export_progress
from inspections.ledger.exports import FAILURE_MESSAGE, Export
from storage.database import Database
from storage.ledger.export_process import EXIT_TOO_MANY_LINES, MAX_PICTURE_LINES, ExportOrder, PhotoLocation
from storage.photos.incoming import IncomingFile
from storage.photos.names import export_name
from storage.photos.store import PhotoStore
from storage.process_limits import WRITING, has_exceeded_limits

log = structlog.get_logger()

COMMAND = (sys.executable, "-m", "storage.ledger.export_process")
_PROGRESS_SECONDS = 1.0
_PROGRESS = re.compile(r"(\d+) (\d+)")


class LostClaim(Exception):
    """Raised when another process has claimed the export, or it was deleted."""


class Exporter:
    """Makes waiting exports. Call `start` within a running event loop, and `wake` after a request."""

    def __init__(
        self, settings: Settings, database: Database, store: PhotoStore, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._clock = clock
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        self._asked.set()

    async def stop(self) -> None:
        """Cancels the current export; another process claims and makes it again."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._asked.clear()
            try:
                while export := await self._database.transact(partial(claim_export, now=self._clock())):
                    await self._make_export(export)
            except Unavailable as error:  # the store or the database is unavailable: it is claimed again
                log.warning("exports wait", reason=str(error))
            except Exception:  # a bug must not end the worker
                log.exception("fault", job="exports")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.tick_seconds):
                    await self._asked.wait()

    async def _make_export(self, export: Export) -> None:
        with self._store.open_incoming_file() as file:
            process = await self._start_process(export, file)
            try:
                await self._follow_process(export, process)
                made = process.returncode == 0
                size, digest = await self._store_file(export, file) if made else (None, None)
                error = None if made else _failure_message(process)
                await self._database.transact(
                    partial(finish_export, export=export, size=size, error=error, digest=digest)
                )
            except LostClaim:
                log.warning("export is somebody else's", export=str(export.id))
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def _start_process(self, export: Export, file: IncomingFile) -> Process:
        photos = (
            PhotoLocation(self._settings.photo_location, str(self._settings.incoming_folder))
            if export.pictures
            else None
        )
        order = ExportOrder(
            self._settings.database_url, export.form, export.selection, self._clock(), photos, tells=True
        )
        with file.path.open("wb") as out:
            process = await asyncio.create_subprocess_exec(*COMMAND, stdin=PIPE, stdout=out, stderr=PIPE)
        ordering = cast("asyncio.StreamWriter", process.stdin)
        ordering.write(msgspec.json.encode(order))
        ordering.close()
        return process

    async def _follow_process(self, export: Export, process: Process) -> None:
        """Waits for the process to end and records its progress, which also extends the claim. Raises LostClaim."""
        progress = _ProgressReader()
        listening = asyncio.create_task(progress.read(cast("asyncio.StreamReader", process.stderr)))
        try:
            until = time.monotonic() + WRITING.seconds
            ended = False
            while not ended:
                if time.monotonic() > until:
                    process.kill()
                await asyncio.wait({listening}, timeout=_PROGRESS_SECONDS)
                ended = listening.done()  # before the record, which then has the last numbers too
                action = partial(
                    record_export_progress, export=export, done=progress.done, total=progress.total, now=self._clock()
                )
                if not await self._database.transact(action):
                    raise LostClaim
            listening.result()
        finally:
            listening.cancel()
        await process.wait()
        if process.returncode not in {0, EXIT_TOO_MANY_LINES}:
            log.error("export failed", export=str(export.id), status=process.returncode, output=progress.last)

    async def _store_file(self, export: Export, file: IncomingFile) -> tuple[int, str]:
        """Moves the file to the photo store; returns its size in bytes and its digest."""
        size = (await asyncio.to_thread(file.path.stat)).st_size
        digest = await asyncio.to_thread(_file_digest, file.path)
        await asyncio.to_thread(self._store.save, file, export_name(export.id, export.form))
        return size, digest


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


class _ProgressReader:
    """Reads the standard error of an export process: its progress and its last line."""

    def __init__(self) -> None:
        self.done, self.total, self.last = 0, 0, ""

    async def read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.last = line.decode(errors="replace").rstrip()
            if far := _PROGRESS.fullmatch(self.last):
                self.done, self.total = int(far.group(1)), int(far.group(2))


def _failure_message(process: Process) -> str:
    if process.returncode == EXIT_TOO_MANY_LINES:
        return f"带照片的台账一次最多 {MAX_PICTURE_LINES} 行，请缩小范围"
    return FileTooComplex.words if has_exceeded_limits(process.returncode) else FAILURE_MESSAGE
