"""The rule for resets: every session of an account ends, and every external identity linked to it.

An attacker who held a token for some minutes may have created either. The table in docs/security.md lists which event
ends which credential; a test reads it.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.external_identities import ExternalIdentity
from inspections.accounts.people import ERASED
from inspections.accounts.repository import AccountRepository
from inspections.accounts.sessions import Session


class EndedAccess(NamedTuple):
    """The sessions, before and after, and the identities that a reset ends, to be written with a Change."""

    sessions: tuple[tuple[Session, Session], ...] = ()
    identities: tuple[ExternalIdentity, ...] = ()

    @property
    def providers(self) -> tuple[str, ...]:
        return tuple(each.provider for each in self.identities)


def end_access(repository: AccountRepository, username: str, now: datetime, spared: UUID | None = None) -> EndedAccess:
    """Ends every open session except `spared`, and every linked identity.

    The caller must have locked the account by `repository.lock_person`: concurrent sign-ins and links of the account
    then wait, so none of them is missed.
    """
    others = (each for each in repository.open_sessions(username) if each.id != spared)
    sessions = tuple((each, replace(each, revoked_at=now)) for each in others)
    return EndedAccess(sessions, tuple(repository.identities(username)))


def erase_access(repository: AccountRepository, username: str, now: datetime) -> EndedAccess:
    """Ends access as `end_access` does and erases the device names of all sessions, also of ended ones."""
    every = repository.sessions(username)
    sessions = tuple((each, replace(each, device=ERASED, revoked_at=each.revoked_at or now)) for each in every)
    return EndedAccess(sessions, tuple(repository.identities(username)))
