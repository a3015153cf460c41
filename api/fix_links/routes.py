"""Routes of officers: create, list and revoke links for the responsible party."""

from datetime import datetime
from functools import partial
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Struct

from api.http.bodies import AnyRequest, json_body
from api.http.context import context_of, person_of
from api.http.responses import public_url
from api.http.tokens import digest_of, new_token
from inspections.fix_links.actions import links_of, make_link, revoke_link
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


class Addresses(Struct, frozen=True):
    """The addresses that give access to a link: `url` for the party, its QR code, and the notice to print."""

    url: str
    qr_png: str
    qr_svg: str
    notice: str


class MadeLink(Struct, frozen=True):
    """A created link. `addresses`: only in the first answer, since their token is not stored.

    Where they are lost, revoke the link and create another.
    """

    link: FixLinkView
    addresses: Addresses | None


class FixLinkList(Struct, frozen=True):
    items: list[FixLinkView]


@post("/hazards/{hazard_id:uuid}/links", opt={"action": "link.make", "body": NewLink})
async def post_link(request: AnyRequest, hazard_id: FromPath[UUID]) -> Response[MadeLink]:
    """Creates a one-time link with which the party, without an account, sees its notice and submits its fix."""
    context, person = context_of(request), person_of(request)
    new: NewLink = await json_body(request, NewLink)
    token = new_token()
    made = await context.database.transact(
        partial(make_link, person=person, hazard_id=hazard_id, new=new, digest=digest_of(token), now=context.clock())
    )
    addresses = None if made.repeated else _addresses(request, token)
    return Response(MadeLink(_view(made.link), addresses), status_code=200 if made.repeated else 201)


def _addresses(request: AnyRequest, token: str) -> Addresses:
    url = f"{public_url(request)}/f/{token}"
    return Addresses(url, f"{url}/qr.png", f"{url}/qr.svg", f"{url}/notice")


@get("/hazards/{hazard_id:uuid}/links", opt={"action": "link.see"})
async def list_links(request: AnyRequest, hazard_id: FromPath[UUID]) -> FixLinkList:
    """Lists the links of a hazard, the newest first, without their tokens, which are not stored."""
    found = await context_of(request).database.read(partial(links_of, person=person_of(request), hazard_id=hazard_id))
    return FixLinkList([_view(link) for link in found])


@post("/hazards/{hazard_id:uuid}/links/{link_id:uuid}/revoke", opt={"action": "link.revoke"}, status_code=200)
async def post_revoked(request: AnyRequest, hazard_id: FromPath[UUID], link_id: FromPath[UUID]) -> FixLinkView:
    """Revokes a link; one that is over already stays as it is."""
    context, person = context_of(request), person_of(request)
    action = partial(revoke_link, person=person, hazard_id=hazard_id, link_id=link_id, now=context.clock())
    return _view(await context.database.transact(action))


def _view(link: FixLink) -> FixLinkView:
    return FixLinkView(*(getattr(link, name) for name in FixLinkView.__struct_fields__))


ROUTES = [post_link, list_links, post_revoked]
