"""Runs the handler of a request.

The framework finds the route, reads parameters and builds most responses. A handler that takes only the request and
parts of its path needs nothing parsed, and is called directly: the framework's way takes half of the time of a short
request (docs/decisions/0047-direct-calls.md).
"""
# the framework is only partly typed:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple, cast

from litestar import Request
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import HTTPScope, Receive, Send
from msgspec import Struct

from api.http.responses import send_json


class DirectCall(NamedTuple):
    """A handler that takes only the request and parts of its path, and how it is called.

    `names`: the parts that it takes. `status`: that of its answers.
    """

    check: Callable[[Any], Awaitable[None]]
    function: Callable[..., Awaitable[Any]]
    handler: HTTPRouteHandler
    names: tuple[str, ...]
    status: int
    is_json: bool


class Operations:
    """The operations of an application, by the path of their route and the method."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = {route.path_format: route for route in routes if isinstance(route, HTTPRoute)}
        self._direct_calls = {
            (path, method): _direct_call(handler)
            for path, route in self._routes.items()
            for method, (handler, _) in route.route_handler_map.items()
            if _is_called_directly(handler)
        }

    async def execute(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Runs the operation that the router has found, and sends what it returns. Raises what it raises."""
        path: str = cast("Any", scope)["path_template"]
        call = self._direct_calls.get((path, scope["method"]))
        if call is None:
            await self._routes[path].handle(scope, receive, send)
            return
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        await call.check(request)
        parts = scope["path_params"]
        result = await call.function(request, **{name: parts[name] for name in call.names})
        if call.is_json and isinstance(result, Struct):
            await send_json(result, call.status, send)
        else:
            answer = await call.handler.to_response(app=scope["litestar_app"], data=result, request=request)
            await answer(scope, receive, send)


def _is_called_directly(handler: HTTPRouteHandler) -> bool:
    """Tells whether a handler takes only the request and parts of its path without conditions, and is asynchronous."""
    taken = dict(handler.parsed_fn_signature.parameters)
    if taken.pop("request", None) is None or handler.has_sync_callable or handler.resolve_dependencies():
        return False
    conditions = [each.kwarg_definition for each in taken.values()]
    return all(isinstance(each, PathParameter) and not each.is_constrained for each in conditions)


def _direct_call(handler: HTTPRouteHandler) -> DirectCall:
    check = cast("Any", handler.resolve_before_request())
    is_json = handler.media_type in {"", MediaType.JSON} and not handler.resolve_response_headers()
    names = tuple(name for name in handler.parsed_fn_signature.parameters if name != "request")
    return DirectCall(check, cast("Any", handler.fn), handler, names, handler.status_code, is_json)
