"""The queries of the domain for this subject, over one connection."""

from datetime import datetime
from uuid import UUID

from inspections.accounts.api_keys import Key
from inspections.accounts.delegations import Delegation
from inspections.accounts.external_identities import Identity
from inspections.accounts.people import Person
from inspections.accounts.security_log import SecurityEvent
from inspections.accounts.sessions import Session, TokenPair
from inspections.accounts.throttling import Tally
from storage.accounts.queries import (
    ACCOUNT,
    ADMINISTRATORS,
    EXPIRED_PAIRS,
    IDENTITIES,
    KEY_OF,
    KEYS,
    OLD_EVENTS,
    OLD_TALLIES,
    OPEN_SESSIONS,
    PAIR_OF,
    PEOPLE,
    RECEIVED,
    SESSIONS,
    STANDING_PAIRS,
    delegations_of,
)
from storage.engine.unit_of_work import UnitOfWork


class AccountRepository(UnitOfWork):
    """Queries for people, API keys, delegations, sessions, attempt counters and the security log."""

    def person(self, username: str) -> Person | None:
        return self.kept(Person, username)

    def account(self, username: str) -> Person | None:
        return next(iter(self._for_change(Person, ACCOUNT, username=username)), None)

    def administrators(self) -> list[Person]:
        return self._for_change(Person, ADMINISTRATORS)

    def delegation(self, delegation_id: UUID) -> Delegation | None:
        return self.kept(Delegation, delegation_id)

    def received(self, username: str, now: datetime) -> list[Delegation]:
        # Does not flush first: pending delegations of the same group are missing here, until the next read within 1 s.
        return [Delegation(*row) for row in self._rows.found(RECEIVED, {"username": username, "now": now})]

    def delegations(self, username: str | None) -> list[Delegation]:
        return self.select(Delegation, delegations_of(username))

    def sessions(self, username: str) -> list[Session]:
        return self._for_change(Session, SESSIONS, username=username)

    def open_sessions(self, username: str) -> list[Session]:
        return self._for_change(Session, OPEN_SESSIONS, username=username)

    def pair_of(self, digest: str) -> TokenPair | None:
        return next((TokenPair(*row) for row in self.rows(PAIR_OF, {"digest": digest})), None)

    def standing_pairs(self, session_id: UUID) -> list[TokenPair]:
        return self._for_change(TokenPair, STANDING_PAIRS, session=session_id)

    def expired_pairs(self, now: datetime, limit: int) -> list[TokenPair]:
        return self._claimed(TokenPair, EXPIRED_PAIRS, now, limit)

    def old_events(self, before: datetime, limit: int) -> list[SecurityEvent]:
        return self._claimed(SecurityEvent, OLD_EVENTS, before, limit)

    def identities(self, username: str) -> list[Identity]:
        return self._for_change(Identity, IDENTITIES, username=username)

    def all_keys(self) -> list[Key]:
        return self.select(Key, KEYS)

    def key_of(self, digest: str) -> Key | None:
        return next((Key(*row) for row in self.rows(KEY_OF, {"digest": digest})), None)

    def people(self) -> list[Person]:
        """Returns all people, ordered by username."""
        return self.select(Person, PEOPLE)

    def old_tallies(self, before: datetime, limit: int) -> list[Tally]:
        return self._claimed(Tally, OLD_TALLIES, before, limit)
