"""What Prometheus reads at /metrics: requests as they were counted, and how the hazards stand at this moment."""

import asyncio
from functools import partial
from typing import Any, cast

from litestar import Response, get
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from api.http.bodies import AnyRequest
from api.http.context import context_of
from api.http.request_metrics import said
from inspections.accounts.people import Person
from inspections.accounts.policy import EVERYWHERE, scope
from inspections.errors import Unavailable
from storage.statistics.metrics import open_by_street

_TEXT = "text/plain; version=0.0.4"


@get("/metrics", opt={"action": "metrics.see"}, include_in_schema=False)
async def metrics(request: AnyRequest) -> Response[bytes]:
    """For a key of a program (`POST /keys`), and for administrators; for everybody where a setting says so."""
    requests = await asyncio.to_thread(said)
    return Response(requests + generate_latest(await _standing(request)), media_type=_TEXT)


async def _standing(request: AnyRequest) -> CollectorRegistry:
    """Of the communities that whoever asks may see, of all where everybody may ask; or that the database is away."""
    context, person = context_of(request), cast("dict[str, Any]", request.scope).get("user")
    reach = scope(person, "metrics.see") if isinstance(person, Person) else EVERYWHERE
    now, registry = context.clock(), CollectorRegistry()
    up = Gauge("anxun_store_up", "Whether the database answers.", registry=registry)
    try:
        found = await context.database.read(partial(open_by_street, reach=reach, now=now))
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


GAUGES = [metrics]
