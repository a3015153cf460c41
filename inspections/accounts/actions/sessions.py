"""The devices of an account: listed, and cut off one by one or all at once, by their owner or by an administrator."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.actions.people import seen_person
from inspections.accounts.actions.revocation import Ended, end_access
from inspections.accounts.policy import Scope
from inspections.accounts.repository import AccountRepository
from inspections.accounts.sessions import Session
from inspections.change import Change
from inspections.errors import Missing


def devices(repository: AccountRepository, username: str, now: datetime) -> list[Session]:
    """Those that are signed in, the one seen last first."""
    standing = [session for session in repository.open_sessions(username) if session.stands(now)]
    return sorted(standing, key=lambda session: session.seen_at, reverse=True)


def revoke(repository: AccountRepository, username: str, device_id: UUID, now: datetime) -> Change[Session]:
    """The device is signed out; one that was stays as it is. Raises Missing where it is not this account's."""
    session = repository.kept(Session, device_id)
    if session is None or session.username != username:
        raise Missing("device")
    if session.revoked_at is not None:
        return Change(session)
    after = replace(session, revoked_at=now)
    return Change(after, changed=((session, after),))


def revoke_all(repository: AccountRepository, username: str, now: datetime) -> Change[Ended]:
    """Every device is signed out, also the one that asks; linked identities end with them."""
    repository.account(username)
    ended = end_access(repository, username, now)
    return Change(ended, changed=ended.sessions, removed=ended.identities)


def revoke_all_of(repository: AccountRepository, reach: Scope, username: str, now: datetime) -> Change[Ended]:
    """By an administrator. Raises Missing."""
    seen_person(repository, reach, username)
    return revoke_all(repository, username, now)
