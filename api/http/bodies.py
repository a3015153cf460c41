"""Bodies: JSON into Structs, multipart into fields and files; whatever is wrong with them is a 400 or a 422."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, HTTPException

from api.http.problems import BodyTooLarge, Interrupted, Stalled, Unparsable, invalid_field
from inspections.calendar import YEARS
from inspections.errors import Invalid

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]

JSON_BYTES = 1_000_000
STALL_SECONDS = 15.0
"""One bar of signal is slow, not hostile: a body may take long, but not stand still."""
SLOW_SECONDS = 60.0
SLOWEST_BYTES = 256
"""In a second: less than any network of phones. Who sends less for a minute holds a connection for nothing."""


_NUL = b"\\u0000"


def decoded(raw: bytes | bytearray, kind: type[T] | Any) -> Any:
    """The body as `kind`. Raises Unparsable (400) for what is no JSON, Invalid (422) for what does not fit."""
    try:
        found = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid(invalid_field(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unparsable(reason=str(error)) from None
    if _NUL in raw:  # no text that PostgreSQL can keep, whichever field it is in
        raise Unparsable(reason="NUL")
    return found


async def chunks(request: AnyRequest) -> AsyncGenerator[bytes]:
    """The body as it comes. Raises Stalled without progress, Interrupted where it breaks off, BodyTooLarge.

    Waiting uses up a minute's patience, bytes restore it; what we do ourselves between two pieces costs none.
    """
    stream, now = request.stream(), asyncio.get_running_loop().time
    patience = SLOW_SECONDS
    while True:
        waits_since = now()
        try:
            async with asyncio.timeout(min(STALL_SECONDS, patience)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Stalled from None
        except ClientException:
            raise BodyTooLarge from None
        except HTTPException:
            raise Interrupted from None
        patience = min(SLOW_SECONDS, patience - (now() - waits_since) + len(chunk) / SLOWEST_BYTES)
        yield chunk


async def json_body(request: AnyRequest, kind: type[T] | Any) -> Any:
    raw = bytearray()
    async for chunk in chunks(request):
        raw += chunk
        if len(raw) > JSON_BYTES:
            raise BodyTooLarge
    return decoded(raw, kind)


def is_form(request: AnyRequest) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def check_moments(**moments: date | None) -> None:
    """Raises Invalid for a time without a zone, and for a day that no calendar here holds."""
    errors: list[tuple[str, str]] = []
    for name, moment in moments.items():
        if isinstance(moment, datetime) and moment.tzinfo is None:
            errors.append((name, "须带时区，如 2026-11-23T09:00:00+08:00"))
        elif moment is not None and moment.year not in YEARS:
            errors.append((name, "时间超出范围"))
    if errors:
        raise Invalid(*errors)
