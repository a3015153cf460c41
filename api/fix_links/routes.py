"""Routes of officers: create, list and revoke links for the responsible party."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Struct

from api.fix_links.addresses import LinkAddresses, link_addresses
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from api.http.queries import LIST_LIMIT, PageCursor, PageLimit, cut_page
from api.http.tokens import hash_token, new_token
from inspections.fix_links.actions.party_links import hazard_links, make_link, revoke_link
from inspections.fix_links.links import FixLink, NewLink


class FixLinkView(Struct, frozen=True):
    """A link. `opened`: how often its page was requested; `sent`: how often something began to be sent by it."""

    id: UUID
    hazard: UUID
    by: str
    at: datetime
    expires_at: datetime
    opened: int
    sent: int
    used_at: datetime | None
    revoked_at: datetime | None


class CreatedLinkView(Struct, frozen=True):
    """A created link. `addresses`: only in the first answer, since their token is not stored.

    Where they are lost, revoke the link and create another.
    """

    link: FixLinkView
    addresses: LinkAddresses | None


class FixLinkList(Struct, frozen=True, omit_defaults=True):
    """A page of links. `next_cursor` is left out on the last one."""

    items: Sequence[FixLinkView]
    next_cursor: str | None = None


@post("/hazards/{hazard_id:uuid}/links", opt={"action": "link.make", "body": NewLink})
async def create_fix_link(request: AnyRequest, hazard_id: FromPath[UUID]) -> Response[CreatedLinkView]:
    """Creates a one-time link with which the party, without an account, sees its notice and submits its fix."""
    context = app_context(request)
    new: NewLink = await json_body(request, NewLink)
    person = current_person(request)
    token = new_token()
    made = await context.database.transact(
        partial(make_link, person=person, hazard_id=hazard_id, new=new, digest=hash_token(token), now=context.clock())
    )
    addresses = None if made.repeated else link_addresses(request, token)
    return Response(CreatedLinkView(_fix_link_view(made.link), addresses), status_code=200 if made.repeated else 201)


@get("/hazards/{hazard_id:uuid}/links", opt={"action": "link.see"})
async def list_fix_links(
    request: AnyRequest, hazard_id: FromPath[UUID], limit: PageLimit = LIST_LIMIT, cursor: PageCursor = None
) -> FixLinkList:
    """Lists the links of a hazard, the newest first, without their tokens, which are not stored."""
    found = await app_context(request).database.read(
        partial(hazard_links, person=current_person(request), hazard_id=hazard_id)
    )
    return FixLinkList(*cut_page([_fix_link_view(link) for link in found], attrgetter("id"), limit, cursor))


@post("/hazards/{hazard_id:uuid}/links/{link_id:uuid}/revoke", opt={"action": "link.revoke"}, status_code=200)
async def revoke_fix_link(request: AnyRequest, hazard_id: FromPath[UUID], link_id: FromPath[UUID]) -> FixLinkView:
    """Revokes a link; one that is over already stays as it is."""
    context, person = app_context(request), current_person(request)
    action = partial(revoke_link, person=person, hazard_id=hazard_id, link_id=link_id, now=context.clock())
    return _fix_link_view(await context.database.transact(action))


def _fix_link_view(link: FixLink) -> FixLinkView:
    return FixLinkView(*(getattr(link, name) for name in FixLinkView.__struct_fields__))


ROUTES = [create_fix_link, list_fix_links, revoke_fix_link]
