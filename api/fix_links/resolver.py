"""Who comes with a link: the token is looked up by its digest, and every call is counted where it should be."""

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
    """Every token that is none takes the same way, and the same time, whatever it looks like."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def knock(self, request: Request[Any, Any, Any], counts: Literal["opened", "sent"] | None = None) -> FixLink:
        """The link of this path, in whatever state. What is only looked at beside the page is not counted.

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
        """Who sends photos by the link of this path. Raises Missing, LinkOver, TooMany."""
        begins = request.method == "POST" and "upload_id" not in request.path_params
        link = await self.knock(request, "sent" if begins else None)
        await self._database.read(partial(standing, digest=link.digest, now=self._clock()))
        return link.sender


def digest_in(request: Request[Any, Any, Any]) -> str:
    return digest_of(request.path_params["token"])
