"""The id by which a request is found in the log: answered in `X-Request-ID`, in each problem and in each log line."""

import os
import re
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, NamedTuple

REQUEST_ID_HEADER = b"x-request-id"
TRACE_HEADER = b"traceparent"
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_TRACE = b"0" * 32


class RequestIds(NamedTuple):
    """`request`: of this request. `trace`: of the operation that it belongs to in other systems (W3C Trace Context)."""

    request: bytes
    trace: str | None


_CURRENT: ContextVar[RequestIds | None] = ContextVar("anxun_request", default=None)


def begin_request(given: bytes | None, traceparent: bytes | None) -> None:
    """Sets the ids of the present request: those that the client or a proxy gives, if they are well-formed."""
    own = given if given and _GIVEN_ID.fullmatch(given) else os.urandom(8).hex().encode()
    _CURRENT.set(RequestIds(own, _trace_id(traceparent) if traceparent else None))


def _trace_id(traceparent: bytes) -> str | None:
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1].decode() if found and found[1] != _NO_TRACE else None


def current_request_id_bytes() -> bytes:
    """The id of the present request, for a header."""
    ids = _CURRENT.get()
    return ids.request if ids else b""


def current_request_id() -> str | None:
    """The id of the present request; None outside of requests."""
    ids = _CURRENT.get()
    return ids.request.decode() if ids else None


def add_request_ids(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Adds the ids of the present request to a line of the log (a processor of structlog)."""
    if ids := _CURRENT.get():
        event["request_id"] = ids.request.decode()
        if ids.trace:
            event["trace_id"] = ids.trace
    return event
