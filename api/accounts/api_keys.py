"""Routes for API keys of programs, for administrators: create, list, rotate, revoke."""

from datetime import datetime
from functools import partial
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Struct

from api.accounts.security_log import caller_of
from api.http.bodies import AnyRequest, json_body
from api.http.context import context_of, person_of
from api.http.tokens import KEY_PREFIX, digest_of, new_token
from inspections.accounts.actions.api_keys import keys_seen, make_key, revoke_key, rotate_key
from inspections.accounts.api_keys import Key, NewKey
from inspections.accounts.people import Role
from inspections.accounts.security_log import Event


class KeyView(Struct, frozen=True):
    """An API key. `used_at`: the first use of its newest secret. `secrets`: how many are valid now."""

    id: UUID
    name: str
    role: Role
    scope: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    secrets: int


class KeyList(Struct, frozen=True):
    items: list[KeyView]


class KeyMade(Struct, frozen=True):
    """A key with its token, which is returned once. A repeated request gets null; use `rotate` for a new token."""

    key: KeyView
    token: str | None


def _view(key: Key) -> KeyView:
    shared = {name: getattr(key, name) for name in KeyView.__struct_fields__ if name != "secrets"}
    return KeyView(**shared, secrets=1 + (key.previous is not None))


@post("/keys", opt={"action": "key.manage", "body": NewKey})
async def post_key(request: AnyRequest) -> Response[KeyMade]:
    """Creates a key that reads what an analyst reads in `scope`, without personal data, for at most 400 days."""
    asked: NewKey = await json_body(request, NewKey)
    context, token = context_of(request), new_token(KEY_PREFIX)
    action = partial(make_key, person=person_of(request), asked=asked, secret=digest_of(token), now=context.clock())
    facts = {"name": asked.name, "grants": f"{asked.role}:{asked.scope}"}
    made = await context.log.transact(action, Event.KEY_MADE, caller_of(request), str(asked.id), facts)
    if made.repeated:
        return Response(KeyMade(_view(made.key), None), status_code=200)
    return Response(KeyMade(_view(made.key), token), status_code=201)


@get("/keys", opt={"action": "key.manage"})
async def get_keys(request: AnyRequest) -> KeyList:
    found = await context_of(request).database.read(partial(keys_seen, person=person_of(request)))
    return KeyList([_view(key) for key in found])


@post("/keys/{key_id:uuid}/rotate", opt={"action": "key.manage"}, status_code=200)
async def rotate(request: AnyRequest, key_id: FromPath[UUID]) -> KeyMade:
    """Issues a new secret. The secret in use stays valid until the next rotation, so a lost response does no harm."""
    context, token = context_of(request), new_token(KEY_PREFIX)
    action = partial(rotate_key, person=person_of(request), key_id=key_id, secret=digest_of(token), now=context.clock())
    renewed = await context.log.transact(action, Event.KEY_RENEWED, caller_of(request), str(key_id))
    return KeyMade(_view(renewed), token)


@post("/keys/{key_id:uuid}/revoke", opt={"action": "key.manage"}, status_code=200)
async def revoke(request: AnyRequest, key_id: FromPath[UUID]) -> KeyView:
    """Revokes a key; every process rejects it within a second."""
    context = context_of(request)
    action = partial(revoke_key, person=person_of(request), key_id=key_id, now=context.clock())
    return _view(await context.log.transact(action, Event.KEY_REVOKED, caller_of(request), str(key_id)))


ROUTES = [post_key, get_keys, rotate, revoke]
