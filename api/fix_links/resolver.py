"""Finds the link of a request by the digest of its token, and counts the requests."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Literal

from litestar import Request

from api.accounts.authentication import SendersByLink
from api.http.client_address import address_of
from api.http.tokens import digest_of
from inspections.accounts.people import Person
from inspections.errors import Missing
from inspections.fix_links.actions import knock, standing
from inspections.fix_links.links import FixLink
from storage.database import Database


class LinkDoor(SendersByLink):
    """Finds the links of requests. All invalid tokens take the same way and the same time, whatever they look like."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def knock(self, request: Request[Any, Any, Any], counts: Literal["opened", "sent"] | None = None) -> FixLink:
        """Returns the link of this path, in whatever state. Without `counts`, only unknown tokens are counted.

        Raises Missing, TooMany.
        """
        digest = digest_in(request)
        if counts is None and (link := await self._database.read(lambda repository: repository.fix_link_of(digest))):
            return link
        action = partial(knock, digest=digest, address=address_of(request), now=self._clock(), counts=counts)
        link = await self._database.transact(action)
        if link is None:
            raise Missing("link")
        return link

    async def sender(self, request: Request[Any, Any, Any]) -> Person:
        """The person in whose name the link of this path sends photos. Raises Missing, LinkOver, TooMany."""
        begins = request.method == "POST" and "upload_id" not in request.path_params
        link = await self.knock(request, "sent" if begins else None)
        await self._database.read(partial(standing, digest=link.digest, now=self._clock()))
        return link.sender


def digest_in(request: Request[Any, Any, Any]) -> str:
    return digest_of(request.path_params["token"])
