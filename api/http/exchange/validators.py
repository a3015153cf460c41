"""Compares the ETag of an answer with those that the client knows (RFC 9110, 8.8.3 and 13.1.2)."""

import re

from litestar.types import Scope

from api.http.headers import request_header

_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def is_known_to_client(scope: Scope, etag: str) -> bool:
    """Tells whether `If-None-Match` names this ETag, or any. The comparison is weak: `W/"a"` equals `"a"`."""
    header = request_header(scope, b"if-none-match")
    if header is None:
        return False
    if header.strip() == "*":
        return True
    wanted = etag.removeprefix("W/")
    return any(known.removeprefix("W/") == wanted for known in _ETAG.findall(header))
