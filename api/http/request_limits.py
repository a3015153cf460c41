"""Refuses unknown methods, oversized heads and foreign hosts before the application sees them.

The framework caches the last 1,024 paths, queries and cookie headers, and metrics keep a series per method, so these
limits bound the memory that a stranger can fill. The name by which a request asks for this server is in its Host
header alone: X-Forwarded-Host and Forwarded are ignored, so a proxy passes Host on.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

from api.hosts import Host, is_loopback, parse_host
from api.http.exchange.request_ids import REQUEST_ID_HEADER, TRACE_HEADER, begin_request, current_request_id_bytes
from api.http.headers import add_default_headers
from api.http.problems import HeadersTooLarge, TargetTooLong, WrongHost, WrongMethod, as_problem, request_member
from api.messages.languages import negotiate_language
from api.settings import Settings
from inspections.errors import Refusal

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PATH_CHARACTERS = 2048
QUERY_BYTES = 16 * 1024
PARAMETERS = 512
"""Parameters per query: each takes far more memory when parsed than when sent."""
COOKIE_BYTES = 4096
_ANY_HOST_PATHS = ("/health/", "/metrics")
"""Load balancers and monitors ask for these by the address of the machine."""

App = Callable[[Any, Any, Any], Awaitable[None]]
AllowHeader = Callable[[str], bytes]


def limit_requests(app: App, settings: Settings, allow_header: AllowHeader) -> App:
    """Wraps the application with these limits. `allow_header`: the methods of a path. Raises BadSettings."""
    names = settings.host_names
    usual = _usual_hosts(settings)

    def application(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and (refusal := _check_limits(scope, names, usual)):
            return _send_problem(refusal, allow_header, scope, send)
        return app(scope, receive, send)

    return application


def _usual_hosts(settings: Settings) -> frozenset[bytes]:
    """The Host headers that need no parsing: every name alone and with the ports of these settings."""
    ports = ("", str(settings.port), settings.public_address.host.port)
    return frozenset(str(Host(name, port)).encode() for name in settings.host_names for port in ports)


def _check_limits(scope: Any, names: frozenset[str], usual: frozenset[bytes]) -> Refusal | None:
    query: bytes = scope["query_string"]
    if scope["method"] not in METHODS:
        return WrongMethod()
    if len(scope["path"]) > PATH_CHARACTERS or len(query) > QUERY_BYTES or query.count(b"&") >= PARAMETERS:
        return TargetTooLong()
    cookie_bytes, host = 0, None
    for name, value in scope["headers"]:
        if name == b"host":
            host = value if host is None else b""
        elif name == b"cookie":
            cookie_bytes += len(value)
    if cookie_bytes > COOKIE_BYTES:
        return HeadersTooLarge()
    if names and host not in usual and not _is_served(scope["path"], host or b"", names):
        return WrongHost()
    return None


def _is_served(path: str, host: bytes, names: frozenset[str]) -> bool:
    """Whether a request is answered. `host`: its Host header, which names us or loopback, with any port."""
    found = parse_host(host.decode("latin-1"))
    return path.startswith(_ANY_HOST_PATHS) or (found is not None and (found.name in names or is_loopback(found.name)))


async def _send_problem(refusal: Refusal, allow_header: AllowHeader, scope: Any, send: Send) -> None:
    named: dict[bytes, bytes] = dict(scope["headers"])
    begin_request(named.get(REQUEST_ID_HEADER), named.get(TRACE_HEADER))
    problem = as_problem(refusal, language := negotiate_language(scope)) | request_member()
    body = msgspec.json.encode(problem)
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-language", language.encode()),
        (b"content-length", str(len(body)).encode()),
        (REQUEST_ID_HEADER, current_request_id_bytes()),
    ]
    if isinstance(refusal, WrongMethod):
        headers.append((b"allow", allow_header(scope["path"])))
    start: Any = {"type": "http.response.start", "status": problem["status"], "headers": headers}
    add_default_headers(start, scope)
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})
