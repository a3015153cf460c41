"""What was said of figures, kept while it holds: a dashboard that asks again costs no counting."""

from typing import Any, NamedTuple

from litestar.response import Response

_MOST_BYTES = 4_000_000


class Said(NamedTuple):
    """An answer as it goes out. `headers`: those that go with its form."""

    body: bytes
    media_type: str
    headers: dict[str, str]

    def response(self, **headers: str) -> Response[Any]:
        return Response(self.body, media_type=self.media_type, headers={**self.headers, **headers})


class Answers:
    """The newest, by the tags that say of what they are: what is no longer so has another tag, and is not asked for.

    Kept by the event loop, read by any thread.
    """

    def __init__(self) -> None:
        self._said: dict[str, Said] = {}
        self._bytes = 0

    def get(self, tag: str) -> Said | None:
        return self._said.get(tag)

    def keep(self, tag: str, said: Said) -> None:
        """The oldest make room. What is too large for all of it is not kept."""
        if tag in self._said or len(said.body) > _MOST_BYTES:
            return
        self._said[tag] = said
        self._bytes += len(said.body)
        while self._bytes > _MOST_BYTES:
            self._bytes -= len(self._said.pop(next(iter(self._said))).body)
