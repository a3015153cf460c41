"""Who comes with a link: the token is looked up by its digest, and every call is counted where it should be."""

import ipaddress
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Literal, cast

from litestar import Request

from api.settings import Settings
from api.tokens import digest_of
from inspections.actions.fix_links import knock, standing
from inspections.errors import Missing
from inspections.fix_links import FixLink
from inspections.people import Person
from storage.database import Database

_NETWORK_BITS = 64


class LinkDoor:
    """Every token that is none takes the same way, and the same time, whatever it looks like."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def knock(self, request: Request[Any, Any, Any], counts: Literal["opened", "sent"] | None = None) -> FixLink:
        """The link of this path, in whatever state. What is only looked at beside the page is not counted.

        Raises Missing, TooMany.
        """
        digest = digest_in(request)
        if counts is None and (link := await self._database.read(lambda register: register.fix_link_of(digest))):
            return link
        action = partial(knock, digest=digest, address=address_of(request), now=self._clock(), counts=counts)
        link = await self._database.transact(action)
        if link is None:
            raise Missing("link")
        return link

    async def sender(self, request: Request[Any, Any, Any]) -> Person:
        """Who sends photos by the link of this path. Raises Missing, LinkOver, TooMany."""
        begins = request.method == "POST" and "upload_id" not in request.path_params
        link = await self.knock(request, "sent" if begins else None)
        await self._database.read(partial(standing, digest=link.digest, now=self._clock()))
        return link.sender


def digest_in(request: Request[Any, Any, Any]) -> str:
    return digest_of(request.path_params["token"])


def address_to_limit(request: Request[Any, Any, Any]) -> str | None:
    """`address_of`; None where many clients share it: for a trusted proxy that does not say for whom it asks."""
    with suppress(ValueError):
        address = ipaddress.ip_address(request.client.host if request.client else "")
        trusted = cast("Settings", request.app.state.house.settings).trusted
        return None if any(address in network for network in trusted) else address_of(request)
    return None


def address_of(request: Request[Any, Any, Any]) -> str:
    """Of IPv6 the network, since a phone takes any address in it."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False) if address.version == 6 else address)  # noqa: PLR2004
