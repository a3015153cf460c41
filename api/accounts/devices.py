"""Routes for signed-in devices: the caller's own, and those of accounts that an administrator manages."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from msgspec import Struct

from api.accounts.guard import read_token
from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest
from api.http.context import app_context, current_person
from api.http.queries import LIST_LIMIT, PageCursor, PageLimit, cut_page
from api.http.tokens import hash_token
from inspections.accounts.actions.people import find_managed_person
from inspections.accounts.actions.revocation import EndedAccess
from inspections.accounts.actions.sessions import (
    revoke_all_sessions,
    revoke_all_sessions_as_admin,
    revoke_session,
    signed_in_devices,
)
from inspections.accounts.policy import Scope, scope
from inspections.accounts.security_log import Event
from inspections.accounts.sessions import Session
from inspections.change import Change
from storage.repository import Repository


class DeviceView(Struct, frozen=True):
    """A signed-in device. `name`: as given by the device at sign-in. `seen_at`: when it last received tokens.

    `current`: true for the device that sent this request.
    """

    id: UUID
    name: str
    signed_in_at: datetime
    seen_at: datetime
    revoked_at: datetime | None
    current: bool


class DeviceList(Struct, frozen=True, omit_defaults=True):
    """A page of devices. `next_cursor` is left out on the last one."""

    items: Sequence[DeviceView]
    next_cursor: str | None = None


class RevocationSummary(Struct, frozen=True):
    """The number of `devices` that were signed out, and the providers whose identities were `unlinked`."""

    devices: int
    unlinked: list[str]


def _view(session: Session, current: UUID | None) -> DeviceView:
    return DeviceView(
        session.id, session.device, session.created_at, session.seen_at, session.revoked_at, session.id == current
    )


def _current_session_id(repository: Repository, request: AnyRequest) -> UUID | None:
    pair = repository.find_token_pair(hash_token(read_token(request)))
    return pair.session if pair else None


@get("/me/devices", opt={"action": "me"})
async def list_own_devices(request: AnyRequest, limit: PageLimit = LIST_LIMIT, cursor: PageCursor = None) -> DeviceList:
    """Lists the devices on which one is signed in."""
    context, person = app_context(request), current_person(request)

    def ask(repository: Repository) -> DeviceList:
        current = _current_session_id(repository, request)
        signed_in = signed_in_devices(repository, person.username, context.clock())
        return DeviceList(*cut_page([_view(each, current) for each in signed_in], attrgetter("id"), limit, cursor))

    return await context.database.read(ask)


@post("/me/devices/{device_id:uuid}/revoke", opt={"action": "me"}, status_code=200)
async def revoke_own_device(request: AnyRequest, device_id: FromPath[UUID]) -> DeviceView:
    """Signs out one of the caller's devices, such as a lost phone, on every process within a second."""
    context, person = app_context(request), current_person(request)
    action = partial(revoke_session, username=person.username, device_id=device_id, now=context.clock())
    current = await context.database.read(partial(_current_session_id, request=request))
    ended = await context.log.transact(action, Event.DEVICE_REVOKED, current_caller(request), person.username)
    return _view(ended, current)


@post("/me/devices/revoke", opt={"action": "me"}, status_code=200)
async def revoke_all_own_devices(request: AnyRequest) -> RevocationSummary:
    """Signs out all the caller's devices, including this one, and unlinks all identities."""
    context, username = app_context(request), current_person(request).username
    action = partial(revoke_all_sessions, username=username, now=context.clock())
    return _revocation_summary(
        await context.log.transact(action, Event.DEVICES_REVOKED, current_caller(request), username)
    )


@get("/people/{username:str}/devices", opt={"action": "rights.manage"})
async def list_person_devices(
    request: AnyRequest, username: FromPath[str], limit: PageLimit = LIST_LIMIT, cursor: PageCursor = None
) -> DeviceList:
    """Lists the devices on which a person is signed in."""
    context, reach = app_context(request), scope(current_person(request), "rights.manage")

    def ask(repository: Repository) -> DeviceList:
        find_managed_person(repository, reach, username)
        signed_in = signed_in_devices(repository, username, context.clock())
        return DeviceList(*cut_page([_view(each, None) for each in signed_in], attrgetter("id"), limit, cursor))

    return await context.database.read(ask)


@post("/people/{username:str}/devices/{device_id:uuid}/revoke", opt={"action": "rights.manage"}, status_code=200)
async def revoke_person_device(request: AnyRequest, username: FromPath[str], device_id: FromPath[UUID]) -> DeviceView:
    """Signs a person out on one device."""
    context, reach = app_context(request), scope(current_person(request), "rights.manage")
    action = partial(_revoke_session_as_admin, reach=reach, username=username, device_id=device_id, now=context.clock())
    return _view(await context.log.transact(action, Event.DEVICE_REVOKED, current_caller(request), username), None)


@post("/people/{username:str}/devices/revoke", opt={"action": "rights.manage"}, status_code=200)
async def revoke_all_person_devices(request: AnyRequest, username: FromPath[str]) -> RevocationSummary:
    """Signs out all devices of an account and unlinks all its identities."""
    context, reach = app_context(request), scope(current_person(request), "rights.manage")
    action = partial(revoke_all_sessions_as_admin, reach=reach, username=username, now=context.clock())
    return _revocation_summary(
        await context.log.transact(action, Event.DEVICES_REVOKED, current_caller(request), username)
    )


def _revocation_summary(ended: EndedAccess) -> RevocationSummary:
    return RevocationSummary(len(ended.sessions), list(ended.providers))


def _revoke_session_as_admin(
    repository: Repository, reach: Scope, username: str, device_id: UUID, now: datetime
) -> Change[Session]:
    find_managed_person(repository, reach, username)
    return revoke_session(repository, username, device_id, now)


ROUTES = [
    list_own_devices,
    revoke_own_device,
    revoke_all_own_devices,
    list_person_devices,
    revoke_person_device,
    revoke_all_person_devices,
]
