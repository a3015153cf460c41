"""A body may take long, but whoever sends next to nothing holds no connection by it."""

import asyncio

import pytest
from litestar import Litestar, Request, Response, post

from api.http import bodies
from api.http.problems import Stalled

PIECES = 20


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    """Half a second's patience instead of a minute's, forty bytes a second instead of 256."""
    monkeypatch.setattr(bodies, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(bodies, "SLOWEST_BYTES", 40)


def stalled(_request, _error):
    return Response(b"stalled", status_code=408)


def answer_to(piece, pauses, work=0.0):
    """What is answered to pieces of `piece` bytes that come after `pauses` seconds each; `work`: ours, for each."""

    @post("/")
    async def read(request: Request) -> bytes:
        came = 0
        async for chunk in bodies.chunks(request):
            came += len(chunk)
            await asyncio.sleep(work)
        return str(came).encode()

    async def sent():
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
        await Litestar([read], exception_handlers={Stalled: stalled}, openapi_config=None)(scope, receive, send)
        return b"".join(answered)

    return asyncio.run(sent())


def test_a_byte_now_and_then_is_given_up():
    assert answer_to(1, [0.1] * PIECES) == b"stalled"


def test_much_that_was_sent_saves_no_more_patience_than_anybody_has():
    assert answer_to(1000, [0] * PIECES + [0.7]) == b"stalled"


def test_a_slow_network_is_waited_for():
    """Four times as long as anybody's patience, at several times the slowest pace."""
    assert answer_to(100, [0.1] * PIECES) == str(100 * PIECES).encode()


def test_what_the_server_does_between_two_pieces_costs_no_patience():
    assert answer_to(1, [0] * 10, work=0.1) == b"10"
