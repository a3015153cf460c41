"""Counts requests and their duration for Prometheus.

Several workers on one port count into shared files (prometheus-client's multiprocess mode): each of them reports the
numbers of all.
"""

import os
import time
from functools import cache
from typing import Any, cast

from litestar.types import HTTPScope
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own setting: commands/serve.py sets it for workers before this module is imported."""
_BEGAN = "anxun_began"
_OTHER = "none"

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "anxun_requests", "Requests by route, method and status.", ("route", "method", "status"), registry=REGISTRY
)
SECONDS = Histogram(
    "anxun_request_seconds",
    "Until the answer began, by route.",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)


def start_timer(scope: HTTPScope) -> None:
    scope["state"][_BEGAN] = time.perf_counter()


def count_response(status: int, scope: HTTPScope) -> None:
    """Counts a response by the route's template: a path with an id in it would make a series per id."""
    asked = cast("dict[str, Any]", scope)
    route = asked.get("path_template") or _OTHER
    _requests(route, asked["method"], str(status)).inc()
    if (began := asked["state"].get(_BEGAN)) is not None:
        _seconds(route).observe(time.perf_counter() - began)


# One series for each route: the library takes a lock and makes texts of the labels each time they are named.
_requests = cache(REQUESTS.labels)
_seconds = cache(SECONDS.labels)


def render_metrics() -> bytes:
    if _SHARED not in os.environ:
        return generate_latest(REGISTRY)
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)
    return generate_latest(everybody)
