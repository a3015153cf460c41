"""Measures how long the costliest request of each operation blocks the event loop, which all other requests share.

The application runs in this process, on the demo office with a year of work. Each operation gets all kinds of costly
requests, valid or not (`loop_requests.py`), from an allowed person and without sign-in. The figure is the CPU time of
the loop's thread in one iteration, the smaller of two tries.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from asyncio.events import Handle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import Progress

from api.accounts.sign_in.authentication import AttemptOrigin, Authenticator
from api.app import build_app, describe
from api.demo.year import load_demo_data
from api.http.client_address import parse_network
from api.settings import Settings
from benchmarks.figures import SCRATCH, console
from benchmarks.loop_requests import LEFT_OUT, CostlyRequest, costly_requests
from benchmarks.sides import BenchmarkError
from inspections.accounts.actions.external_identities import LinkedAccount

MOST_MS = 20.0
YEAR = 2026
TRIES = 2
_PASSWORD = "a password for this benchmark"  # the office exists only during this run
_ROLES = ("admin", "officer", "inspector", "supervisor", "handler", "analyst")
_ANSWERED_SECONDS = 20
_PIECE = 128 * 1024
"""The bytes of a body per message, about as many as the server passes on at once."""


class LongestTurn(NamedTuple):
    """The longest iteration of the loop for one operation, with the person, the kind of request and its status."""

    milliseconds: float
    label: str
    who: str
    shape: str
    status: int


class Answer(NamedTuple):
    milliseconds: float
    status: int
    body: bytes = b""


class LoopTimer:
    """Records the longest iteration of the event loop, in CPU milliseconds of its thread."""

    longest = 0.0

    @contextmanager
    def measure_turns(self) -> Iterator[None]:
        run = Handle._run  # noqa: SLF001  # the loop runs every callback through it

        def run_timed_turn(handle: Handle) -> None:
            begun = time.thread_time()
            run(handle)
            self.longest = max(self.longest, (time.thread_time() - begun) * 1000)

        Handle._run = run_timed_turn  # noqa: SLF001
        try:
            yield
        finally:
            Handle._run = run  # noqa: SLF001


class Client:
    """Sends requests to the application directly, without a network."""

    def __init__(self, app: Any, turns: LoopTimer) -> None:
        self._app, self._turns = app, turns
        self._context = app.state.context

    async def token(self, who: str) -> str:
        """Signs in as a new device and returns its token; earlier failed sign-ins have no effect."""
        account = LinkedAccount(await self._context.database.read(lambda repository: repository.person(who)), None)
        origin = AttemptOrigin(parse_network(""))
        _, tokens = await self._context.part(Authenticator).open_with_identity(account, "benchmark", origin)
        return tokens.access

    async def send(self, asked: CostlyRequest, token: str) -> Answer:
        headers = [(name.encode(), value.encode()) for name, value in asked.headers]
        if token and "authorization" not in dict(asked.headers):
            headers.append((b"authorization", f"Bearer {token}".encode()))
        headers += [(b"host", b"127.0.0.1"), (b"content-length", str(len(asked.body)).encode())]
        status, body, ended = 0, b"", asyncio.Event()

        pieces = [asked.body[at : at + _PIECE] for at in range(0, len(asked.body), _PIECE)] or [b""]

        async def receive() -> dict[str, Any]:
            if not pieces:
                await ended.wait()
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status, body
            status, body = message.get("status", status), body + message.get("body", b"")
            if message["type"] == "http.response.body" and not message.get("more_body"):
                ended.set()

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": asked.method, "scheme": "http",
            "path": asked.path, "raw_path": asked.path.encode(), "query_string": asked.query.encode(), "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
        }  # fmt: skip
        self._turns.longest = 0.0
        try:
            async with asyncio.timeout(_ANSWERED_SECONDS):
                await asyncio.create_task(self._app(scope, receive, send))
        except TimeoutError:
            raise BenchmarkError(f"{asked.method} {asked.path}, {asked.shape}: its response did not end") from None
        return Answer(self._turns.longest, status, body)

    async def longest_turn(self, document: Any, label: str, things: dict[str, str]) -> LongestTurn:
        found = LongestTurn(0, label, "", "", 0)
        for who in await self._allowed_users(next(iter(costly_requests(document, label, things)))):
            token = await self.token(who) if who else ""
            for asked in costly_requests(document, label, things):
                tries = [await self.send(asked, token) for _ in range(TRIES)]
                milliseconds, status, _ = min(tries)
                if status >= 500 and status != 503:
                    raise BenchmarkError(f"{label}, {asked.shape}: {status}")
                found = max(found, LongestTurn(milliseconds, label, who or "nobody", asked.shape, status))
        return found

    async def _allowed_users(self, plain: CostlyRequest) -> list[str]:
        """Returns the empty name (not signed in) and the first user who is not refused with 403."""
        for who in _ROLES:
            if (await self.send(plain, await self.token(who))).status != 403:
                return ["", who]
        return [""]


async def measure(settings: Settings, progress: Progress) -> list[LongestTurn]:
    app, turns = build_app(settings, background_work=False), LoopTimer()
    async with app.lifespan():
        with turns.measure_turns():
            client = Client(app, turns)
            document = json.loads(describe(settings))
            labels = [f"{method} {path}" for path, each in document["paths"].items() for method in each]
            things = await _path_parameters(client)
            task = progress.add_task("operations", total=len(labels))
            found = list[LongestTurn]()
            for label in sorted(set(labels) - LEFT_OUT):
                found.append(await client.longest_turn(document, label, things))
                progress.advance(task)
    return sorted(found, reverse=True)


async def _path_parameters(client: Client) -> dict[str, str]:
    """Returns values for the parameters in paths; ids of other kinds exist nowhere."""
    nowhere = "01900000-0000-7000-8000-000000000000"
    ids = ("alert", "briefing", "delegation", "delivery", "export", "key", "link", "notice", "rule", "upload", "device")
    newest = await client.send(CostlyRequest("", "GET", "/api/v1/hazards", "limit=1"), await client.token("officer"))
    [hazard] = json.loads(newest.body)["items"]
    named = {"username": "inspector", "code": "EV-03", "kind": "assign", "year": "2026", "size": "320"}
    found = {"hazard_id": hazard["id"], "sha256": hazard["photos"][0]["sha256"]}
    return {**{f"{each}_id": nowhere for each in ids}, **named, **found, "provider": "wechat", "token": "a" * 43}


def format_line(held: LongestTurn) -> str:
    style = "bold red" if held.milliseconds > MOST_MS else "default"
    return f"[{style}]{held.milliseconds:8.1f}[/]  {held.label}: {held.who}, {held.shape}, {held.status}"


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="loop-", dir=SCRATCH) as made:
        settings = Settings(data=str(Path(made) / "data"), demo_password=_PASSWORD, tick_seconds=60)
        load_demo_data(settings, console, YEAR)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            found = asyncio.run(measure(settings, progress))
    console.print("[bold]Longest iteration of the loop, by operation: ms[/]")
    for each in found:
        console.print(format_line(each), soft_wrap=True)
    over = [each for each in found if each.milliseconds > MOST_MS]
    console.print(f"{len(found)} operations, {len(over)} of which block the loop for more than {MOST_MS:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
