"""The headers of every answer: what a browser may do with it; and who may ask from another origin."""

from litestar.config.cors import CORSConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(self), geolocation=(self), microphone=(), payment=()",
}
_UNLESS_SAID = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Of whatever does not say otherwise: most answers are about people, and none but our pages is shown as one."""
_A_YEAR = "max-age=31536000"
_SENT = ("Authorization", "Content-Type", "Last-Event-ID", "If-None-Match", "Range", "X-HTTP-Method-Override")
_TUS = ("Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Checksum")
_READ = ("ETag", "Location", "Retry-After", "Anxun-Photo", "Anxun-Photo-State")


async def set_headers(message: Message, scope: Scope) -> None:
    """OWASP HTTP Headers Cheat Sheet. RFC 6797 wants Strict-Transport-Security over https alone."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in _ALWAYS.items():
        headers[name] = value
    for name, value in _UNLESS_SAID.items():
        if name not in headers:
            headers[name] = value
    if scope["scheme"] == "https":
        headers["strict-transport-security"] = _A_YEAR


def cors(origins: str) -> CORSConfig | None:
    """`origins` with commas, as browsers say them. None of them: nobody's page but our own may ask."""
    named = [origin.strip().rstrip("/") for origin in origins.split(",") if origin.strip()]
    if not named:
        return None
    return CORSConfig(allow_origins=named, allow_headers=[*_SENT, *_TUS], expose_headers=[*_READ, *_TUS])
