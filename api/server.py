"""The processes: `anxun serve`, which answers, and `anxun work`, which only does what happens by itself."""
# granian types only a part of what it offers:
# pyright: reportUnknownMemberType=false

import asyncio
import ctypes
import gc
import ipaddress
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import uvloop
from granian.constants import Interfaces, Loops
from granian.http import HTTP1Settings
from granian.server.embed import Server
from granian.utils import proxies
from litestar import Litestar
from rich.console import Console

from api import logs
from api.app import build, running, utc_now
from api.demo.office import USERNAMES, demo_password, load_office
from api.furnishing import furnish
from api.house import House
from api.settings import BadSettings, Settings
from inspections.people import Person, Role
from inspections.profile import holds
from storage.database import open_database, owned, sqlite_path
from storage.migration import check, migrate
from storage.photo_store import open_photos

_HEADERS_WITHIN_MS = 15_000
_BUFFER_BYTES = 192 * 1024
"""Of a body on each connection: half of granian's own, which a hundred slow phones would fill with 40 MB."""
_BACKLOG = 1024
_STOP_SECONDS = 20
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def serve(settings: Settings, console: Console, *, demo: bool, workers: int, works: bool) -> None:
    """Serves until SIGTERM or SIGINT. Raises Locked, BadSettings, WrongSchema, NoBucket."""
    if workers > 1 and sqlite_path(settings.database_url):
        raise BadSettings("several workers need PostgreSQL: set ANXUN_DATABASE=postgresql://…")
    with owned(settings.database_url):
        open_photos(settings.photo_place, settings.scratch)  # a store that cannot be used is said before anything
        migrate(settings.database_url)
        people = asyncio.run(_prepare(settings, demo=demo))
        _check_exposure(settings, has_demo=any(person.demo for person in people))
        _check_strict(settings, people)
        if demo:
            _greet(settings, console)
        if workers > 1:
            _serve_by_workers(settings, workers, works=works)
        else:
            uvloop.run(_serve_here(settings, build(settings, works=works)))


def work(settings: Settings) -> None:
    """Develops photos, watches deadlines and does what recurs until SIGTERM or SIGINT. Raises as `serve`."""
    with owned(settings.database_url):
        check(settings.database_url)
        uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    async with running(settings, utc_now, answers=False):
        await _asked_to_stop().wait()


async def _prepare(settings: Settings, *, demo: bool) -> list[Person]:
    """Furnishes an empty office, loads the demo office where asked; answers everybody who has an account."""
    database = open_database(settings.database_url)
    try:
        await furnish(database)
        if demo:
            await load_office(database, demo_password(settings.folder, settings.demo_password))
        return await database.read(lambda register: register.people())
    finally:
        await database.close()


def _check_exposure(settings: Settings, *, has_demo: bool) -> None:
    loopback = settings.host == "localhost" or ipaddress.ip_address(settings.host).is_loopback
    if has_demo and not loopback and settings.demo_password is None:
        raise BadSettings(
            "demo accounts must not listen beyond loopback: set ANXUN_DEMO_PASSWORD, or ANXUN_HOST=127.0.0.1"
        )


def _check_strict(settings: Settings, people: list[Person]) -> None:
    """Who turns to the strict profile is told what of before does not go with it."""
    active = [person for person in people if person.active]
    if settings.asks.divided and any(person.demo for person in active):
        raise BadSettings("ANXUN_PROFILE=strict: this is the demo office, whose password others know")
    whole = [person.username for person in active if holds(person, (Role.ADMIN,))]
    if settings.asks.divided and whole:
        raise BadSettings(
            f"ANXUN_PROFILE=strict: {', '.join(whole)} is all administrators in one. Make the three first: "
            "anxun user add NAME --role system_admin: (and security_admin:, audit_admin:); then, still without the "
            "strict profile, take the role admin away"
        )


def _greet(settings: Settings, console: Console) -> None:
    address = f"http://{settings.host}:{settings.port}"
    console.print(f"[bold]Anxun 安巡[/bold] · demo office 新嘉街道 · data in {settings.folder}")
    console.print(f"  API        {address}/api/v1")
    console.print(f"  docs       {address}/docs")
    console.print(f"  accounts   {', '.join(USERNAMES)}", soft_wrap=True)
    if settings.demo_password:
        console.print("  password   the one in ANXUN_DEMO_PASSWORD")
    else:
        console.print(f"  password   {demo_password(settings.folder, None)}")


def _behind_proxies(settings: Settings, app: Litestar) -> Callable[..., Any]:
    gc.collect()
    gc.freeze()  # what is there now stays: looking through it again would hold up all requests for 40 ms, once a second
    if not settings.trusted_proxies:
        return app
    trusted = [each.strip() for each in settings.trusted_proxies.split(",")]
    return cast("Callable[..., Any]", proxies.wrap_asgi_with_proxy_headers(app, trusted))


def _listening(settings: Settings) -> dict[str, Any]:
    """What granian is told however many processes listen."""
    return {
        "address": settings.host,
        "port": settings.port,
        "interface": Interfaces.ASGI,
        "log_enabled": False,
        "websockets": False,
        "backlog": _BACKLOG,
        "http1_settings": HTTP1Settings(header_read_timeout=_HEADERS_WITHIN_MS, max_buffer_size=_BUFFER_BYTES),
    }


async def _serve_here(settings: Settings, app: Litestar) -> None:
    """One process that answers and works, with no other to be left behind (docs/decisions/0003)."""
    server = Server(_behind_proxies(settings, app), **_listening(settings))
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(_asked_to_stop().wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    cast("House", app.state.house).live.stop()
    server.stop()
    # What was accepted is finished; who stands still is not waited for.
    await asyncio.wait({serving}, timeout=_STOP_SECONDS)
    stopping.cancel()
    if serving.done():
        serving.result()


def _asked_to_stop() -> asyncio.Event:
    asked = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, asked.set)
    return asked


def _serve_by_workers(settings: Settings, workers: int, *, works: bool) -> None:
    from granian.server.mp import MPServer  # noqa: PLC0415  # one process does without

    MPServer(
        "anxun",
        **_listening(settings),
        loop=Loops.uvloop,
        workers=workers,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
    ).serve(target_loader=partial(_worker, settings, os.getpid(), works=works))


def _worker(settings: Settings, parent: int, _: str, *, works: bool) -> Callable[..., Any]:
    """What one worker serves. Killed with its parent, whose SIGTERM is the polite way: nobody is left on the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # gone before we asked to be told
            os.kill(os.getpid(), signal.SIGKILL)
    logs.configure(settings.log, settings.syslog)
    return _behind_proxies(settings, build(settings, works=works))
