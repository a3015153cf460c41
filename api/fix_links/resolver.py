"""Finds the link of a request by the digest of its token, and counts the requests."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Literal

from litestar import Request

from api.accounts.guard import LinkSenderResolver
from api.http.client_address import client_address
from api.http.tokens import hash_token
from inspections.accounts.people import Person
from inspections.errors import NotFound
from inspections.fix_links.actions.party_links import count_link_request, get_valid_link
from inspections.fix_links.links import FixLink
from storage.database import Database


class LinkResolver(LinkSenderResolver):
    """Finds the links of requests. All invalid tokens take the same way and the same time, whatever they look like."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def resolve(
        self, request: Request[Any, Any, Any], counts: Literal["opened", "sent"] | None = None
    ) -> FixLink:
        """Returns the link of this path, in whatever state. Without `counts`, only unknown tokens are counted.

        Raises NotFound, TooManyRequests.
        """
        digest = token_digest(request)
        if counts is None and (
            link := await self._database.read(lambda repository: repository.fix_link_by_digest(digest))
        ):
            return link
        action = partial(
            count_link_request, digest=digest, address=client_address(request), now=self._clock(), counts=counts
        )
        link = await self._database.transact(action)
        if link is None:
            raise NotFound("link")
        return link

    async def resolve_sender(self, request: Request[Any, Any, Any]) -> Person:
        """The person in whose name the link of this path sends photos.

        Raises NotFound, InactiveLink, TooManyRequests.
        """
        begins = request.method == "POST" and "upload_id" not in request.path_params
        link = await self.resolve(request, "sent" if begins else None)
        await self._database.read(partial(get_valid_link, digest=link.digest, now=self._clock()))
        return link.sender


def token_digest(request: Request[Any, Any, Any]) -> str:
    return hash_token(request.path_params["token"])
