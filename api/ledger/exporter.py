"""A background worker that makes the requested exports, one at a time, each in a process of its own."""

import asyncio
import re
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import cast

import msgspec
import structlog

from api.settings import Settings
from inspections.errors import TooCostly, Unavailable
from inspections.ledger.actions.exports import claim_export, export_ended, export_went_on
from inspections.ledger.exports import FAILED, Export
from storage.database import Database
from storage.ledger.export_process import PICTURES, TOO_MANY, Order, Photos
from storage.photos.incoming import Incoming
from storage.photos.names import made
from storage.photos.store import PhotoStore
from storage.process_limits import WRITING, took_too_much

log = structlog.get_logger()

COMMAND = (sys.executable, "-m", "storage.ledger.export_process")
_TELL_SECONDS = 1.0
_FAR = re.compile(r"(\d+) (\d+)")


class Lost(Exception):
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
        self._task = asyncio.create_task(self._make_forever())

    def wake(self) -> None:
        self._asked.set()

    async def stop(self) -> None:
        """Cancels the current export; another process claims and makes it again."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _make_forever(self) -> None:
        while True:
            self._asked.clear()
            try:
                while export := await self._database.transact(partial(claim_export, now=self._clock())):
                    await self._make(export)
            except Unavailable as error:  # the store or the database is unavailable: it is claimed again
                log.warning("exports wait", reason=str(error))
            except Exception:  # a bug must not end the worker
                log.exception("fault", job="exports")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.tick_seconds):
                    await self._asked.wait()

    async def _make(self, export: Export) -> None:
        with self._store.receive() as file:
            process = await self._begun(export, file)
            try:
                await self._followed(export, process)
                size = await self._kept(export, file) if process.returncode == 0 else None
                error = None if size is not None else _why(process)
                await self._database.transact(partial(export_ended, mine=export, size=size, error=error))
            except Lost:
                log.warning("export is somebody else's", export=str(export.id))
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def _begun(self, export: Export, file: Incoming) -> Process:
        photos = Photos(self._settings.photo_place, str(self._settings.scratch)) if export.pictures else None
        order = Order(self._settings.database_url, export.form, export.selection, photos, tells=True)
        with file.path.open("wb") as out:
            process = await asyncio.create_subprocess_exec(*COMMAND, stdin=PIPE, stdout=out, stderr=PIPE)
        ordering = cast("asyncio.StreamWriter", process.stdin)
        ordering.write(msgspec.json.encode(order))
        ordering.close()
        return process

    async def _followed(self, export: Export, process: Process) -> None:
        """Waits for the process to end and records its progress, which also extends the claim. Raises LostClaim."""
        heard = _Heard()
        listening = asyncio.create_task(heard.listen(cast("asyncio.StreamReader", process.stderr)))
        try:
            until = time.monotonic() + WRITING.seconds
            while not listening.done():
                if time.monotonic() > until:
                    process.kill()
                await asyncio.wait({listening}, timeout=_TELL_SECONDS)
                action = partial(export_went_on, mine=export, done=heard.done, total=heard.total, now=self._clock())
                if not await self._database.transact(action):
                    raise Lost
            listening.result()
        finally:
            listening.cancel()
        await process.wait()
        if process.returncode not in {0, TOO_MANY}:
            log.error("export failed", export=str(export.id), status=process.returncode, said=heard.last)

    async def _kept(self, export: Export, file: Incoming) -> int:
        """Moves the file to the photo store and returns its size in bytes."""
        size = (await asyncio.to_thread(file.path.stat)).st_size
        await asyncio.to_thread(self._store.keep, file, made(export.id, export.form))
        return size


class _Heard:
    """Reads the standard error of an export process: its progress and its last line."""

    def __init__(self) -> None:
        self.done, self.total, self.last = 0, 0, ""

    async def listen(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.last = line.decode(errors="replace").rstrip()
            if far := _FAR.fullmatch(self.last):
                self.done, self.total = int(far.group(1)), int(far.group(2))


def _why(process: Process) -> str:
    if process.returncode == TOO_MANY:
        return f"带照片的台账一次最多 {PICTURES} 行，请缩小范围"
    return TooCostly.words if took_too_much(process.returncode) else FAILED
