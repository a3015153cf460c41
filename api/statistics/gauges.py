"""The metrics that Prometheus scrapes at /metrics: requests, and open hazards by street at this moment."""

import asyncio
from functools import partial
from typing import Any, cast

from litestar import Response, get
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from api.http.bodies import AnyRequest
from api.http.context import app_context
from api.http.request_metrics import render_metrics
from inspections.accounts.people import Person
from inspections.accounts.policy import EVERYWHERE, scope
from inspections.errors import Unavailable
from storage.statistics.metrics import backlog_by_street

_TEXT = "text/plain; version=0.0.4"


@get("/metrics", opt={"action": "metrics.see"}, media_type=_TEXT)
async def get_metrics(request: AnyRequest) -> Response[bytes]:
    """The metrics, for API keys (`POST /keys`) and administrators; for everybody where a setting opens them."""
    requests = await asyncio.to_thread(render_metrics)
    return Response(requests + generate_latest(await _hazard_gauges(request)), media_type=_TEXT)


async def _hazard_gauges(request: AnyRequest) -> CollectorRegistry:
    """Open hazards in scope, of all communities for anonymous callers; `anxun_store_up` is 0 without a database."""
    context, person = app_context(request), cast("dict[str, Any]", request.scope).get("user")
    reach = scope(person, "metrics.see") if isinstance(person, Person) else EVERYWHERE
    now, registry = context.clock(), CollectorRegistry()
    up = Gauge("anxun_store_up", "Whether the database answers.", registry=registry)
    try:
        found = await context.database.read(partial(backlog_by_street, reach=reach, now=now))
    except Unavailable:
        return registry
    up.set(1)
    hazards = Gauge("anxun_hazards", "Open hazards, by street and standing.", ("street", "standing"), registry=registry)
    oldest = Gauge(
        "anxun_oldest_open_seconds", "Since the oldest open hazard was reported.", ("street",), registry=registry
    )
    for street, standing in found.items():
        for name, number in standing.numbers.items():
            hazards.labels(street, name).set(number)
        if standing.oldest is not None:
            oldest.labels(street).set((now - standing.oldest).total_seconds())
    return registry


GAUGES = [get_metrics]
