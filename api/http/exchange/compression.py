"""Compresses texts for clients that accept it (RFC 9110, 8.4 and 12.5.3): zstd (RFC 8878) or gzip (RFC 1952).

Photos are compressed already. Streams of events would wait in the compressor. Answers of sign-in hold secrets beside
what others can choose, which the length of a compressed answer could betray (BREACH).
"""

import re
import zlib
from typing import Any, NamedTuple, Protocol, cast

from backports import zstd
from litestar.types import HTTPScope, Message, Send

LEAST_BYTES = 1024
"""The size below which compression saves no packet."""
_GZIP_LEVEL, _ZSTD_LEVEL = 1, 3
_GZIP_WINDOW = 31
"""A window of 32 kB (15 bits), and 16 for the head and end of gzip."""
_TEXTS = frozenset(
    {
        *(b"application/json", b"application/problem+json", b"application/geo+json"),
        *(b"application/vnd.oai.openapi+json", b"text/csv", b"text/html", b"text/css", b"text/javascript"),
        *(b"image/svg+xml", b"text/plain"),
    }
)
_CODING = re.compile(r"\s*([^\s;,]+)\s*(?:;\s*q\s*=\s*([0-9.]{1,5})\s*)?")


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def find_compression(accepted: bytes, codings: tuple[str, ...] = ("zstd", "gzip")) -> str | None:
    """Returns the coding to use for a value of `Accept-Encoding`, the first of equals; None for none of `codings`.

    What cannot be understood is left out, as RFC 9110 lets a server send any coding or none.
    """
    if accepted == b"gzip, deflate":  # what most libraries send
        return "gzip"
    weights: dict[str, float] = {}
    for part in accepted.decode("latin-1").lower().split(","):
        if found := _CODING.fullmatch(part):
            weights[found[1]] = _parse_weight(found[2])
    others = weights.get("*", 0.0)
    best = max(codings, key=lambda name: weights.get(name, others))
    return best if weights.get(best, others) > 0 else None


def _parse_weight(text: str | None) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


class CompressedSender:
    """Sends an answer in a coding, if it is a text that is worth it. `send` takes the messages of the application."""

    def __init__(self, send: Send, scope: HTTPScope, coding: str) -> None:
        self._send = send
        self._scope = scope
        self._coding = coding
        self._head: Any = None
        self._compressor: _Compressor | None = None

    async def send(self, message: Message) -> None:
        """Holds the head back until the first part of the body shows whether it is worth it."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._head is not None:
            head, self._head = self._head, None
            if self._is_worth_it(head, len(body), more=more):
                self._compressor = _new_compressor(self._coding)
                _change_head(head, self._coding)
                if not more:
                    body = self._compressor.compress(body) + self._compressor.flush()
                    self._compressor = None
                    head["headers"].append((b"content-length", str(len(body)).encode()))
            await self._send(head)
        if self._compressor is not None:
            body = self._compressor.compress(body) + (b"" if more else self._compressor.flush())
            if more and not body:
                return
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _is_worth_it(self, head: Any, size: int, *, more: bool) -> bool:
        fields = _Fields.read(head["headers"])
        if head["status"] != 200 and head["status"] < 400:  # noqa: PLR2004  # parts, redirects and answers without content
            return False
        if fields.media_type not in _TEXTS or fields.is_coded or fields.sets_cookie or self._holds_secrets():
            return False
        return more or size >= LEAST_BYTES

    def _holds_secrets(self) -> bool:
        """Tells whether the route answers with tokens, as its option `secrets` says."""
        handler = cast("Any", self._scope).get("route_handler")
        return handler is not None and bool(handler.opt.get("secrets"))


class _Fields(NamedTuple):
    """The fields of a head that tell whether its body is worth it."""

    media_type: bytes
    is_coded: bool
    sets_cookie: bool

    @classmethod
    def read(cls, headers: Any) -> "_Fields":
        known = {name.lower(): value for name, value in headers}
        media_type = known.get(b"content-type", b"").partition(b";")[0].strip()
        return cls(media_type, b"content-encoding" in known, b"set-cookie" in known)


def _new_compressor(coding: str) -> _Compressor:
    if coding == "zstd":
        return zstd.ZstdCompressor(_ZSTD_LEVEL)
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)


def _change_head(head: Any, coding: str) -> None:
    """Names the coding. The ETag becomes weak, since the bytes differ; a part of them cannot be asked for."""
    kept: list[tuple[bytes, bytes]] = []
    for name, value in head["headers"]:
        lower = name.lower()
        if lower == b"etag" and not value.startswith(b"W/"):
            kept.append((name, b"W/" + value))
        elif lower not in {b"content-length", b"accept-ranges"}:
            kept.append((name, value))
    head["headers"] = [*kept, (b"content-encoding", coding.encode()), (b"vary", b"Accept-Encoding")]
