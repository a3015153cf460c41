"""Routes for delegations: a supervisor lends their role for a period."""

from functools import partial
from operator import attrgetter
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from api.accounts.security_log import current_caller
from api.accounts.views import DelegationList
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from api.http.queries import LIST_LIMIT, PageCursor, PageLimit, cut_page
from inspections.accounts.actions.delegations import make_delegation, revoke_delegation, visible_delegations
from inspections.accounts.delegations import Delegation, NewDelegation
from inspections.accounts.security_log import Event


@post("/delegations", opt={"action": "delegation.make", "body": NewDelegation})
async def create_delegation(request: AnyRequest) -> Response[Delegation]:
    """Creates a delegation of at most 90 days, within the giver's own grants; `scope` "" lends all of them."""
    asked: NewDelegation = await json_body(request, NewDelegation)
    context, person = app_context(request), current_person(request)
    profile = context.settings.security_profile
    action = partial(make_delegation, person=person, asked=asked, now=context.clock(), profile=profile)
    facts = {"to": asked.to, "scope": asked.scope, "until": asked.until.isoformat()}
    made = await context.log.transact(action, Event.DELEGATION_MADE, current_caller(request), str(asked.id), facts)
    return Response(made.delegation, status_code=200 if made.repeated else 201)


@get("/delegations", opt={"action": "delegation.see"})
async def list_delegations(
    request: AnyRequest, limit: PageLimit = LIST_LIMIT, cursor: PageCursor = None
) -> DelegationList:
    """Lists the delegations that the caller gave or received, present and past, newest first.

    An administrator also sees those of the accounts they manage.
    """
    seen = partial(visible_delegations, person=current_person(request))
    return DelegationList(*cut_page(await app_context(request).database.read(seen), attrgetter("id"), limit, cursor))


@post("/delegations/{delegation_id:uuid}/revoke", opt={"action": "delegation.revoke"}, status_code=200)
async def end_delegation(request: AnyRequest, delegation_id: FromPath[UUID]) -> Delegation:
    """Revokes a delegation, by its giver or an administrator, within a second; one that has ended stays unchanged."""
    context = app_context(request)
    action = partial(
        revoke_delegation, person=current_person(request), delegation_id=delegation_id, now=context.clock()
    )
    return await context.log.transact(action, Event.DELEGATION_REVOKED, current_caller(request), str(delegation_id))


ROUTES = [create_delegation, list_delegations, end_delegation]
