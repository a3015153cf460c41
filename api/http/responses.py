"""JSON responses, file responses with validators and one range (RFC 9110, sections 13 and 14), links in responses."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, Self, TypeVar, cast

from litestar import Litestar, MediaType, Response
from litestar.response import Stream
from litestar.serialization import encode_json
from litestar.types import Receive, Scope, Send
from msgspec import Struct

from api.hosts import is_loopback, parse_host
from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.http.exchange.validators import is_known_to_client
from api.http.headers import request_header
from api.settings import Settings

T = TypeVar("T")

_PIECE = 64 * 1024
"""Bytes per piece: several pieces wait in memory for each slow client."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")
_COMMON_HEADERS = {
    "Cache-Control": "private, immutable, max-age=31536000",
    "Accept-Ranges": "bytes",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


_TEXT = {"type": "string"}
VALIDATOR_HEADERS = (
    ("If-None-Match", False, "The ETags that the client has (RFC 9110, 13.1.2): 304 where one is still right.", _TEXT),
)
FILE_HEADERS = (
    *VALIDATOR_HEADERS,
    ("Range", False, "One range of bytes (RFC 9110, 14.2): 206, or 416 beyond the end.", _TEXT),
    ("If-Range", False, "The ETag for which the range is meant; with another one all is sent.", _TEXT),
)
"""Headers of operations that answer with validators or files: name, whether it must be there, meaning, schema."""


class JsonResponse(Response[T]):
    """A response that sends a Struct in two messages, without building headers and cookies that it does not have."""

    def to_asgi_response(self, app: Litestar | None, request: AnyRequest, **options: Any) -> Any:
        media_type = self.media_type or options.get("media_type") or MediaType.JSON
        more = self.headers, self.cookies, self.background, *map(options.get, ("headers", "cookies", "background"))
        if not isinstance(self.content, Struct) or media_type != MediaType.JSON or any(more):
            return cast("Any", super()).to_asgi_response(app, request, **options)
        content, status = self.content, self.status_code or options.get("status_code") or 200

        async def send_content(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send_json(content, status, send)

        return send_content


async def send_json(content: Struct, status: int, send: Send) -> None:
    """Sends a Struct as JSON in two messages."""
    body = encode_json(content)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class Content(NamedTuple):
    """Bytes to serve. `read(first, length)` blocks; it may raise Missing or Unavailable."""

    size: int
    read: Callable[[int, int], bytes]

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        def read(first: int, length: int) -> bytes:
            return content[first : first + length]

        return cls(len(content), read)


async def serve_content(
    request: AnyRequest, content: Content, tag: str, media_type: str, more: Mapping[str, str]
) -> Response[Any]:
    """200, 206, 304 or 416. The content of a `tag` never changes. A failing read raises before any byte is sent."""
    etag = f'"{tag}"'
    headers = {**_COMMON_HEADERS, **more, "ETag": etag}
    if is_known_to_client(request.scope, etag):
        return Response(b"", status_code=304, headers=headers)
    first, last, status = _byte_range(request, etag, content.size)
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return Response(b"", status_code=416, headers={**headers, "Content-Range": f"bytes */{content.size}"})
    if status == HTTPStatus.PARTIAL_CONTENT:
        headers["Content-Range"] = f"bytes {first}-{last}/{content.size}"
    length = last - first + 1
    headers["Content-Length"] = str(length)
    if request.method == "HEAD":
        return Response(b"", status_code=status, headers=headers, media_type=media_type)
    piece = await asyncio.to_thread(content.read, first, min(_PIECE, length))
    if length <= _PIECE:
        return Response(piece, status_code=status, headers=headers, media_type=media_type)
    pieces = _stream_pieces(piece, content, first, first + length)
    return Stream(pieces, status_code=status, headers=headers, media_type=media_type)


def _byte_range(request: AnyRequest, etag: str, size: int) -> tuple[int, int, int]:
    """First and last byte to send, and the status. Anything but a single range is ignored."""
    whole = (0, size - 1, 200)
    found = _RANGE.match(request.headers.get("range", ""))
    if found is None or request.headers.get("if-range", etag) != etag or found.group(0) == "bytes=-":
        return whole
    start, end = found.groups()
    first, last = (int(start), int(end or size - 1)) if start else (max(0, size - int(end)), size - 1)
    if first >= size or (start and end and int(end) < first):
        return 0, size - 1, 416
    return first, min(last, size - 1), 206


async def _stream_pieces(piece: bytes, content: Content, start: int, end: int) -> AsyncIterator[bytes]:
    yield piece
    for at in range(start + _PIECE, end, _PIECE):
        yield await asyncio.to_thread(content.read, at, min(_PIECE, end - at))


# links --------------------------------------------------------------------------------------------------------------


def local_link(request: AnyRequest, path: str) -> str:
    """The link to a path of this server: an absolute path (RFC 3986, 4.2), with the prefix of ANXUN_PUBLIC_URL."""
    return app_context(request).settings.public_address.prefix + path


def public_link(request: AnyRequest, path: str) -> str:
    """The same with scheme and host, for paper, messages and files.

    Without ANXUN_PUBLIC_URL anybody could choose the host by the Host header of a request. It is then used only if it
    is a loopback name; otherwise this is `local_link`.
    """
    origin = app_context(request).settings.public_address.origin or _loopback_origin(request)
    return origin + local_link(request, path)


def message_link(settings: Settings, path: str) -> str | None:
    """The same for a message that no request asked for; None without ANXUN_PUBLIC_URL, since it needs a host."""
    address = settings.public_address
    return address.origin + address.prefix + path if address.origin else None


def _loopback_origin(request: AnyRequest) -> str:
    host = parse_host(request_header(request.scope, b"host") or "")
    return f"{request.scope['scheme']}://{host}" if host and is_loopback(host.name) else ""
