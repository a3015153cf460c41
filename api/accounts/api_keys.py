"""Routes for API keys of programs, for administrators: create, list, rotate, revoke."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import Struct

from api.accounts.security_log import current_caller
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from api.http.queries import LIST_LIMIT, PageCursor, PageLimit, cut_page
from api.http.tokens import KEY_PREFIX, hash_token, new_token
from inspections.accounts.actions.api_keys import make_key, revoke_key, rotate_key, visible_keys
from inspections.accounts.api_keys import ApiKey, NewApiKey
from inspections.accounts.people import Role
from inspections.accounts.security_log import Event


class ApiKeyView(Struct, frozen=True):
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


class ApiKeyList(Struct, frozen=True, omit_defaults=True):
    """A page of keys. `next_cursor` is left out on the last one."""

    items: Sequence[ApiKeyView]
    next_cursor: str | None = None


class ApiKeyWithToken(Struct, frozen=True):
    """A key with its token, which is returned once. A repeated request gets null; use `rotate` for a new token."""

    key: ApiKeyView
    token: str | None


def _view(key: ApiKey) -> ApiKeyView:
    shared = {name: getattr(key, name) for name in ApiKeyView.__struct_fields__ if name != "secrets"}
    return ApiKeyView(**shared, secrets=1 + (key.previous is not None))


@post("/keys", opt={"action": "key.manage", "body": NewApiKey})
async def create_api_key(request: AnyRequest) -> Response[ApiKeyWithToken]:
    """Creates a key that reads what an analyst reads in `scope`, without personal data, for at most 400 days."""
    asked: NewApiKey = await json_body(request, NewApiKey)
    context, token = app_context(request), new_token(KEY_PREFIX)
    action = partial(
        make_key, person=current_person(request), asked=asked, secret=hash_token(token), now=context.clock()
    )
    facts = {"name": asked.name, "grants": f"{asked.role}:{asked.scope}"}
    made = await context.log.transact(action, Event.KEY_MADE, current_caller(request), str(asked.id), facts)
    if made.repeated:
        return Response(ApiKeyWithToken(_view(made.key), None), status_code=200)
    return Response(ApiKeyWithToken(_view(made.key), token), status_code=201)


@get("/keys", opt={"action": "key.manage"})
async def list_api_keys(request: AnyRequest, limit: PageLimit = LIST_LIMIT, cursor: PageCursor = None) -> ApiKeyList:
    """Lists the API keys."""
    found = await app_context(request).database.read(partial(visible_keys, person=current_person(request)))
    return ApiKeyList(*cut_page([_view(key) for key in found], attrgetter("id"), limit, cursor))


@post("/keys/{key_id:uuid}/rotate", opt={"action": "key.manage"}, status_code=200)
async def rotate_api_key(request: AnyRequest, key_id: FromPath[UUID]) -> ApiKeyWithToken:
    """Issues a new secret. The secret in use stays valid until the next rotation, so a lost response does no harm."""
    context, token = app_context(request), new_token(KEY_PREFIX)
    action = partial(
        rotate_key, person=current_person(request), key_id=key_id, secret=hash_token(token), now=context.clock()
    )
    renewed = await context.log.transact(action, Event.KEY_RENEWED, current_caller(request), str(key_id))
    return ApiKeyWithToken(_view(renewed), token)


@post("/keys/{key_id:uuid}/revoke", opt={"action": "key.manage"}, status_code=200)
async def revoke_api_key(request: AnyRequest, key_id: FromPath[UUID]) -> ApiKeyView:
    """Revokes a key; every process rejects it within a second."""
    context = app_context(request)
    action = partial(revoke_key, person=current_person(request), key_id=key_id, now=context.clock())
    return _view(await context.log.transact(action, Event.KEY_REVOKED, current_caller(request), str(key_id)))


ROUTES = [create_api_key, list_api_keys, rotate_api_key, revoke_api_key]
