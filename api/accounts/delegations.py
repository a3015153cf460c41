"""Routes for delegations: a supervisor lends their role for a period."""

from functools import partial
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from api.accounts.security_log import caller_of
from api.accounts.views import DelegationList
from api.http.bodies import AnyRequest, json_body
from api.http.context import context_of, person_of
from inspections.accounts.actions.delegations import delegations_seen, make_delegation, revoke_delegation
from inspections.accounts.delegations import Delegation, NewDelegation
from inspections.accounts.security_log import Event


@post("/delegations", opt={"action": "delegation.make", "body": NewDelegation})
async def post_delegation(request: AnyRequest) -> Response[Delegation]:
    """Creates a delegation of at most 90 days, within the giver's own grants; `scope` "" lends all of them."""
    asked: NewDelegation = await json_body(request, NewDelegation)
    context, person = context_of(request), person_of(request)
    action = partial(make_delegation, person=person, asked=asked, now=context.clock())
    facts = {"to": asked.to, "scope": asked.scope, "until": asked.until.isoformat()}
    made = await context.log.transact(action, Event.DELEGATION_MADE, caller_of(request), str(asked.id), facts)
    return Response(made.delegation, status_code=200 if made.repeated else 201)


@get("/delegations", opt={"action": "delegation.see"})
async def list_delegations(request: AnyRequest) -> DelegationList:
    """Lists the delegations that the caller gave or received, present and past, newest first.

    An administrator also sees those of the accounts they manage.
    """
    seen = partial(delegations_seen, person=person_of(request))
    return DelegationList(await context_of(request).database.read(seen))


@post("/delegations/{delegation_id:uuid}/revoke", opt={"action": "delegation.revoke"}, status_code=200)
async def revoke(request: AnyRequest, delegation_id: FromPath[UUID]) -> Delegation:
    """Revokes a delegation, by its giver or an administrator, within a second; one that has ended stays unchanged."""
    context = context_of(request)
    action = partial(revoke_delegation, person=person_of(request), delegation_id=delegation_id, now=context.clock())
    return await context.log.transact(action, Event.DELEGATION_REVOKED, caller_of(request), str(delegation_id))


ROUTES = [post_delegation, list_delegations, revoke]
