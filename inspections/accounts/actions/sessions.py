"""Actions on the signed-in devices of an account: list them, and sign out one or all, by owner or administrator."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.actions.people import find_managed_person
from inspections.accounts.actions.revocation import EndedAccess, end_access, forget_devices
from inspections.accounts.policy import Scope
from inspections.accounts.repository import AccountRepository
from inspections.accounts.sessions import Session
from inspections.change import Change
from inspections.errors import NotFound


def signed_in_devices(repository: AccountRepository, username: str, now: datetime) -> list[Session]:
    """Lists the account's devices that are signed in, the most recently seen first."""
    standing = [session for session in repository.open_sessions(username) if session.is_valid(now)]
    return sorted(standing, key=lambda session: session.seen_at, reverse=True)


def revoke_session(repository: AccountRepository, username: str, device_id: UUID, now: datetime) -> Change[Session]:
    """Signs a device out; one that already is stays unchanged.

    Raises NotFound if it is not a device of this account.
    """
    session = repository.get(Session, device_id)
    if session is None or session.username != username:
        raise NotFound("device")
    if session.revoked_at is not None:
        return Change(session)
    after = replace(session, revoked_at=now)
    return Change(after, changed=((session, after),), removed=forget_devices(repository, session))


def revoke_all_sessions(repository: AccountRepository, username: str, now: datetime) -> Change[EndedAccess]:
    """Signs out every device, including the one that sends the request, and unlinks all identities."""
    repository.lock_person(username)
    ended = end_access(repository, username, now)
    return Change(ended, changed=ended.sessions, removed=ended.removals)


def revoke_all_sessions_as_admin(
    repository: AccountRepository, reach: Scope, username: str, now: datetime
) -> Change[EndedAccess]:
    """Signs out every device of an account that an administrator manages. Raises NotFound if they do not manage it."""
    find_managed_person(repository, reach, username)
    return revoke_all_sessions(repository, username, now)
