"""Uploaded files, parsed by a process of their own; one at a time per person, a few in all."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import msgspec
import structlog

from api.http.bodies import AnyRequest, read_chunks, recheck_rights
from api.http.context import AppContext
from inspections.errors import FileTooComplex, InvalidInput, TooManyRequests
from storage.file_reading import ReadOrder, ReadResult
from storage.ledger.spreadsheet_cells import UNREADABLE
from storage.process_limits import READING, has_exceeded_limits

log = structlog.get_logger()
T = TypeVar("T")

AT_ONCE = 4
_COMMAND = (sys.executable, "-m", "storage.file_reading")


class FileSlots:
    """`people`: usernames with a file that is read, made or downloaded. `working`: those whose file is read or made.

    `reading`: locked while a file is being read.
    """

    def __init__(self) -> None:
        self.people: set[str] = set()
        self.working: set[str] = set()
        self.reading = asyncio.Lock()


@contextmanager
def file_slot(context: AppContext, username: str) -> Generator[Callable[[], None]]:
    """Takes a file slot, and returns what to call once the file is made: a slow download then delays nobody else.

    Raises TooManyRequests for a second file of the same person, and where AT_ONCE files are read or made. Its
    `retry_after` is the time limit of reading a file.
    """
    slots = context.part(FileSlots)
    if username in slots.people or len(slots.working) >= AT_ONCE:
        raise TooManyRequests("正在处理其他文件，请稍后重试", retry_after=READING.seconds)
    slots.people.add(username)
    slots.working.add(username)
    try:
        yield partial(slots.working.discard, username)
    finally:
        slots.working.discard(username)
        slots.people.discard(username)


async def read_uploaded_file(request: AnyRequest, context: AppContext, order: ReadOrder, kind: type[T]) -> T:
    """Parses the file in the body; this server reads one file at a time. Raises as `read_file`.

    Ends with `recheck_rights`, since a file may wait and be read for a minute.
    """
    data = b"".join([chunk async for chunk in read_chunks(request)])
    async with context.part(FileSlots).reading:
        found = await read_file(order, kind, data)
    await recheck_rights(request)
    return found


async def read_file(order: ReadOrder, kind: type[T], data: bytes) -> T:
    """Has a process parse `data`, and returns the answer to the `order`. Raises InvalidInput, FileTooComplex."""
    process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=PIPE, stdout=PIPE)
    try:
        async with asyncio.timeout(READING.seconds):
            answer, _ = await process.communicate(msgspec.json.encode(order) + b"\n" + data)
    except TimeoutError:
        log.warning("file took too long", size=len(data))
        raise FileTooComplex from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        log.warning("file was not read", status=process.returncode, size=len(data))
        raise FileTooComplex if has_exceeded_limits(process.returncode) else InvalidInput(("file", UNREADABLE))
    expected: Any = ReadResult[kind]
    found: ReadResult[T] = await asyncio.to_thread(msgspec.json.decode, answer, type=expected)
    if found.content is None:
        raise InvalidInput(*found.errors)
    return found.content
