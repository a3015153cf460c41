"""Actions of an administrator on API keys for programs: create, rotate and revoke, within the administrator's scope."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.actions.people import check_scopes
from inspections.accounts.api_keys import MAX_LIFETIME, ApiKey, NewApiKey, rotate_secret
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import Scope, scope
from inspections.accounts.repository import AccountRepository
from inspections.change import Change
from inspections.errors import Forbidden, IdConflict, IdOwnerConflict, InvalidInput, NotFound
from inspections.request_texts import clean_texts, differing_fields


class CreatedApiKey(NamedTuple):
    """The created key. `repeated`: the same request had created it before; its secret is no longer known."""

    key: ApiKey
    repeated: bool


def make_key(
    repository: AccountRepository, person: Person, asked: NewApiKey, secret: str, now: datetime
) -> Change[CreatedApiKey]:
    """Creates a key; `secret` is a digest. Raises Forbidden, IdConflict, IdOwnerConflict, InvalidInput."""
    reach = scope(person, "key.manage")
    ends = asked.expires_at.astimezone(UTC)
    wanted = ApiKey(asked.id, asked.name, Role(asked.role), asked.scope, person.username, now, ends, secret)
    earlier = repository.get(ApiKey, asked.id)
    if earlier is not None:
        return Change(_answer_repeated_request(reach, earlier, wanted))
    clean_texts(asked)
    if not reach.covers_community(asked.scope):
        raise Forbidden("超出您的管理范围")
    check_scopes(repository, (Grant(wanted.role, wanted.scope),), lambda _: "scope")
    if not now < wanted.expires_at <= now + MAX_LIFETIME:
        raise InvalidInput(("expires_at", f"须在今后 {MAX_LIFETIME.days} 天之内"))
    return Change(CreatedApiKey(wanted, repeated=False), (wanted,))


def _answer_repeated_request(reach: Scope, earlier: ApiKey, wanted: ApiKey) -> CreatedApiKey:
    if not reach.covers_community(earlier.scope):
        raise IdOwnerConflict
    if fields := differing_fields(earlier, wanted, ("name", "role", "scope", "expires_at")):
        raise IdConflict(fields)
    return CreatedApiKey(earlier, repeated=True)


def rotate_key(
    repository: AccountRepository, person: Person, key_id: UUID, secret: str, now: datetime
) -> Change[ApiKey]:
    """Replaces the secret of a key. Raises NotFound, also for a key that is revoked or expired."""
    key = _find_managed_key(repository, person, key_id)
    if key.revoked_at or now >= key.expires_at:
        raise NotFound("key")
    after = rotate_secret(key, secret)
    return Change(after, changed=((key, after),))


def revoke_key(repository: AccountRepository, person: Person, key_id: UUID, now: datetime) -> Change[ApiKey]:
    """Revokes a key; a revoked one stays unchanged. Raises NotFound."""
    key = _find_managed_key(repository, person, key_id)
    if key.revoked_at:
        return Change(key)
    after = replace(key, revoked_at=now)
    return Change(after, changed=((key, after),))


def visible_keys(repository: AccountRepository, person: Person) -> list[ApiKey]:
    """Lists the keys within the person's scope, newest first, including revoked and expired ones."""
    reach = scope(person, "key.manage")
    return [key for key in repository.all_api_keys() if reach.covers_community(key.scope)]


def find_valid_key(repository: AccountRepository, digest: str, now: datetime) -> ApiKey | None:
    """Finds the key of a secret, by its digest, if both are valid now."""
    found = repository.find_api_key(digest)
    return found if found and found.accepts_secret(digest, now) else None


def record_key_use(repository: AccountRepository, digest: str, now: datetime) -> Change[ApiKey | None]:
    """Records the first use of a key's newest secret. Returns None if the secret is not valid now."""
    found = repository.find_api_key(digest)
    key = repository.get(ApiKey, found.id) if found else None
    if key is None or not key.accepts_secret(digest, now):
        return Change(None)
    if key.used_at or digest != key.secret:
        return Change(key)
    after = replace(key, used_at=now)
    return Change(after, changed=((key, after),))


def _find_managed_key(repository: AccountRepository, person: Person, key_id: UUID) -> ApiKey:
    key = repository.get(ApiKey, key_id)
    if key is None or not scope(person, "key.manage").covers_community(key.scope):
        raise NotFound("key")
    return key
