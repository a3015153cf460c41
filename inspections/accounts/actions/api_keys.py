"""Actions of an administrator on API keys for programs: create, rotate and revoke, within the administrator's scope."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.actions.people import check_scopes
from inspections.accounts.api_keys import LONGEST, Key, NewKey, rotated
from inspections.accounts.people import Grant, Person, Role
from inspections.accounts.policy import Scope, scope
from inspections.accounts.repository import AccountRepository
from inspections.change import Change
from inspections.errors import Forbidden, IdConflict, IdTaken, Invalid, Missing, differing


class Made(NamedTuple):
    """The created key. `repeated`: the same request had created it before; its secret is no longer known."""

    key: Key
    repeated: bool


def make_key(repository: AccountRepository, person: Person, asked: NewKey, secret: str, now: datetime) -> Change[Made]:
    """Creates a key; `secret` is a digest. Raises Forbidden, IdConflict, IdTaken, Invalid."""
    reach = scope(person, "key.manage")
    ends = asked.expires_at.astimezone(UTC)
    wanted = Key(asked.id, asked.name, Role(asked.role), asked.scope, person.username, now, ends, secret)
    earlier = repository.kept(Key, asked.id)
    if earlier is not None:
        return Change(_again(reach, earlier, wanted))
    if not reach.covers_community(asked.scope):
        raise Forbidden("超出您的管理范围")
    check_scopes(repository, (Grant(wanted.role, wanted.scope),), lambda _: "scope")
    if not now < wanted.expires_at <= now + LONGEST:
        raise Invalid(("expires_at", f"须在今后 {LONGEST.days} 天之内"))
    return Change(Made(wanted, repeated=False), (wanted,))


def _again(reach: Scope, earlier: Key, wanted: Key) -> Made:
    if not reach.covers_community(earlier.scope):
        raise IdTaken
    if fields := differing(earlier, wanted, ("name", "role", "scope", "expires_at")):
        raise IdConflict(fields)
    return Made(earlier, repeated=True)


def rotate_key(repository: AccountRepository, person: Person, key_id: UUID, secret: str, now: datetime) -> Change[Key]:
    """Replaces the secret of a key. Raises Missing, also for a key that is revoked or expired."""
    key = _managed(repository, person, key_id)
    if key.revoked_at or now >= key.expires_at:
        raise Missing("key")
    after = rotated(key, secret)
    return Change(after, changed=((key, after),))


def revoke_key(repository: AccountRepository, person: Person, key_id: UUID, now: datetime) -> Change[Key]:
    """Revokes a key; a revoked one stays unchanged. Raises Missing."""
    key = _managed(repository, person, key_id)
    if key.revoked_at:
        return Change(key)
    after = replace(key, revoked_at=now)
    return Change(after, changed=((key, after),))


def keys_seen(repository: AccountRepository, person: Person) -> list[Key]:
    """Lists the keys within the person's scope, newest first, including revoked and expired ones."""
    reach = scope(person, "key.manage")
    return [key for key in repository.all_keys() if reach.covers_community(key.scope)]


def behind_key(repository: AccountRepository, digest: str, now: datetime) -> Key | None:
    """Finds the key of a secret, by its digest, if both are valid now."""
    found = repository.key_of(digest)
    return found if found and found.opens(digest, now) else None


def use_key(repository: AccountRepository, digest: str, now: datetime) -> Change[Key | None]:
    """Records the first use of a key's newest secret. Returns None if the secret is not valid now."""
    found = repository.key_of(digest)
    key = repository.kept(Key, found.id) if found else None
    if key is None or not key.opens(digest, now):
        return Change(None)
    if key.used_at or digest != key.secret:
        return Change(key)
    after = replace(key, used_at=now)
    return Change(after, changed=((key, after),))


def _managed(repository: AccountRepository, person: Person, key_id: UUID) -> Key:
    key = repository.kept(Key, key_id)
    if key is None or not scope(person, "key.manage").covers_community(key.scope):
        raise Missing("key")
    return key
