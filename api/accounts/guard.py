"""The guard, which checks sign-in, permission and query of every request before its handler."""

from abc import ABC, abstractmethod
from typing import Any

from litestar import Litestar, Request
from litestar.routes import HTTPRoute

from api.accounts.cookies import ACCESS_COOKIE, cookie_token
from api.accounts.sign_in.authentication import Authenticator
from api.http.bodies import READMIT
from api.http.headers import request_header
from api.http.problems import UnknownRoute
from api.http.request_metrics import start_timer
from inspections.accounts.people import Person
from inspections.accounts.policy import BY_LINK, POLICY, PUBLIC, scope
from inspections.errors import Forbidden, InvalidInput, Unauthenticated


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
    elif action != PUBLIC:
        person = await request.app.state.context.part(Authenticator).authenticate(read_token(request), action)
        request.scope["user"] = person
        request.scope["state"][READMIT] = _readmit
        if not scope(person, action):
            raise Forbidden
        if "\0" in request.scope["path"]:  # PostgreSQL cannot store NUL in text
            raise UnknownRoute
    if request.scope["query_string"]:
        _check_query(request)


async def _readmit(request: Request[Any, Any, Any]) -> None:
    """Checks sign-in and permission again. Raises Unauthenticated, Forbidden."""
    person = await request.app.state.context.part(Authenticator).reauthorize(read_token(request))
    request.scope["user"] = person
    if not scope(person, request.route_handler.opt["action"]):
        raise Forbidden


def _check_query(request: Request[Any, Any, Any]) -> None:
    """Raises InvalidInput for unknown query parameters, and for values that contain NUL."""
    opt, given = request.route_handler.opt, request.query_params
    if not opt.get("any_query") and (unknown := sorted(set(given) - set(opt["query"].values()))):
        raise InvalidInput(*((name, "没有这个查询参数") for name in unknown))
    if nul := sorted({name for name, value in given.multi_items() if "\0" in value}):
        raise InvalidInput(*((name, "含有不允许的字符") for name in nul))


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
            handler.opt["query"] = {each.field_name: each.field_alias for each in model.expected_query_params}
