"""Reads request bodies: JSON into Structs, within limits of size and time; a bad body is a 400, 408, 413 or 422."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from litestar import Request

from api.http.headers import request_header
from api.http.problems import BodyTooLarge, InterruptedBody, StalledTransfer, UnparsableBody
from api.messages.field_errors import find_field_errors
from inspections.calendar import YEARS
from inspections.errors import InvalidInput

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]

JSON_BYTES = 1_000_000
STALL_SECONDS = 15.0
"""The longest pause within a body: with one bar of signal a body may take long, but has to make progress."""
SLOW_SECONDS = 60.0
SLOWEST_BYTES = 256
"""Bytes per second, fewer than any phone network carries. A client that is slower for SLOW_SECONDS is cut off."""
TRUSTED_SECONDS = 1.0
"""Rights are checked again after this long, since a revocation ends them within a second (authentication.py)."""
READMIT = "anxun_readmit"
"""The guard leaves a function under this name in a request's state: it checks sign-in and permission again."""

_NUL = b"\\u0000"


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """A decoder, built once: for a union of types, building it costs more than a small body."""
    return msgspec.json.Decoder(kind)


def decode_body(raw: bytes | bytearray, kind: type[T] | Any) -> Any:
    """The body as `kind`.

    Raises UnparsableBody (400) for what is not JSON, InvalidInput (422) for what does not fit.
    """
    try:
        found = _decoder(kind).decode(raw)
    except msgspec.ValidationError as error:
        raise InvalidInput(*find_field_errors(raw, kind, error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnparsableBody(reason=str(error)) from None
    if _NUL in raw:  # PostgreSQL cannot store it in any text
        raise UnparsableBody(reason="NUL")
    return found


class _Watchdog:
    """Ends a wait that takes too long, by one timer for all waits of a body; `asyncio.timeout` makes one for each."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._until = self._fires_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._has_fired = False

    async def wait(self, arrival: Awaitable[Any], seconds: float) -> Any:
        """Returns what arrives within so many seconds. Raises StalledTransfer."""
        self._task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._until = self._loop.time() + seconds
        if self._until < self._fires_at:
            self._set_timer(self._until)
        try:
            return await arrival
        except asyncio.CancelledError:
            if self._has_fired and self._task.uncancel() == 0:
                raise StalledTransfer from None
            raise
        finally:
            self._until = math.inf

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self, at: float) -> None:
        self.stop()
        self._fires_at = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        if self._until <= now:
            self._has_fired = True
            self._task.cancel()
        else:
            self._set_timer(min(self._until, now + STALL_SECONDS))


async def read_chunks(request: AnyRequest) -> AsyncGenerator[bytes]:
    """The body as it arrives. Raises StalledTransfer without progress, InterruptedBody if it breaks off, BodyTooLarge.

    A body that takes longer than TRUSTED_SECONDS ends with `recheck_rights`, before its last chunk.
    A budget of SLOW_SECONDS shrinks while we wait and grows with every byte; our own work between chunks costs none.
    """
    now = asyncio.get_running_loop().time
    limit = request.route_handler.resolve_request_max_body_size() or math.inf
    announced = request_header(request.scope, b"content-length") or ""
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLarge
    patience, received, more, began = SLOW_SECONDS, 0, True, now()
    watchdog = _Watchdog()
    try:
        while more:
            waits_since = now()
            message: Any = await watchdog.wait(request.receive(), min(STALL_SECONDS, patience))
            if message["type"] == "http.disconnect":
                raise InterruptedBody
            chunk, more = message.get("body", b""), message.get("more_body", False)
            received += len(chunk)
            if received > limit:
                raise BodyTooLarge
            patience = min(SLOW_SECONDS, patience - (now() - waits_since) + len(chunk) / SLOWEST_BYTES)
            if not more and now() - began > TRUSTED_SECONDS:
                await recheck_rights(request)
            yield chunk
    finally:
        watchdog.stop()


async def recheck_rights(request: AnyRequest) -> None:
    """Checks sign-in and permission again, after something that took long. Raises Unauthenticated, Forbidden.

    `current_person` is then the person with the present grants. Routes without sign-in have nothing to check.
    """
    if readmit := request.scope["state"].get(READMIT):
        await readmit(request)


async def json_body(request: AnyRequest, kind: type[T] | Any) -> Any:
    raw = bytearray()
    async for chunk in read_chunks(request):
        raw += chunk
        if len(raw) > JSON_BYTES:
            raise BodyTooLarge
    return decode_body(raw, kind)


def is_form(request: AnyRequest) -> bool:
    return (request_header(request.scope, b"content-type") or "").lower().startswith("multipart/form-data")


def check_moments(**moments: date | None) -> None:
    """Raises InvalidInput for a time without a zone, and for a day outside calendar.YEARS."""
    errors: list[tuple[str, str]] = []
    for name, moment in moments.items():
        if isinstance(moment, datetime) and moment.tzinfo is None:
            errors.append((name, "须带时区，如 2026-11-23T09:00:00+08:00"))
        elif moment is not None and moment.year not in YEARS:
            errors.append((name, "时间超出范围"))
    if errors:
        raise InvalidInput(*errors)
