"""build(settings): the only place where everything is joined."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.openapi.config import OpenAPIConfig

from api import (
    alert_statistics,
    alerts,
    briefings,
    communities,
    delegations,
    devices,
    exports,
    fix_links,
    fixing,
    hazards,
    identities,
    keys,
    ledger,
    live,
    metrics,
    monitors,
    notices,
    old_ledger,
    openapi,
    people,
    personal,
    photos,
    pictures,
    places,
    rules,
    security,
    sessions,
    standing,
    statistics,
    steps,
    sync,
    system,
    totp,
    uploads,
)
from api.alert_intake import AlertIntake
from api.auth import SignIn, check_routes, guard
from api.bodies import JSON_BYTES
from api.channels import open_channels, open_outgoing
from api.developer import Developer
from api.exporter import Exporter
from api.headers import cors, set_headers
from api.house import House
from api.link_door import LinkDoor
from api.link_key import LinkKey
from api.listening import most_connections
from api.live_feed import LiveFeed
from api.mqtt import broker_of, client_of
from api.mqtt_slots import MqttWorker
from api.notifier import Notifier
from api.problems import HANDLERS
from api.providers import open_providers
from api.scheduler import add_heartbeat, build_scheduler
from api.security_log import SecurityLog
from api.settings import Settings
from storage.database import Database, check_installed, open_database, sqlite_path
from storage.photo_store import open_photos

NOUNS = (
    *(hazards, steps, sync, live, photos, pictures, uploads),
    *(
        communities,
        places,
        rules,
        people,
        personal,
        delegations,
        sessions,
        devices,
        totp,
        identities,
        keys,
        security,
        alert_statistics,
        alerts,
        monitors,
        briefings,
        ledger,
        exports,
        old_ledger,
        statistics,
        fix_links,
        notices,
    ),
)


def utc_now() -> datetime:
    return datetime.now(UTC)


def check_settings(settings: Settings) -> None:
    """Judges whatever can be judged without a database and a network. Raises BadSettings, NotInstalled, OSError."""
    check_installed(settings.database_url)
    _ = settings.photo_place, settings.trusted
    open_channels(settings)
    open_providers(settings)
    if settings.heartbeat:
        open_outgoing(settings, settings.heartbeat)
    if settings.mqtt:
        client_of(broker_of(settings))


@asynccontextmanager
async def running(
    settings: Settings, clock: Callable[[], datetime], *, works: bool = True, answers: bool = True
) -> AsyncGenerator[House]:
    """A house over a migrated database; where it `works`, photos are developed, deadlines watched, people told here.

    Where it `answers` too, work leaves time to requests.
    """
    channels = open_channels(settings) if works else []
    database = open_database(settings.database_url)
    store = open_photos(settings.photo_place, settings.scratch)
    developer = Developer(database, store, clock)
    exporter = Exporter(settings, database, store, clock)
    scheduler = build_scheduler(database, store, settings.digest_folder, clock, settings.tick_seconds)
    notifier = Notifier(database, channels, clock, settings.tick_seconds, yields=answers)
    providers = open_providers(settings) if answers else {}
    heart = open_outgoing(settings, settings.heartbeat) if works and settings.heartbeat else None
    if heart:
        add_heartbeat(scheduler, database, heart, settings.heartbeat, settings.heartbeat_seconds, clock)
    log, key, door = SecurityLog(database, clock), LinkKey(database), LinkDoor(database, clock)
    intake = AlertIntake(database, clock)
    mqtt = _mqtt(settings, intake, database, clock) if works and settings.mqtt else None
    if works:
        developer.start()
        exporter.start()
        scheduler.start()
        notifier.start()
    if mqtt:
        mqtt.start()
    try:
        sign_in = SignIn(database, clock, log, settings.asks)
        live_feed = LiveFeed(database, most_connections())
        yield House(
            settings, database, store, log, sign_in, key, door, developer, exporter, intake, live_feed, providers, clock
        )
    finally:
        if works:
            scheduler.shutdown(wait=False)
        if mqtt:
            await mqtt.stop()
        await notifier.stop()
        for each in (*([heart] if heart else []), *providers.values()):
            await each.close()
        await developer.stop()
        await exporter.stop()
        await database.close()


def _mqtt(settings: Settings, intake: AlertIntake, database: Database, clock: Callable[[], datetime]) -> MqttWorker:
    """Raises BadSettings, NotInstalled."""
    alone = sqlite_path(settings.database_url) is not None
    return MqttWorker(broker_of(settings), intake, database, clock, alone=alone)


def build(settings: Settings, clock: Callable[[], datetime] = utc_now, *, works: bool = True) -> Litestar:
    """The application over a migrated database. Its lifespan starts and stops what works in the background."""
    return at_home(assembled(settings), settings, clock, works=works)


def at_home(app: Litestar, settings: Settings, clock: Callable[[], datetime], *, works: bool = True) -> Litestar:
    """An assembled application with the house that it is to have when it next starts."""
    app.state.running = partial(running, settings, clock, works=works)
    return app


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncGenerator[None]:
    async with app.state.running() as home:
        app.state.house = home
        yield


def assembled(settings: Settings, described: OpenAPIConfig | None = None) -> Litestar:
    """All routes, and what surrounds them: the same for every database. `described`: to describe it, not to serve."""
    app = Litestar(
        [
            Router("/api/v1", route_handlers=[route for noun in NOUNS for route in noun.ROUTES]),
            *system.ROUTES,
            *(standing.ROUTES if settings.metrics != "off" else ()),
            *(system.DOCS if settings.docs else ()),
            *fixing.ROUTES,
        ],
        before_request=guard,
        exception_handlers=HANDLERS,
        lifespan=[_lifespan],
        state=State({"document": openapi.Document(partial(describe, settings))}),
        openapi_config=described,
        request_max_body_size=JSON_BYTES,
        logging_config=None,
        before_send=[set_headers, metrics.count] if settings.metrics != "off" else [set_headers],
        cors_config=cors(settings.cors),
    )
    check_routes(app)
    return app


def describe(settings: Settings) -> bytes:
    """The OpenAPI document of a server with these settings."""
    return openapi.description(assembled(settings, openapi.SCHEMA))
