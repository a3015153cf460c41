"""Processes photos after their reply has left: makes the 320 px preview, reads the metadata, and compares photos.

The queue is a column of the photo's row, so a restart continues where a crash stopped it. The threads run at low
priority: a burst of uploads never waits for them.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial

import structlog

from inspections.errors import DamagedPhoto, NotFound, Unavailable
from inspections.photos.actions.intake import record_processed_photo, revert_try
from inspections.remediation.actions.photo_damage import claim_unprocessed_photos, record_damage
from inspections.remediation.actions.photo_findings import examine_photos
from storage.database import Database
from storage.photos import images
from storage.photos.names import preview_name
from storage.photos.store import PhotoStore, read_original

log = structlog.get_logger()

_BATCH = 16
_EXAMINE_BATCH, _EXAMINE_SECONDS = 200, 0.1
_POLL_SECONDS = 1.0
_NICENESS = 19


def _lower_priority() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)  # on Linux, for this thread alone


class PhotoProcessor:
    """Processes and examines waiting photos. Call `start` within a running event loop, `wake` for each new photo."""

    def __init__(self, database: Database, photos: PhotoStore, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._photos = photos
        self._clock = clock
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "anxun-develop", _lower_priority)
        self._wake_event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run_loop())

    def wake(self) -> None:
        self._wake_event.set()

    async def stop(self) -> None:
        tasks = {*self._running, *((self._task,) if self._task else ())}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown)

    async def get_preview(self, sha256: str, size: int) -> bytes:
        """Returns the preview of this size, made now if it does not exist.

        Raises DamagedPhoto, NotFound, Unavailable.
        """
        try:
            return await asyncio.to_thread(self._photos.read, preview_name(sha256, size))
        except NotFound:
            make = partial(self._make_preview, sha256, size)
            return await asyncio.get_running_loop().run_in_executor(self._threads, make)

    async def draw_watermark(self, picture: bytes, lines: tuple[str, ...]) -> bytes:
        """Draws these lines on the picture. Raises DamagedPhoto."""
        from storage.photos.watermark import draw_watermark  # noqa: PLC0415  # 3 MB that most servers do not need

        return await asyncio.get_running_loop().run_in_executor(self._threads, draw_watermark, picture, lines)

    def _make_preview(self, sha256: str, size: int) -> bytes:
        picture = images.make_preview(read_original(self._photos, sha256), size)
        self._photos.save_preview(preview_name(sha256, size), picture)
        return picture

    async def _run_loop(self) -> None:
        while True:
            self._wake_event.clear()
            try:
                while await self.process_batch() or await self.examine_batch():
                    pass
            except Unavailable as error:  # no store or database: photos stay in the queue
                log.warning("developing waits", reason=str(error))
            except Exception:  # a bug must not stop the processing for good
                log.exception("fault", job="developing")
            with suppress(TimeoutError):  # wait_for can swallow a cancellation before Python 3.12
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake_event.wait()

    async def process_batch(self) -> int:
        """Claims enough photos to keep every thread busy; returns how many are done since the last call."""
        if len(self._running) <= _BATCH // 2:
            claim = partial(claim_unprocessed_photos, now=self._clock(), limit=_BATCH - len(self._running))
            claimed = await self._database.transact(claim)
            self._running |= {asyncio.create_task(self._process_photo(photo.sha256)) for photo in claimed}
        if not self._running:
            return 0
        done, self._running = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
        return len(done)

    async def _process_photo(self, sha256: str) -> None:
        try:
            made = await asyncio.get_running_loop().run_in_executor(self._threads, self._process_in_thread, sha256)
        except Unavailable:
            await self._database.transact(partial(revert_try, sha256=sha256))
            raise
        if made is None:
            log.warning("photo damaged", sha256=sha256)
            await self._database.transact(partial(record_damage, sha256=sha256, now=self._clock()))
        else:
            action = partial(record_processed_photo, sha256=sha256, facts=made.metadata, picture=made.hash)
            await self._database.transact(action)

    def _process_in_thread(self, sha256: str) -> images.ProcessedPhoto | None:
        data = read_original(self._photos, sha256)
        try:
            made = images.process_photo(data)
        except DamagedPhoto:
            return None
        self._photos.save_preview(preview_name(sha256, images.PREVIEW_SIZES[0]), made.preview)
        return made

    async def examine_batch(self) -> int:
        """Compares one batch of declared photos with all others; returns how many it examined.

        It pauses after each batch, so that a flood of reports is examined in few batches.
        """
        if examined := await self._database.transact(partial(examine_photos, now=self._clock(), limit=_EXAMINE_BATCH)):
            await asyncio.sleep(_EXAMINE_SECONDS)
        return examined
