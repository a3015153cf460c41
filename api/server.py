"""`anxun serve` on the embedded default: one process that answers, develops and sweeps."""

import asyncio
import ipaddress
import signal

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar import Litestar
from rich.console import Console

from api.app import build
from api.demo.office import USERNAMES, demo_password, load_office
from api.settings import BadSettings, Settings
from storage.database import open_database, owned
from storage.migration import migrate

_HEADERS_WITHIN_MS = 15_000
_STOP_SECONDS = 20.0


def serve(settings: Settings, console: Console, *, demo: bool) -> None:
    """Serves until SIGTERM or SIGINT. Raises Locked, BadSettings."""
    with owned(settings.database_url):
        migrate(settings.database_url)
        _check_exposure(settings, has_demo=asyncio.run(_prepare(settings, demo=demo)))
        if demo:
            _greet(settings, console)
        asyncio.run(_run(settings, build(settings)))


async def _prepare(settings: Settings, *, demo: bool) -> bool:
    """Loads the demo office where asked; true if this database has demo accounts."""
    database = open_database(settings.database_url)
    try:
        if demo:
            await load_office(database, demo_password(settings.folder, settings.demo_password))
        return await database.read(lambda register: any(person.demo for person in register.people()))
    finally:
        await database.close()


def _check_exposure(settings: Settings, *, has_demo: bool) -> None:
    loopback = settings.host == "localhost" or ipaddress.ip_address(settings.host).is_loopback
    if has_demo and not loopback and settings.demo_password is None:
        raise BadSettings(
            "demo accounts must not listen beyond loopback: set ANXUN_DEMO_PASSWORD, or ANXUN_HOST=127.0.0.1"
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


async def _run(settings: Settings, app: Litestar) -> None:
    server = Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        log_enabled=False,
        websockets=False,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_WITHIN_MS),
    )
    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, asked_to_stop.set)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.stop()
    # What was accepted is finished; who stands still is not waited for.
    await asyncio.wait({serving}, timeout=_STOP_SECONDS)
    stopping.cancel()
    if serving.done():
        serving.result()
