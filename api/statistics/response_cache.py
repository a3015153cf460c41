"""A bounded cache of statistics responses by ETag, so that a dashboard that asks again costs no counting."""

from typing import Any, NamedTuple

from litestar.response import Response

_MOST_BYTES = 4_000_000


class CachedResponse(NamedTuple):
    """An encoded response. `headers`: those of its format."""

    body: bytes
    media_type: str
    headers: dict[str, str]

    def response(self, **headers: str) -> Response[Any]:
        return Response(self.body, media_type=self.media_type, headers={**self.headers, **headers})


class ResponseCache:
    """A bounded cache of responses by ETag (4 MB, oldest dropped first).

    A stale response has another ETag, so it is never served. Only the event loop adds to it; any thread may read it.
    """

    def __init__(self) -> None:
        self._responses: dict[str, CachedResponse] = {}
        self._bytes = 0

    def get(self, tag: str) -> CachedResponse | None:
        return self._responses.get(tag)

    def add(self, tag: str, response: CachedResponse) -> None:
        """Adds a response and drops the oldest ones to make room. One that is larger than the cache is ignored."""
        if tag in self._responses or len(response.body) > _MOST_BYTES:
            return
        self._responses[tag] = response
        self._bytes += len(response.body)
        while self._bytes > _MOST_BYTES:
            self._bytes -= len(self._responses.pop(next(iter(self._responses))).body)
