"""Builds the application from its settings; the only place where all parts are joined."""

import os
from collections.abc import AsyncGenerator, Callable, Sequence
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

from api.accounts.guard import DeviceSenderResolver, LinkSenderResolver, check_routes, guard
from api.accounts.security_log import SecurityLog
from api.accounts.sign_in.authentication import Authenticator
from api.accounts.sign_in.identity_providers import IdentityProviders, open_providers
from api.fix_links.addresses import decision_link_url
from api.fix_links.decision_page import PAGES as DECISION_PAGES
from api.fix_links.party_routes import PAGES as PARTY_PAGES
from api.fix_links.resolver import LinkResolver
from api.hazards.rendered import RenderedHazards
from api.http.bodies import JSON_BYTES
from api.http.context import AppContext
from api.http.documents import document
from api.http.exchange.application import Application
from api.http.file_reader import FileSlots
from api.http.headers import build_cors_config
from api.http.outbound import open_outbound_client
from api.http.problems import HANDLERS
from api.http.responses import JsonResponse
from api.ledger.exporter import Exporter
from api.ledger.photo_page import PHOTO_PAGES
from api.monitoring.intake import AlertIntake
from api.monitoring.mqtt import broker_from_settings, create_client
from api.monitoring.mqtt_leases import MqttWorker
from api.monitoring.signatures import SignedDeviceResolver
from api.notices.channels import open_channels
from api.notices.dispatcher import Notifier
from api.notices.envelopes import Channel
from api.pages.documents import DOCS
from api.pages.routes import PAGES
from api.photos.bodies import UploadConcurrency
from api.photos.processor import PhotoProcessor
from api.photos.signing_key import SigningKey
from api.process import front_door, health
from api.process.listening import max_connections
from api.process.scheduler import add_heartbeat, build_scheduler
from api.settings import Settings, load_settings
from api.statistics.gauges import GAUGES
from api.statistics.response_cache import ResponseCache
from api.sync.broadcaster import LiveFeed
from storage.database import Database, open_database
from storage.engine.connections import require_driver, sqlite_path
from storage.photos.store import open_photo_store

SUBJECTS = (
    "accounts", "places", "office", "photos", "hazards", "notices", "remediation", "rounds", "sync", "statistics",
    "fix_links", "monitoring", "ledger", "privacy",
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
    notifier = _build_notifier(settings, database, channels, clock, yields=serves_http)
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
            RenderedHazards(),
        )
        known: dict[type[Any], Any] = {type(part): part for part in parts}
        known |= {LinkSenderResolver: door, DeviceSenderResolver: SignedDeviceResolver(database, intake, clock)}
        yield AppContext(settings, database, store, log, clock, known)
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


def _build_notifier(
    settings: Settings,
    database: Database,
    channels: Sequence[Channel],
    clock: Callable[[], datetime],
    *,
    yields: bool,
) -> Notifier:
    decision_url = partial(decision_link_url, settings)
    return Notifier(database, channels, clock, settings.tick_seconds, decision_url, yields=yields)


def _build_mqtt_worker(
    settings: Settings, intake: AlertIntake, database: Database, clock: Callable[[], datetime]
) -> MqttWorker:
    """Builds the worker that receives messages of an MQTT broker. Raises BadSettings, MissingDependency."""
    alone = sqlite_path(settings.database_url) is not None
    return MqttWorker(broker_from_settings(settings), intake, database, clock, alone=alone)


def create_app() -> Application:
    """Creates the application by the settings of the environment, for `litestar --app api.app:create_app`.

    The database must be migrated (`anxun migrate`). `anxun serve` does this and more: it owns the database and the
    port, and limits what strangers may send.
    """
    settings = load_settings(os.environ)
    check_settings(settings)
    return build_app(settings)


def build_app(
    settings: Settings, clock: Callable[[], datetime] = utc_now, *, background_work: bool = True
) -> Application:
    """Builds the application over a migrated database; its lifespan starts and stops the background work."""
    return attach_context(assemble_app(settings), settings, clock, background_work=background_work)


def attach_context(
    app: Application, settings: Settings, clock: Callable[[], datetime], *, background_work: bool = True
) -> Application:
    """Sets the settings and clock from which an assembled application creates its context at its next start."""
    app.state.running = partial(app_lifespan, settings, clock, background_work=background_work)
    return app


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncGenerator[None]:
    async with app.state.running() as context:
        app.state.context = context
        yield


def assemble_app(settings: Settings, described: OpenAPIConfig | None = None) -> Application:
    """Assembles routes and middleware, which need no database. `described`: only to generate the OpenAPI document."""
    app = Application(
        [
            Router("/api/v1", route_handlers=_subject_routes()),
            *health.ROUTES,
            *front_door.ROUTES,
            *(GAUGES if settings.metrics != "off" else ()),
            *([*health.DOCUMENTS, *DOCS] if settings.docs else ()),
            *PARTY_PAGES,
            *DECISION_PAGES,
            *PHOTO_PAGES,
            *PAGES,
        ],
        counts=settings.metrics != "off",
        before_request=guard,
        response_class=JsonResponse,
        exception_handlers=HANDLERS,
        lifespan=[_lifespan],
        state=State({"document": document.OpenAPIDocument(partial(describe, settings))}),
        openapi_config=described,
        request_max_body_size=JSON_BYTES,
        logging_config=None,
        cors_config=build_cors_config(settings.cors),
    )
    check_routes(app)
    return app


def describe(settings: Settings) -> bytes:
    """Generates the OpenAPI document of a server with these settings."""
    return document.build_document(assemble_app(settings, document.openapi_config(settings.public_address.prefix)))
