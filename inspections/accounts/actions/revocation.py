"""The rule for resets: every session, linked identity, known device and decision link of an account ends.

An attacker who held a token for some minutes may have created any of them. The table in docs/security.md lists which
event ends which credential; a test reads it.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from inspections.accounts.decision_links import DecisionLink
from inspections.accounts.external_identities import ExternalIdentity
from inspections.accounts.known_devices import KnownDevice
from inspections.accounts.people import ERASED
from inspections.accounts.repository import AccountRepository
from inspections.accounts.sessions import Session


class EndedAccess(NamedTuple):
    """The sessions, before and after, and the identities, known devices and decision links that a reset ends.

    They are to be written with a Change.
    """

    sessions: tuple[tuple[Session, Session], ...] = ()
    identities: tuple[ExternalIdentity, ...] = ()
    devices: tuple[KnownDevice, ...] = ()
    links: tuple[DecisionLink, ...] = ()

    @property
    def removals(self) -> tuple[ExternalIdentity | KnownDevice | DecisionLink, ...]:
        return (*self.identities, *self.devices, *self.links)

    @property
    def providers(self) -> tuple[str, ...]:
        return tuple(each.provider for each in self.identities)


def end_access(repository: AccountRepository, username: str, now: datetime, spared: UUID | None = None) -> EndedAccess:
    """Ends every open session except `spared` with its known device, every linked identity and decision link.

    The caller must have locked the account by `repository.lock_person`: concurrent sign-ins and links of the account
    then wait, so none of them is missed.
    """
    others = (each for each in repository.open_sessions(username) if each.id != spared)
    sessions = tuple((each, replace(each, revoked_at=now)) for each in others)
    devices = tuple(each for each in repository.known_devices(username) if each.session != spared)
    links = tuple(repository.decision_links(username))
    return EndedAccess(sessions, tuple(repository.identities(username)), devices, links)


def erase_access(repository: AccountRepository, username: str, now: datetime) -> EndedAccess:
    """Ends access as `end_access` does and erases the device names of all sessions, also of ended ones."""
    every = repository.sessions(username)
    sessions = tuple((each, replace(each, device=ERASED, revoked_at=each.revoked_at or now)) for each in every)
    identities, devices = repository.identities(username), repository.known_devices(username)
    return EndedAccess(sessions, tuple(identities), tuple(devices), tuple(repository.decision_links(username)))


def forget_devices(repository: AccountRepository, session: Session) -> tuple[KnownDevice, ...]:
    """Returns the known devices of a session that ends because somebody else may hold its tokens."""
    return tuple(each for each in repository.known_devices(session.username) if each.session == session.id)
