"""Headers of a request, the security headers of every response, and CORS."""

from collections.abc import Iterable

from litestar.config.cors import CORSConfig
from litestar.types import HTTPResponseStartEvent, Scope

_DEFAULT_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(self), geolocation=(self), microphone=(), payment=()"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Defaults, unless the route sets its own: most responses are about people, and only our pages are shown as pages."""
_HSTS = (b"strict-transport-security", b"max-age=31536000")
"""HSTS is sent over HTTPS only (RFC 6797, 7.2)."""
_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Last-Event-ID",
    "If-None-Match",
    "Range",
    "X-HTTP-Method-Override",
    "X-Request-ID",
    "traceparent",
)
_TUS_HEADERS = ("Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Checksum")
_RESPONSE_HEADERS = (
    *("ETag", "Location", "Retry-After", "Allow", "Content-Disposition", "Content-Range", "Content-Digest"),
    *("Upload-Expires", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
    *("Anxun-Photo", "Anxun-Photo-State", "X-Request-ID"),
)


def request_header(scope: Scope, name: bytes) -> str | None:
    """Returns the first header of this lower-case name, without building Litestar's Headers of all of them."""
    for found, value in scope["headers"]:
        if found == name:
            return value.decode("latin-1")
    return None


def add_default_headers(message: HTTPResponseStartEvent, scope: Scope) -> None:
    """Adds the headers of the OWASP HTTP Headers Cheat Sheet. Names in `message` are lower case, as ASGI has them."""
    names = {name for name, _ in message["headers"]}
    if b"content-language" in names:
        message["headers"] = _vary_by_language(message["headers"])
    headers = [*message["headers"], *(each for each in _DEFAULT_HEADERS if each[0] not in names)]
    if scope["scheme"] == "https":
        headers.append(_HSTS)
    message["headers"] = headers


def _vary_by_language(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of a response whose language was negotiated (RFC 9110, 12.5.5). CORS may have set a Vary before."""
    vary = [value for name, value in headers if name == b"vary"]
    others = [each for each in headers if each[0] != b"vary"]
    return [*others, (b"vary", b", ".join([*vary, b"Accept-Language"]))]


def build_cors_config(origins: str) -> CORSConfig | None:
    """`origins`: separated by commas, as browsers send them. Without any, only our own pages may send requests."""
    named = [origin.strip().rstrip("/") for origin in origins.split(",") if origin.strip()]
    if not named:
        return None
    return CORSConfig(
        allow_origins=named,
        allow_headers=[*_REQUEST_HEADERS, *_TUS_HEADERS],
        expose_headers=[*_RESPONSE_HEADERS, *_TUS_HEADERS],
    )
