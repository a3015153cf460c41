"""Proves that a slow request body is accepted, while one that sends next to nothing is cut off."""

import asyncio
import selectors

import pytest
from litestar import Litestar, Request, Response, post

from api.http import bodies
from api.http.problems import StalledTransfer

PIECES = 20


@pytest.fixture(autouse=True)
def _shortened_limits(monkeypatch):
    """Set the patience to half a second instead of a minute, the slowest pace to 40 bytes a second instead of 256."""
    monkeypatch.setattr(bodies, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(bodies, "SLOWEST_BYTES", 40)


class ImmediateSelector(selectors.DefaultSelector):
    """Never waits, and adds up the time that it was asked to wait."""

    waited = 0.0

    def select(self, timeout=None):
        self.waited += timeout or 0
        return super().select(0)


class SimulatedTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only by waiting, so that a pause lasts as long as it says on a busy machine."""

    def __init__(self):
        self._selector_with_time = ImmediateSelector()
        super().__init__(self._selector_with_time)

    def time(self):
        return self._selector_with_time.waited


def refuse(_request, _error):
    return Response(b"stalled", status_code=408)


def answer_to(piece, pauses, work=0.0):
    """Return the answer to pieces of `piece` bytes, each sent after one of `pauses`; each costs the server `work`."""

    @post("/")
    async def read(request: Request) -> bytes:
        came = 0
        async for chunk in bodies.read_chunks(request):
            came += len(chunk)
            await asyncio.sleep(work)
        return str(came).encode()

    async def send_request():
        left, answered = list(enumerate(pauses, 1)), []

        async def receive():
            number, pause = left.pop(0)
            await asyncio.sleep(pause)
            return {"type": "http.request", "body": bytes(piece), "more_body": number < len(pauses)}

        async def send(message):
            answered.append(message.get("body", b""))

        scope = {
            "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "root_path": "", "query_string": b"",
            "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "scheme": "http", "state": {},
        }  # fmt: skip
        await Litestar([read], exception_handlers={StalledTransfer: refuse}, openapi_config=None)(scope, receive, send)
        return b"".join(answered)

    with asyncio.Runner(loop_factory=SimulatedTimeLoop) as runner:
        return runner.run(send_request())


def test_a_body_of_single_slow_bytes_is_cut_off():
    assert answer_to(1, [0.1] * PIECES) == b"stalled"


def test_a_fast_beginning_does_not_allow_a_longer_pause():
    assert answer_to(1000, [0] * PIECES + [0.7]) == b"stalled"


def test_a_slow_but_steady_body_is_accepted():
    """The body takes four times the patience, at several times the slowest pace."""
    assert answer_to(100, [0.1] * PIECES) == str(100 * PIECES).encode()


def test_the_server_s_own_work_does_not_count_as_a_pause():
    assert answer_to(1, [0] * 10, work=0.1) == b"10"
