"""Processes photos after their reply has left: makes the 320 px preview, reads the metadata, and compares photos.

The queue is a column of the photo's row, so a restart continues where a crash stopped it. The threads run at low
priority: a burst of uploads never waits for them.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial

import structlog

from inspections.errors import Damaged, Missing, Unavailable
from inspections.photos.actions.intake import developed, release
from inspections.remediation.actions.photo_damage import claim_undeveloped, damaged
from inspections.remediation.actions.photo_findings import examine
from storage.database import Database
from storage.photos import images
from storage.photos.names import shown
from storage.photos.store import PhotoStore, read_original

log = structlog.get_logger()

_BATCH = 16
_EXAMINED_AT_ONCE = 8
_LATEST_SECONDS = 1.0
_NICENESS = 19


def _step_back() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)  # on Linux, for this thread alone


class Developer:
    """Processes and examines waiting photos. Call `start` within a running event loop, `wake` for each new photo."""

    def __init__(self, database: Database, photos: PhotoStore, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._photos = photos
        self._clock = clock
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "anxun-develop", _step_back)
        self._come = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._develop_forever())

    def wake(self) -> None:
        self._come.set()

    async def stop(self) -> None:
        tasks = {*self._running, *((self._task,) if self._task else ())}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown)

    async def picture(self, sha256: str, size: int) -> bytes:
        """Returns the preview of this size, made now if it does not exist. Raises Damaged, Missing, Unavailable."""
        try:
            return await asyncio.to_thread(self._photos.read, shown(sha256, size))
        except Missing:
            make = partial(self._make, sha256, size)
            return await asyncio.get_running_loop().run_in_executor(self._threads, make)

    async def captioned(self, picture: bytes, lines: tuple[str, ...]) -> bytes:
        """Draws these lines on the picture. Raises Damaged."""
        from storage.photos.watermark import watermarked  # noqa: PLC0415  # 3 MB that most servers do not need

        return await asyncio.get_running_loop().run_in_executor(self._threads, watermarked, picture, lines)

    def _make(self, sha256: str, size: int) -> bytes:
        picture = images.develop(read_original(self._photos, sha256), size)
        self._photos.put(shown(sha256, size), picture)
        return picture

    async def _develop_forever(self) -> None:
        while True:
            self._come.clear()
            try:
                while await self.develop_waiting() or await self.examine_waiting():
                    pass
            except Unavailable as error:  # no store or database: photos stay in the queue
                log.warning("developing waits", reason=str(error))
            except Exception:  # a bug must not stop the processing for good
                log.exception("fault", job="developing")
            with suppress(TimeoutError):  # wait_for can swallow a cancellation before Python 3.12
                async with asyncio.timeout(_LATEST_SECONDS):
                    await self._come.wait()

    async def develop_waiting(self) -> int:
        """Claims enough photos to keep every thread busy; returns how many are done since the last call."""
        if len(self._running) <= _BATCH // 2:
            claim = partial(claim_undeveloped, now=self._clock(), limit=_BATCH - len(self._running))
            claimed = await self._database.transact(claim)
            self._running |= {asyncio.create_task(self._develop(photo.sha256)) for photo in claimed}
        if not self._running:
            return 0
        done, self._running = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
        return len(done)

    async def _develop(self, sha256: str) -> None:
        try:
            made = await asyncio.get_running_loop().run_in_executor(self._threads, self._first_picture, sha256)
        except Unavailable:
            await self._database.transact(partial(release, sha256=sha256))
            raise
        if made is None:
            log.warning("photo damaged", sha256=sha256)
            await self._database.transact(partial(damaged, sha256=sha256, now=self._clock()))
        else:
            action = partial(developed, sha256=sha256, facts=made.facts, picture=made.hash)
            await self._database.transact(action)

    def _first_picture(self, sha256: str) -> images.Developed | None:
        data = read_original(self._photos, sha256)
        try:
            made = images.developed(data)
        except Damaged:
            return None
        self._photos.put(shown(sha256, images.SIZES[0]), made.picture)
        return made

    async def examine_waiting(self) -> int:
        """Compares one batch of declared photos with all others; returns how many it examined.

        It takes at most a tenth of the time, so that it does not slow down a flood of reports.
        """
        began = time.monotonic()
        examined = await self._database.transact(partial(examine, now=self._clock(), limit=_EXAMINED_AT_ONCE))
        if examined:
            await asyncio.sleep(9 * (time.monotonic() - began))
        return examined
