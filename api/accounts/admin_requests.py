"""Routes for requests to change an administrator's account: list, confirm and reject (strict profile)."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from msgspec import Struct

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest
from api.http.context import app_context, current_person
from inspections.accounts.actions.admin_requests import confirm_request, reject_request, visible_requests
from inspections.accounts.admin_requests import AdminRequest, RequestState
from inspections.accounts.people import NewGrant
from inspections.accounts.policy import scope
from inspections.accounts.security_log import Event


class AdminRequestView(Struct, frozen=True):
    """A requested change of the account `username`. The fields from `name` on are null where they do not change.

    An administrator of another kind than `requested_by` confirms it until `expires_at`, or it is not carried out.
    """

    id: UUID
    username: str
    state: RequestState
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    sets_password: bool
    removes_second_factor: bool
    name: str | None = None
    email: str | None = None
    active: bool | None = None
    grants: tuple[NewGrant, ...] | None = None


class AdminRequestList(Struct, frozen=True):
    items: list[AdminRequestView]


PENDING = {202: ResponseSpec(AdminRequestView, description="An administrator of another kind has to confirm it first")}
"""What routes answer instead of changing an administrator's account at once."""


def pending_response(made: AdminRequest, now: datetime) -> Response[Any]:
    return Response(_view(made, now), status_code=202)


@get("/admin-requests", opt={"action": "admin_request.decide"})
async def list_admin_requests(request: AnyRequest) -> AdminRequestList:
    """Lists the newest 200 requests about accounts in the caller's scope, newest first, also decided ones."""
    context, reach = app_context(request), scope(current_person(request), "admin_request.decide")
    now = context.clock()
    found = await context.database.read(partial(visible_requests, reach=reach))
    return AdminRequestList([_view(each, now) for each in found])


@post("/admin-requests/{request_id:uuid}/confirm", opt={"action": "admin_request.decide"}, status_code=200)
async def confirm_admin_request(request: AnyRequest, request_id: FromPath[UUID]) -> AdminRequestView:
    """Confirms a request within 24 hours and carries it out; by an administrator of another kind than who made it."""
    context, person = app_context(request), current_person(request)
    profile, now = context.settings.security_profile, context.clock()
    action = partial(confirm_request, person=person, request_id=request_id, now=now, profile=profile)
    done = await context.log.transact(action, Event.ADMIN_CONFIRMED, current_caller(request), str(request_id))
    return _view(done, now)


@post("/admin-requests/{request_id:uuid}/reject", opt={"action": "admin_request.decide"}, status_code=200)
async def reject_admin_request(request: AnyRequest, request_id: FromPath[UUID]) -> AdminRequestView:
    """Rejects a request, or withdraws one's own."""
    context, person, now = app_context(request), current_person(request), app_context(request).clock()
    action = partial(reject_request, person=person, request_id=request_id, now=now)
    done = await context.log.transact(action, Event.ADMIN_REJECTED, current_caller(request), str(request_id))
    return _view(done, now)


def _view(request: AdminRequest, now: datetime) -> AdminRequestView:
    change = request.change
    return AdminRequestView(
        request.id,
        request.username,
        request.state(now),
        request.requested_by,
        request.requested_at,
        request.deadline,
        request.decided_by,
        request.decided_at,
        request.sets_password,
        removes_second_factor=change is None,
        name=change and change.name,
        email=change and change.email,
        active=change and change.active,
        grants=change and change.grants,
    )


ROUTES = [list_admin_requests, confirm_admin_request, reject_admin_request]
