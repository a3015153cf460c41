"""The guard, which checks sign-in, permission and query of every request before its handler."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from api.accounts.cookies import ACCESS_COOKIE, cookie_token
from api.accounts.sign_in.authentication import Authenticator
from api.http.bodies import READMIT
from api.http.headers import request_header
from api.http.problems import UnknownRoute
from api.http.queries import QueryParameters
from api.http.request_metrics import start_timer
from inspections.accounts.people import Person
from inspections.accounts.policy import BY_LINK, POLICY, PUBLIC, scope
from inspections.errors import Forbidden, Unauthenticated


def read_token(request: Request[Any, Any, Any]) -> str:
    """Reads the bearer token (RFC 6750) of a request, or else its cookie. Raises Unauthenticated, CrossSiteRequest."""
    if (header := request_header(request.scope, b"authorization")) is None:
        return cookie_token(request, ACCESS_COOKIE)
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()


class LinkSenderResolver(ABC):
    """Interface to identify senders by a fix link instead of an account; implemented by the subject fix_links."""

    @abstractmethod
    async def resolve_sender(self, request: Request[Any, Any, Any]) -> Person:
        """Returns the person that the link in the path stands for. Raises NotFound, InactiveLink, TooManyRequests."""


class DeviceSenderResolver(ABC):
    """Interface to identify senders by a device's signature; implemented by the subject monitoring."""

    @abstractmethod
    async def resolve_sender(self, request: Request[Any, Any, Any]) -> Person:
        """Returns the person that the device in the headers stands for. Raises InvalidSignature, ClockSkew."""

    @abstractmethod
    async def verify_body(self, request: Request[Any, Any, Any], body: Iterable[bytes]) -> None:
        """Checks that the device has signed this body. Raises InvalidSignature."""


def is_signed_by_device(request: Request[Any, Any, Any]) -> bool:
    """Tells whether a device has signed the request, on a route that allows it. The handler then verifies the body."""
    return "by_device" in request.route_handler.opt and request_header(request.scope, b"anxun-device") is not None


async def guard(request: Request[Any, Any, Any]) -> None:
    """Checks sign-in (401), permission (403) and query parameters (422) before every handler; bodies are checked later.

    This is not a Litestar guard, because Litestar copies the handler for its guards on each request.
    """
    start_timer(request.scope)
    action = request.route_handler.opt["action"]
    if action == "metrics.see" and request.app.state.context.settings.metrics == "open":
        action = PUBLIC
    if action == BY_LINK:
        request.scope["user"] = await request.app.state.context.part(LinkSenderResolver).resolve_sender(request)
    elif is_signed_by_device(request):
        request.scope["user"] = await request.app.state.context.part(DeviceSenderResolver).resolve_sender(request)
    elif action != PUBLIC:
        person = await request.app.state.context.part(Authenticator).authenticate(read_token(request), action)
        request.scope["user"] = person
        request.scope["state"][READMIT] = _readmit
        if not scope(person, action):
            raise Forbidden
        if "\0" in request.scope["path"]:  # PostgreSQL cannot store NUL in text
            raise UnknownRoute
    if query := request.scope["query_string"]:
        request.scope["query_string"] = request.route_handler.opt["query"].rewrite(query)


async def _readmit(request: Request[Any, Any, Any]) -> None:
    """Checks sign-in and permission again. Raises Unauthenticated, Forbidden."""
    person = await request.app.state.context.part(Authenticator).reauthorize(read_token(request))
    request.scope["user"] = person
    if not scope(person, request.route_handler.opt["action"]):
        raise Forbidden


def check_routes(app: Litestar) -> None:
    """Checks at startup that every route is guarded and names an action of the policy; stores its query parameters.

    Raises LookupError.
    """
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler, model in route.route_handler_map.values():
            if handler.http_methods == {"OPTIONS"}:
                handler.opt["action"] = PUBLIC
            if handler.resolve_before_request() is not guard:
                raise LookupError(f"{route.path} is not behind the guard")
            action = handler.opt.get("action")
            if action not in {PUBLIC, BY_LINK} and action not in POLICY:
                raise LookupError(f"{route.path} names no action of inspections/accounts/policy.py: {action!r}")
            handler.opt["query"] = _query_parameters(
                handler, {each.field_name: each.field_alias for each in model.expected_query_params}
            )


def _query_parameters(handler: HTTPRouteHandler, names: Mapping[str, str]) -> QueryParameters:
    """The query parameters of a handler and its dependencies. `names`: argument → name in the query."""
    dependencies = handler.resolve_dependencies().values()
    signatures = (handler.parsed_fn_signature, *(each.parsed_fn_signature for each in dependencies))
    declared = {name: each.annotation for signature in signatures for name, each in signature.parameters.items()}
    return QueryParameters(names, {each: declared[each] for each in names}, any_query="any_query" in handler.opt)
