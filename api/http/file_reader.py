"""Uploaded files, parsed by a process of their own; one at a time per person, a few in all."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import structlog

from api.http.bodies import AnyRequest, chunks
from api.http.context import AppContext
from inspections.errors import Invalid, TooCostly, TooMany
from storage.file_reading import Order, Read
from storage.ledger.cells import UNREADABLE
from storage.process_limits import READING, took_too_much

log = structlog.get_logger()
T = TypeVar("T")

AT_ONCE = 4
_COMMAND = (sys.executable, "-m", "storage.file_reading")


class FileTurns:
    """`people`: usernames with a file being read or made. `reading`: locked while a file is being read."""

    def __init__(self) -> None:
        self.people: set[str] = set()
        self.reading = asyncio.Lock()


@contextmanager
def one_of_few(context: AppContext, username: str) -> Generator[None]:
    """Takes a file slot. Raises TooMany for a second file of the same person, and where all slots are taken.

    Its `retry_after` is the time limit of reading a file.
    """
    people = context.part(FileTurns).people
    if username in people or len(people) >= AT_ONCE:
        raise TooMany("正在处理其他文件，请稍后重试", retry_after=READING.seconds)
    people.add(username)
    try:
        yield
    finally:
        people.discard(username)


async def read_body(request: AnyRequest, context: AppContext, order: Order, kind: type[T]) -> T:
    """Parses the file in the body; this server reads one file at a time. Raises as `read_file`."""
    data = b"".join([chunk async for chunk in chunks(request)])
    async with context.part(FileTurns).reading:
        return await read_file(order, kind, data)


async def read_file(order: Order, kind: type[T], data: bytes) -> T:
    """Has a process parse `data`, and returns the answer to the `order`. Raises Invalid, TooCostly."""
    process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=PIPE, stdout=PIPE)
    try:
        async with asyncio.timeout(READING.seconds):
            answer, _ = await process.communicate(msgspec.json.encode(order) + b"\n" + data)
    except TimeoutError:
        log.warning("file took too long", size=len(data))
        raise TooCostly from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        log.warning("file was not read", status=process.returncode, size=len(data))
        raise TooCostly if took_too_much(process.returncode) else Invalid(("file", UNREADABLE))
    expected: Any = Read[kind]
    found: Read[T] = await asyncio.to_thread(msgspec.json.decode, answer, type=expected)
    if found.said is None:
        raise Invalid(*found.errors)
    return found.said
