"""build(settings): the only place where everything is joined."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from litestar import Litestar, Router
from litestar.datastructures import State

from api import hazards, openapi, photos, places, sessions, statistics, system
from api.auth import SignIn, check_routes, guard
from api.bodies import JSON_BYTES
from api.developer import Developer
from api.house import House
from api.problems import HANDLERS
from api.scheduler import build_scheduler
from api.settings import Settings
from storage.database import open_database
from storage.photo_store import PhotoStore


def utc_now() -> datetime:
    return datetime.now(UTC)


def build(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Litestar:
    """The application over a migrated database. Its lifespan starts and stops what works in the background."""

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncGenerator[None]:
        database = open_database(settings.database_url)
        store = PhotoStore(settings.photo_folder)
        developer = Developer(database, store, clock)
        home = House(settings, database, store, SignIn(database, clock), developer, clock)
        app.state.house = home
        scheduler = build_scheduler(database, clock, settings.tick_seconds)
        developer.start()
        scheduler.start()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)
            await developer.stop()
            await database.close()

    nouns = [hazards, photos, places, sessions, statistics]
    app = Litestar(
        [Router("/api/v1", route_handlers=[route for noun in nouns for route in noun.ROUTES]), *system.ROUTES],
        guards=[guard],
        exception_handlers=HANDLERS,
        lifespan=[running],
        state=State(),
        openapi_config=openapi.SCHEMA,
        request_max_body_size=JSON_BYTES,
        logging_config=None,
    )
    check_routes(app)
    return app
