"""Refuses unknown methods and oversized heads before the application sees them.

The framework caches the last 1,024 paths, queries and cookie headers, and metrics keep a series per method, so these
limits bound the memory that a stranger can fill.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

from api.http.headers import set_headers
from api.http.problems import HeadersTooLarge, TargetTooLong, WrongMethod, as_problem
from inspections.errors import Refusal

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ALLOW = ", ".join(sorted(METHODS)).encode()
PATH_CHARACTERS = 2048
QUERY_BYTES = 16 * 1024
PARAMETERS = 512
"""Parameters per query: each takes far more memory when parsed than when sent."""
COOKIE_BYTES = 4096

App = Callable[[Any, Any, Any], Awaitable[None]]


def limit_requests(app: App) -> App:
    """Wraps the application with these limits."""

    def application(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and (refusal := _check_limits(scope)):
            return _send_problem(refusal, scope, send)
        return app(scope, receive, send)

    return application


def _check_limits(scope: Any) -> Refusal | None:
    query: bytes = scope["query_string"]
    if scope["method"] not in METHODS:
        return WrongMethod()
    if len(scope["path"]) > PATH_CHARACTERS or len(query) > QUERY_BYTES or query.count(b"&") >= PARAMETERS:
        return TargetTooLong()
    if sum(len(value) for name, value in scope["headers"] if name == b"cookie") > COOKIE_BYTES:
        return HeadersTooLarge()
    return None


async def _send_problem(refusal: Refusal, scope: Scope, send: Send) -> None:
    problem = as_problem(refusal)
    body = msgspec.json.encode(problem)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    if isinstance(refusal, WrongMethod):
        headers.append((b"allow", _ALLOW))
    start: Any = {"type": "http.response.start", "status": problem["status"], "headers": headers}
    await set_headers(start, scope)
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})
