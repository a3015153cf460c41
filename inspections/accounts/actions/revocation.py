"""ONE rule for what ends with a reset: every session of an account, and every identity that is linked to it.

Whoever held a token for some minutes may have left either behind. The table in docs/security.md says which event ends
which credential, and is read by its test.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.external_identities import Identity
from inspections.accounts.people import ERASED
from inspections.accounts.repository import AccountRepository
from inspections.accounts.sessions import Session


class Ended(NamedTuple):
    """For a Change: sessions that change, identities to remove."""

    sessions: tuple[tuple[Session, Session], ...] = ()
    identities: tuple[Identity, ...] = ()

    @property
    def providers(self) -> tuple[str, ...]:
        return tuple(each.provider for each in self.identities)


def end_access(repository: AccountRepository, username: str, now: datetime, spared: UUID | None = None) -> Ended:
    """Every open session but `spared`, and every linked identity.

    Its caller has read the account by `repository.account` first: sign-ins and links of the same account wait there, so
    that none of them is missed.
    """
    others = (each for each in repository.open_sessions(username) if each.id != spared)
    sessions = tuple((each, replace(each, revoked_at=now)) for each in others)
    return Ended(sessions, tuple(repository.identities(username)))


def erase_access(repository: AccountRepository, username: str, now: datetime) -> Ended:
    """As `end_access`; what devices were called goes too, also of sessions that ended before."""
    every = repository.sessions(username)
    sessions = tuple((each, replace(each, device=ERASED, revoked_at=each.revoked_at or now)) for each in every)
    return Ended(sessions, tuple(repository.identities(username)))
