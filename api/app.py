"""Builds the application from its settings; the only place where all parts are joined."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.openapi.config import OpenAPIConfig
from litestar.types import ControllerRouterHandler

from api.accounts.guard import LinkSenderResolver, check_routes, guard
from api.accounts.security_log import SecurityLog
from api.accounts.sign_in.authentication import Authenticator
from api.accounts.sign_in.identity_providers import IdentityProviders, open_providers
from api.fix_links.party_routes import PAGES
from api.fix_links.resolver import LinkResolver
from api.http import openapi, request_metrics
from api.http.bodies import JSON_BYTES
from api.http.context import AppContext
from api.http.file_reader import FileSlots
from api.http.headers import build_cors_config, set_headers
from api.http.outbound import open_outbound_client
from api.http.problems import HANDLERS
from api.http.responses import JsonResponse
from api.ledger.exporter import Exporter
from api.monitoring.intake import AlertIntake
from api.monitoring.mqtt import broker_from_settings, create_client
from api.monitoring.mqtt_leases import MqttWorker
from api.notices.channels import open_channels
from api.notices.dispatcher import Notifier
from api.photos.bodies import UploadConcurrency
from api.photos.processor import PhotoProcessor
from api.photos.signing_key import SigningKey
from api.process import health
from api.process.listening import max_connections
from api.process.scheduler import add_heartbeat, build_scheduler
from api.settings import Settings
from api.statistics.gauges import GAUGES
from api.statistics.response_cache import ResponseCache
from api.sync.broadcaster import LiveFeed
from storage.database import Database, open_database
from storage.engine.connections import require_driver, sqlite_path
from storage.photos.store import open_photo_store

SUBJECTS = (
    "accounts", "places", "office", "photos", "hazards", "notices", "remediation", "sync", "statistics", "fix_links",
    "monitoring", "ledger", "privacy",
)  # fmt: skip


def _subject_routes() -> list[ControllerRouterHandler]:
    """Collects the ROUTES of all modules of all subjects, so that a new module needs no registration."""
    packages = [import_module(f"api.{subject}") for subject in SUBJECTS]
    names = [found.name for each in packages for found in iter_modules(each.__path__, f"{each.__name__}.")]
    return [route for name in names for route in getattr(import_module(name), "ROUTES", ())]


def utc_now() -> datetime:
    return datetime.now(UTC)


def check_settings(settings: Settings) -> None:
    """Checks the settings without using database or network. Raises BadSettings, MissingDependency, OSError."""
    require_driver(settings.database_url)
    _ = settings.photo_location, settings.trusted_networks, settings.host_names
    open_channels(settings)
    open_providers(settings)
    if settings.heartbeat:
        open_outbound_client(settings, settings.heartbeat)
    if settings.mqtt:
        create_client(broker_from_settings(settings))


@asynccontextmanager
async def app_lifespan(
    settings: Settings, clock: Callable[[], datetime], *, background_work: bool = True, serves_http: bool = True
) -> AsyncGenerator[AppContext]:
    """Opens all parts of a server over a migrated database, and closes them at the end.

    `background_work`: do it (photos, deadlines, notices). `serves_http`: serve requests, to which the background work
    yields.
    """
    channels = open_channels(settings) if background_work else []
    database = open_database(settings.database_url)
    store = open_photo_store(settings.photo_location, settings.incoming_folder)
    developer = PhotoProcessor(database, store, clock)
    exporter = Exporter(settings, database, store, clock)
    scheduler = build_scheduler(database, store, settings.digest_folder, clock, settings.tick_seconds)
    notifier = Notifier(database, channels, clock, settings.tick_seconds, yields=serves_http)
    providers = IdentityProviders(open_providers(settings) if serves_http else {})
    heart = open_outbound_client(settings, settings.heartbeat) if background_work and settings.heartbeat else None
    if heart:
        add_heartbeat(scheduler, database, heart, settings.heartbeat, settings.heartbeat_seconds, clock)
    log, key, door = SecurityLog(database, clock), SigningKey(database), LinkResolver(database, clock)
    intake = AlertIntake(database, clock)
    mqtt = _build_mqtt_worker(settings, intake, database, clock) if background_work and settings.mqtt else None
    if background_work:
        developer.start()
        exporter.start()
        scheduler.start()
        notifier.start()
    if mqtt:
        mqtt.start()
    try:
        sign_in = Authenticator(database, clock, log, settings.security_profile)
        live_feed = LiveFeed(database, max_connections())
        parts = (
            sign_in,
            key,
            door,
            developer,
            exporter,
            intake,
            live_feed,
            providers,
            UploadConcurrency(),
            FileSlots(),
            ResponseCache(),
        )
        known: dict[type[Any], Any] = {type(part): part for part in parts}
        yield AppContext(settings, database, store, log, clock, {**known, LinkSenderResolver: door})
    finally:
        if background_work:
            scheduler.shutdown(wait=False)
        if mqtt:
            await mqtt.stop()
        await notifier.stop()
        for each in (*([heart] if heart else []), *providers.values()):
            await each.close()
        await developer.stop()
        await exporter.stop()
        await database.close()


def _build_mqtt_worker(
    settings: Settings, intake: AlertIntake, database: Database, clock: Callable[[], datetime]
) -> MqttWorker:
    """Builds the worker that receives messages of an MQTT broker. Raises BadSettings, MissingDependency."""
    alone = sqlite_path(settings.database_url) is not None
    return MqttWorker(broker_from_settings(settings), intake, database, clock, alone=alone)


def build_app(settings: Settings, clock: Callable[[], datetime] = utc_now, *, background_work: bool = True) -> Litestar:
    """Builds the application over a migrated database; its lifespan starts and stops the background work."""
    return attach_context(assemble_app(settings), settings, clock, background_work=background_work)


def attach_context(
    app: Litestar, settings: Settings, clock: Callable[[], datetime], *, background_work: bool = True
) -> Litestar:
    """Sets the settings and clock from which an assembled application creates its context at its next start."""
    app.state.running = partial(app_lifespan, settings, clock, background_work=background_work)
    return app


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncGenerator[None]:
    async with app.state.running() as context:
        app.state.context = context
        yield


def assemble_app(settings: Settings, described: OpenAPIConfig | None = None) -> Litestar:
    """Assembles routes and middleware, which need no database. `described`: only to generate the OpenAPI document."""
    app = Litestar(
        [
            Router("/api/v1", route_handlers=_subject_routes()),
            *health.ROUTES,
            *(GAUGES if settings.metrics != "off" else ()),
            *(health.DOCS if settings.docs else ()),
            *PAGES,
        ],
        before_request=guard,
        response_class=JsonResponse,
        exception_handlers=HANDLERS,
        lifespan=[_lifespan],
        state=State({"document": openapi.OpenAPIDocument(partial(describe, settings))}),
        openapi_config=described,
        request_max_body_size=JSON_BYTES,
        logging_config=None,
        before_send=[set_headers, request_metrics.count_response] if settings.metrics != "off" else [set_headers],
        cors_config=build_cors_config(settings.cors),
    )
    check_routes(app)
    return app


def describe(settings: Settings) -> bytes:
    """Generates the OpenAPI document of a server with these settings."""
    return openapi.build_document(assemble_app(settings, openapi.openapi_config(settings.public_address.prefix)))
