"""An administrator makes keys for programs, renews their secrets and revokes them, within their own scope."""

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
    """`repeated`: the same key had been made before; its secret is not known any more."""

    key: Key
    repeated: bool


def make_key(repository: AccountRepository, person: Person, asked: NewKey, secret: str, now: datetime) -> Change[Made]:
    """`secret`: a digest. Raises Forbidden, IdConflict, IdTaken, Invalid."""
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
    """Raises Missing, also for one that has ended: it is made anew."""
    key = _managed(repository, person, key_id)
    if key.revoked_at or now >= key.expires_at:
        raise Missing("key")
    after = rotated(key, secret)
    return Change(after, changed=((key, after),))


def revoke_key(repository: AccountRepository, person: Person, key_id: UUID, now: datetime) -> Change[Key]:
    """One that was revoked stays as it is. Raises Missing."""
    key = _managed(repository, person, key_id)
    if key.revoked_at:
        return Change(key)
    after = replace(key, revoked_at=now)
    return Change(after, changed=((key, after),))


def keys_seen(repository: AccountRepository, person: Person) -> list[Key]:
    """The newest first, also those that have ended."""
    reach = scope(person, "key.manage")
    return [key for key in repository.all_keys() if reach.covers_community(key.scope)]


def behind_key(repository: AccountRepository, digest: str, now: datetime) -> Key | None:
    """The key that a secret opens with now."""
    found = repository.key_of(digest)
    return found if found and found.opens(digest, now) else None


def use_key(repository: AccountRepository, digest: str, now: datetime) -> Change[Key | None]:
    """The first use of its newest secret."""
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
