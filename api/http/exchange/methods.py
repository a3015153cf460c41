"""Answers HEAD on every GET, and names the methods that a path allows (RFC 9110, 9.3.2, 9.3.7 and 15.5.6)."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import HTTPScope, Message, Receive, Send

from api.http.request_limits import App

Headers = Iterable[tuple[bytes, bytes]]


class PathMethods:
    """The methods of each path of an application, found by its routes when somebody asks for them."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [route for route in routes if isinstance(route, HTTPRoute)]

    def find_methods(self, path: str) -> frozenset[str]:
        """Returns the methods of the routes that match `path`; empty for no route.

        Of several routes those with the most literal parts match: `/hazards/steps` is not `/hazards/{id}`.
        """
        return frozenset(method for route in self._find_routes(path) for method in route.methods)

    def find_template(self, path: str) -> str | None:
        """Returns the path of the matching route with the names of its parameters in braces; None for no route."""
        return next((route.path_format for route in self._find_routes(path)), None)

    def find_answer_headers(self, path: str) -> Headers:
        """Returns the headers that every answer of the matching routes has, by their `answer_headers`."""
        return next((found for route in self._find_routes(path) if (found := _answer_headers(route))), ())

    def _find_routes(self, path: str) -> list[HTTPRoute]:
        parts = [part for part in path.split("/") if part]
        matching = [(found, route) for route in self._routes if (found := _count_literals(route, parts)) is not None]
        most = max((found for found, _ in matching), default=0)
        return [route for found, route in matching if found == most]

    def allow_header(self, path: str) -> bytes:
        """The value of `Allow` for a path: HEAD works wherever GET does."""
        found = self.find_methods(path)
        return ", ".join(sorted({*found, "HEAD"} if "GET" in found else found)).encode()


def _answer_headers(route: HTTPRoute) -> Headers:
    return next(
        (handler.opt["answer_headers"] for handler in route.route_handlers if "answer_headers" in handler.opt), ()
    )


def _count_literals(route: HTTPRoute, parts: list[str]) -> int | None:
    """The number of literal parts of a route that matches, else None."""
    if len(route.path_components) != len(parts):
        return None
    literals = 0
    for component, part in zip(route.path_components, parts, strict=True):
        if isinstance(component, str):
            if component != part:
                return None
            literals += 1
        elif component.parser is not None:
            try:
                component.parser(part)
            except ValueError:
                return None
    return literals


def is_head_of_get(methods: PathMethods, scope: HTTPScope) -> bool:
    """Tells whether a request is a HEAD that no route answers itself, on a path that has a GET."""
    if scope["method"] != "HEAD":
        return False
    found = methods.find_methods(scope["path"])
    return "GET" in found and "HEAD" not in found


async def answer_head(app: App, scope: HTTPScope, receive: Receive, send: Send) -> None:
    """Answers a HEAD with the head of the answer to GET. What would be streamed without end is ended."""
    begun = asyncio.Event()

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif message["type"] == "http.response.body" and message.get("more_body"):
            begun.set()  # a stream: its head is out, and nobody waits for the rest

    asked = cast("Any", {**scope, "method": "GET"})
    answer, stream = asyncio.ensure_future(app(asked, receive, send_head)), asyncio.ensure_future(begun.wait())
    try:
        await asyncio.wait({answer, stream}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stream.cancel()
        if not answer.done():
            answer.cancel()
    with suppress(asyncio.CancelledError):
        await answer


def is_about_methods(scope: HTTPScope, status: int) -> bool:
    """Tells whether an answer has to name the methods of its path."""
    return status == HTTPStatus.METHOD_NOT_ALLOWED or scope["method"] == "OPTIONS"
