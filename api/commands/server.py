"""Runs the processes of `anxun serve` (requests and background work) and `anxun work` (background work only)."""
# granian is only partly typed:
# pyright: reportUnknownMemberType=false

import asyncio
import ctypes
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, cast

import structlog
import uvloop
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.utils import proxies
from rich.console import Console

from api.app import app_lifespan, build_app, check_settings, utc_now
from api.demo.office import USERNAMES, demo_password, load_demo
from api.hosts import is_loopback
from api.http.context import AppContext
from api.http.exchange.application import Application
from api.http.request_limits import limit_requests
from api.office.seed import seed_office
from api.process import logs
from api.process.listening import (
    BACKLOG,
    Address,
    MultiProcessServer,
    SingleProcessServer,
    max_connections,
    raise_file_limit,
)
from api.settings import BadSettings, Settings
from api.sync.broadcaster import LiveFeed
from inspections.accounts.actions.delegations import people_with_delegations
from inspections.accounts.people import Person, Role
from inspections.accounts.security_profile import has_any_role
from storage.database import open_database
from storage.engine.connections import sqlite_path, write_access
from storage.migration import check_schema, migrate
from storage.photos.store import open_photo_store
from storage.private_files import restrict_folder

log = structlog.get_logger()

_HEADERS_WITHIN_MS = 15_000
_BUFFER_BYTES = 192 * 1024
"""Body buffer of a connection: half of granian's default, with which a hundred slow phones would need 40 MB."""
_STOP_SECONDS = 20
_COLLECT_AFTER_OBJECTS = 10_000
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def serve(settings: Settings, console: Console, *, demo: bool, workers: int, background_work: bool) -> None:
    """Serves until SIGTERM or SIGINT. Raises AddressInUse, DatabaseInUse, BadSettings, WrongSchema, BucketError.

    All checks that need no database come before the first write.
    """
    if workers > 1 and sqlite_path(settings.database_url):
        raise BadSettings("several workers need PostgreSQL: set ANXUN_DATABASE=postgresql://…")
    check_settings(settings)
    _check_public_url(settings)
    _check_accounts(settings, [], demo=demo)
    raise_file_limit()
    address = Address(settings.host, settings.port, sockets=workers)
    with closing(address), write_access(settings.database_url):
        _restrict_folders(settings)
        open_photo_store(
            settings.photo_location, settings.incoming_folder
        )  # fails early if the photo store cannot be used
        migrate(settings.database_url)
        asyncio.run(_prepare_database(settings, demo=demo))
        _print_banner(settings, address, console, demo=demo)
        if workers > 1:
            _serve_by_workers(settings, address, workers, background_work=background_work)
        else:
            uvloop.run(_serve_in_process(settings, address, build_app(settings, background_work=background_work)))


def work(settings: Settings) -> None:
    """Does background work until SIGTERM or SIGINT. Raises the same as `serve`."""
    check_settings(settings)
    with write_access(settings.database_url):
        _restrict_folders(settings)
        check_schema(settings.database_url)
        uvloop.run(_run_background_work(settings))


async def _run_background_work(settings: Settings) -> None:
    async with app_lifespan(settings, utc_now, serves_http=False):
        await _stop_signal().wait()


async def _prepare_database(settings: Settings, *, demo: bool) -> None:
    """Seeds an empty office and, on request, loads the demo office. Raises BadSettings before writing anything."""
    database = open_database(settings.database_url)
    try:
        people = await database.read(partial(people_with_delegations, now=utc_now()))
        _check_accounts(settings, people, demo=demo)
        await seed_office(database)
        if demo:
            await load_demo(database, settings)
    finally:
        await database.close()


def _restrict_folders(settings: Settings) -> None:
    """Restricts data folders that an older version left open to other accounts of the machine."""
    local = [] if settings.photo_location.startswith("s3://") else [Path(settings.photo_location)]
    for folder in dict.fromkeys((settings.folder, settings.digest_folder, *local)):
        try:
            if files := restrict_folder(folder):
                log.warning(
                    "files were open to other accounts of this machine: closed", folder=str(folder), files=files
                )
        except OSError as error:  # another account owns the folder, such as a share for digests
            log.warning("files are open to other accounts of this machine", folder=str(folder), reason=str(error))


def _check_accounts(settings: Settings, people: list[Person], *, demo: bool) -> None:
    """Checks the settings against the existing accounts and those of the demo office. Raises BadSettings."""
    active = [person for person in people if person.active]
    if (
        (demo or any(person.demo for person in people))
        and settings.demo_password is None
        and not is_loopback(settings.host)
    ):
        raise BadSettings(
            "demo accounts must not listen beyond loopback: set ANXUN_DEMO_PASSWORD, or ANXUN_HOST=127.0.0.1"
        )
    if settings.security_profile.separate_admins and (demo or any(person.demo for person in active)):
        raise BadSettings("ANXUN_PROFILE=strict: this is the demo office, whose password others know")
    whole = [person.username for person in active if has_any_role(person, (Role.ADMIN,))]
    if settings.security_profile.separate_admins and whole:
        raise BadSettings(
            f"ANXUN_PROFILE=strict: {', '.join(whole)} is all administrators in one. Make the three first: "
            "anxun user add NAME --role system_admin: (and security_admin:, audit_admin:); then, still without the "
            "strict profile, take the role admin away"
        )
    mixed = [each.username for each in active if settings.security_profile.role_conflict(each.grants)]
    if mixed:
        raise BadSettings(
            f"ANXUN_PROFILE={settings.profile}: administrators hold no other role: {', '.join(mixed)}. Still without "
            "the strict profile, give each their own account, and end delegations to administrators"
        )


def _check_public_url(settings: Settings) -> None:
    """Raises BadSettings under the strict profile, where others can reach a server that does not know its address."""
    if settings.profile == "strict" and not settings.public_url and not is_loopback(settings.host):
        raise BadSettings(
            "ANXUN_PROFILE=strict: set ANXUN_PUBLIC_URL to the address by which phones reach this server, such as "
            "https://anxun.example, or ANXUN_HOST=127.0.0.1"
        )


def _print_banner(settings: Settings, address: Address, console: Console, *, demo: bool) -> None:
    office = " · demo office 新嘉街道" if demo else ""
    console.print(f"[bold]Anxun 安巡[/bold]{office} · data in {settings.folder}", soft_wrap=True)
    console.print(f"  API        {address.url}/api/v1", soft_wrap=True)
    console.print(f"  phone      {address.url}/m", soft_wrap=True)
    for page in ("board", "dashboard", "admin"):
        console.print(f"  {page:<11}{address.url}/{page}", soft_wrap=True)
    if settings.docs:
        console.print(f"  docs       {address.url}/docs", soft_wrap=True)
    if settings.public_url:
        console.print(f"  public     {settings.public_url}", soft_wrap=True)
    else:
        log.warning("ANXUN_PUBLIC_URL is not set: QR codes and links open on this machine only")
        console.print("  links      for this machine only: QR codes for phones need ANXUN_PUBLIC_URL", soft_wrap=True)
    if not demo:
        return
    console.print(f"  accounts   {', '.join(USERNAMES)}", soft_wrap=True)
    if settings.demo_password:
        console.print("  password   the one in ANXUN_DEMO_PASSWORD")
    else:
        console.print(f"  password   {demo_password(settings.folder, None)}")


def configure_collector() -> None:
    """Keeps the garbage collector off the objects that stay, and lets it look for cycles less often.

    Scanning what is loaded would pause all requests for 40 ms a second. Requests leave hardly any cycles, so that
    Python's threshold of 700 new objects finds little.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER_OBJECTS)


def _wrap_app(settings: Settings, app: Application) -> Callable[..., Any]:
    configure_collector()
    limited = limit_requests(cast("Callable[..., Any]", app), settings, app.path_methods.allow_header)
    if not settings.trusted_proxies:
        return limited
    trusted = [str(each) for each in settings.trusted_networks]
    return cast("Callable[..., Any]", proxies.wrap_asgi_with_proxy_headers(limited, trusted))


def _granian_options() -> dict[str, Any]:
    """Options of granian for one process and for several.

    Only HTTP/1 is offered: there granian limits the time to send a request's headers, from the start of a connection
    and after each response, which it does not do for HTTP/2.
    """
    return {
        "interface": Interfaces.ASGI,
        "log_enabled": False,
        "websockets": False,
        "http": HTTPModes.http1,
        "backlog": BACKLOG,
        "backpressure": max_connections(),
        "http1_settings": HTTP1Settings(header_read_timeout=_HEADERS_WITHIN_MS, max_buffer_size=_BUFFER_BYTES),
    }


async def _serve_in_process(settings: Settings, address: Address, app: Application) -> None:
    """Serves in this process, so that no child process can be left behind (docs/decisions/0003)."""
    server = SingleProcessServer(_wrap_app(settings, app), address, **_granian_options())
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(_stop_signal().wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    cast("AppContext", app.state.context).part(LiveFeed).stop()
    server.stop()
    # Accepted requests are finished; stalled ones are cut off after _STOP_SECONDS.
    await asyncio.wait({serving}, timeout=_STOP_SECONDS)
    stopping.cancel()
    if serving.done():
        serving.result()


def _stop_signal() -> asyncio.Event:
    asked = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, asked.set)
    return asked


def _serve_by_workers(settings: Settings, address: Address, workers: int, *, background_work: bool) -> None:
    multiprocessing.set_start_method("fork", force=True)  # workers inherit the sockets
    MultiProcessServer(
        "anxun",
        address,
        **_granian_options(),
        loop=Loops.uvloop,
        workers=workers,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
    ).serve(target_loader=partial(_build_worker_app, settings, os.getpid(), background_work=background_work))


def _build_worker_app(settings: Settings, parent: int, _: str, *, background_work: bool) -> Callable[..., Any]:
    """Builds the app of a worker process. The kernel kills it with its parent, so that the port is not left open."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before prctl
            os.kill(os.getpid(), signal.SIGKILL)
    logs.configure_logs(settings.log, settings.syslog)
    return _wrap_app(settings, build_app(settings, background_work=background_work))
