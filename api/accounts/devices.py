"""Routes for signed-in devices: the caller's own, and those of accounts that an administrator manages."""

from datetime import datetime
from functools import partial
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath
from msgspec import Struct

from api.accounts.authentication import shown_token
from api.accounts.security_log import caller_of
from api.http.bodies import AnyRequest
from api.http.context import context_of, person_of
from api.http.tokens import digest_of
from inspections.accounts.actions.people import seen_person
from inspections.accounts.actions.revocation import Ended
from inspections.accounts.actions.sessions import devices, revoke, revoke_all, revoke_all_of
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


class DeviceList(Struct, frozen=True):
    items: list[DeviceView]


class Revoked(Struct, frozen=True):
    """The number of `devices` that were signed out, and the providers whose identities were `unlinked`."""

    devices: int
    unlinked: list[str]


def _view(session: Session, current: UUID | None) -> DeviceView:
    return DeviceView(
        session.id, session.device, session.created_at, session.seen_at, session.revoked_at, session.id == current
    )


def _current(repository: Repository, request: AnyRequest) -> UUID | None:
    pair = repository.pair_of(digest_of(shown_token(request)))
    return pair.session if pair else None


@get("/me/devices", opt={"action": "me"})
async def my_devices(request: AnyRequest) -> DeviceList:
    context, person = context_of(request), person_of(request)

    def ask(repository: Repository) -> DeviceList:
        current = _current(repository, request)
        return DeviceList([_view(each, current) for each in devices(repository, person.username, context.clock())])

    return await context.database.read(ask)


@post("/me/devices/{device_id:uuid}/revoke", opt={"action": "me"}, status_code=200)
async def revoke_mine(request: AnyRequest, device_id: FromPath[UUID]) -> DeviceView:
    """Signs out one of the caller's devices, such as a lost phone, on every process within a second."""
    context, person = context_of(request), person_of(request)
    action = partial(revoke, username=person.username, device_id=device_id, now=context.clock())
    current = await context.database.read(partial(_current, request=request))
    ended = await context.log.transact(action, Event.DEVICE_REVOKED, caller_of(request), person.username)
    return _view(ended, current)


@post("/me/devices/revoke", opt={"action": "me"}, status_code=200)
async def revoke_all_mine(request: AnyRequest) -> Revoked:
    """Signs out all the caller's devices, including this one, and unlinks all identities."""
    context, username = context_of(request), person_of(request).username
    action = partial(revoke_all, username=username, now=context.clock())
    return _revoked(await context.log.transact(action, Event.DEVICES_REVOKED, caller_of(request), username))


@get("/people/{username:str}/devices", opt={"action": "rights.manage"})
async def devices_of(request: AnyRequest, username: FromPath[str]) -> DeviceList:
    context, reach = context_of(request), scope(person_of(request), "rights.manage")

    def ask(repository: Repository) -> DeviceList:
        seen_person(repository, reach, username)
        return DeviceList([_view(each, None) for each in devices(repository, username, context.clock())])

    return await context.database.read(ask)


@post("/people/{username:str}/devices/{device_id:uuid}/revoke", opt={"action": "rights.manage"}, status_code=200)
async def revoke_of(request: AnyRequest, username: FromPath[str], device_id: FromPath[UUID]) -> DeviceView:
    context, reach = context_of(request), scope(person_of(request), "rights.manage")
    action = partial(_revoke_of, reach=reach, username=username, device_id=device_id, now=context.clock())
    return _view(await context.log.transact(action, Event.DEVICE_REVOKED, caller_of(request), username), None)


@post("/people/{username:str}/devices/revoke", opt={"action": "rights.manage"}, status_code=200)
async def revoke_all_of_theirs(request: AnyRequest, username: FromPath[str]) -> Revoked:
    """Signs out all devices of an account and unlinks all its identities."""
    context, reach = context_of(request), scope(person_of(request), "rights.manage")
    action = partial(revoke_all_of, reach=reach, username=username, now=context.clock())
    return _revoked(await context.log.transact(action, Event.DEVICES_REVOKED, caller_of(request), username))


def _revoked(ended: Ended) -> Revoked:
    return Revoked(len(ended.sessions), list(ended.providers))


def _revoke_of(repository: Repository, reach: Scope, username: str, device_id: UUID, now: datetime) -> Change[Session]:
    seen_person(repository, reach, username)
    return revoke(repository, username, device_id, now)


ROUTES = [my_devices, revoke_mine, revoke_all_mine, devices_of, revoke_of, revoke_all_of_theirs]
