"""How long the costliest request of each operation holds the loop, on which every other request waits.

The application runs in this process, on the demo office with a year of work. Each operation is asked in every costly
way that its document allows or does not (`loop_requests.py`), by whoever may ask and by nobody. What counts is the
processor time of the thread of the loop between two of its turns, the lesser of two tries.
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

from api.accounts.authentication import SignIn
from api.app import build, describe
from api.demo.year import load
from api.settings import Settings
from benchmarks.figures import SCRATCH, console
from benchmarks.loop_requests import LEFT_OUT, Asked, costly_requests
from benchmarks.sides import Broken

MOST_MS = 20.0
YEAR = 2026
TRIES = 2
_PASSWORD = "a password for this benchmark"  # of an office that ends with it
_ROLES = ("admin", "officer", "inspector", "supervisor", "handler", "analyst")
_ANSWERED_SECONDS = 20
_PIECE = 128 * 1024
"""Of a body, about as much as the server hands on at once."""


class Held(NamedTuple):
    """The worst of one operation: milliseconds, who asked in which way, and the answer's status."""

    milliseconds: float
    label: str
    who: str
    shape: str
    status: int


class Answer(NamedTuple):
    milliseconds: float
    status: int
    body: bytes = b""


class Turns:
    """The longest turn of the loop, in milliseconds of its thread."""

    longest = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        run = Handle._run  # noqa: SLF001  # the one place through which all that the loop does goes

        def timed(handle: Handle) -> None:
            begun = time.thread_time()
            run(handle)
            self.longest = max(self.longest, (time.thread_time() - begun) * 1000)

        Handle._run = timed  # noqa: SLF001
        try:
            yield
        finally:
            Handle._run = run  # noqa: SLF001


class Client:
    """Asks the application itself, without a network between."""

    def __init__(self, app: Any, turns: Turns) -> None:
        self._app, self._turns = app, turns
        self._context = app.state.context

    async def token(self, who: str) -> str:
        """Of a new device, whatever others tried under that name before."""
        person = await self._context.database.read(lambda repository: repository.person(who))
        _, tokens = await self._context.part(SignIn).open_for(person, "benchmark", "")
        return tokens.access

    async def ask(self, asked: Asked, token: str) -> Answer:
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
            raise Broken(f"{asked.method} {asked.path}, {asked.shape}: no end of its answer") from None
        return Answer(self._turns.longest, status, body)

    async def worst(self, document: Any, label: str, things: dict[str, str]) -> Held:
        found = Held(0, label, "", "", 0)
        for who in await self._who_may(next(iter(costly_requests(document, label, things)))):
            token = await self.token(who) if who else ""
            for asked in costly_requests(document, label, things):
                tries = [await self.ask(asked, token) for _ in range(TRIES)]
                milliseconds, status, _ = min(tries)
                if status >= 500 and status != 503:
                    raise Broken(f"{label}, {asked.shape}: {status}")
                found = max(found, Held(milliseconds, label, who or "nobody", asked.shape, status))
        return found

    async def _who_may(self, plain: Asked) -> list[str]:
        """Nobody, and the first who is not refused."""
        for who in _ROLES:
            if (await self.ask(plain, await self.token(who))).status != 403:
                return ["", who]
        return [""]


async def measure(settings: Settings, progress: Progress) -> list[Held]:
    app, turns = build(settings, works=False), Turns()
    async with app.lifespan():
        with turns.measured():
            client = Client(app, turns)
            document = json.loads(describe(settings))
            labels = [f"{method} {path}" for path, each in document["paths"].items() for method in each]
            things = await _things(client)
            task = progress.add_task("operations", total=len(labels))
            found = list[Held]()
            for label in sorted(set(labels) - LEFT_OUT):
                found.append(await client.worst(document, label, things))
                progress.advance(task)
    return sorted(found, reverse=True)


async def _things(client: Client) -> dict[str, str]:
    """What stands in a path; whatever is not named here is nowhere."""
    nowhere = "01900000-0000-7000-8000-000000000000"
    ids = ("alert", "briefing", "delegation", "delivery", "export", "key", "link", "notice", "rule", "upload", "device")
    newest = await client.ask(Asked("", "GET", "/api/v1/hazards", "limit=1"), await client.token("officer"))
    [hazard] = json.loads(newest.body)["items"]
    named = {"username": "inspector", "code": "EV-03", "kind": "assign", "year": "2026", "size": "320"}
    found = {"hazard_id": hazard["id"], "sha256": hazard["photos"][0]["sha256"]}
    return {**{f"{each}_id": nowhere for each in ids}, **named, **found, "provider": "wechat", "token": "a" * 43}


def line(held: Held) -> str:
    style = "bold red" if held.milliseconds > MOST_MS else "default"
    return f"[{style}]{held.milliseconds:8.1f}[/]  {held.label}: {held.who}, {held.shape}, {held.status}"


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="loop-", dir=SCRATCH) as made:
        settings = Settings(data=str(Path(made) / "data"), demo_password=_PASSWORD, tick_seconds=60)
        load(settings, console, YEAR)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            found = asyncio.run(measure(settings, progress))
    console.print("[bold]Longest turn of the loop, by operation: ms[/]")
    for each in found:
        console.print(line(each), soft_wrap=True)
    over = [each for each in found if each.milliseconds > MOST_MS]
    console.print(f"{len(found)} operations, {len(over)} of which hold the loop for more than {MOST_MS:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
