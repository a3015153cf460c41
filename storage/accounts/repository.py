"""The queries of the domain for this subject, over one connection."""

from datetime import datetime
from uuid import UUID

from inspections.accounts.admin_requests import AdminRequest
from inspections.accounts.api_keys import ApiKey
from inspections.accounts.decision_links import DecisionLink
from inspections.accounts.delegations import Delegation
from inspections.accounts.external_identities import ExchangedCode, ExternalIdentity
from inspections.accounts.known_devices import KnownDevice
from inspections.accounts.people import Person
from inspections.accounts.security_log import SecurityEvent
from inspections.accounts.sessions import Session, TokenPair
from inspections.accounts.throttling import AttemptCounter
from storage.accounts.queries import (
    ACCOUNT,
    ADMIN_REQUESTS,
    ADMINISTRATORS,
    CURRENT_PAIRS,
    DECISION_LINK,
    DECISION_LINKS,
    EXCHANGED_CODE,
    EXPIRED_PAIRS,
    IDENTITIES,
    KEY_BY_DIGEST,
    KEYS,
    KNOWN_DEVICES,
    OLD_ATTEMPT_COUNTERS,
    OLD_DECISION_LINKS,
    OLD_EVENTS,
    OLD_EXCHANGED_CODES,
    OLDEST_EXCHANGED_CODES,
    OPEN_SESSIONS,
    PAIR_BY_DIGEST,
    PEOPLE,
    RECEIVED_DELEGATIONS,
    SESSIONS,
    select_delegations,
)
from storage.engine.unit_of_work import UnitOfWork


class AccountRepository(UnitOfWork):
    """Queries for people, API keys, delegations, sessions, attempt counters and the security log."""

    def person(self, username: str) -> Person | None:
        return self.get(Person, username)

    def lock_person(self, username: str) -> Person | None:
        return next(iter(self._select_for_update(Person, ACCOUNT, username=username)), None)

    def lock_administrators(self) -> list[Person]:
        return self._select_for_update(Person, ADMINISTRATORS)

    def delegation(self, delegation_id: UUID) -> Delegation | None:
        return self.get(Delegation, delegation_id)

    def received_delegations(self, username: str, now: datetime) -> list[Delegation]:
        # Does not flush first: pending delegations of the same group are missing here, until the next read within 1 s.
        return [Delegation(*row) for row in self._rows.fetch(RECEIVED_DELEGATIONS, {"username": username, "now": now})]

    def delegations(self, username: str | None) -> list[Delegation]:
        return self.select(Delegation, select_delegations(username))

    def sessions(self, username: str) -> list[Session]:
        return self._select_for_update(Session, SESSIONS, username=username)

    def open_sessions(self, username: str) -> list[Session]:
        return self._select_for_update(Session, OPEN_SESSIONS, username=username)

    def find_token_pair(self, digest: str) -> TokenPair | None:
        return next((TokenPair(*row) for row in self.rows(PAIR_BY_DIGEST, {"digest": digest})), None)

    def current_pairs(self, session_id: UUID) -> list[TokenPair]:
        return self._select_for_update(TokenPair, CURRENT_PAIRS, session=session_id)

    def expired_pairs(self, now: datetime, limit: int) -> list[TokenPair]:
        return self._claim_due_rows(TokenPair, EXPIRED_PAIRS, now, limit)

    def old_events(self, before: datetime, limit: int) -> list[SecurityEvent]:
        return self._claim_due_rows(SecurityEvent, OLD_EVENTS, before, limit)

    def identities(self, username: str) -> list[ExternalIdentity]:
        return self._select_for_update(ExternalIdentity, IDENTITIES, username=username)

    def lock_exchanged_code(self, digest: str) -> ExchangedCode | None:
        return next(iter(self._select_for_update(ExchangedCode, EXCHANGED_CODE, digest=digest)), None)

    def old_exchanged_codes(self, before: datetime, limit: int) -> list[ExchangedCode]:
        return self._claim_due_rows(ExchangedCode, OLD_EXCHANGED_CODES, before, limit)

    def oldest_exchanged_codes(self, spared: int) -> list[ExchangedCode]:
        return self._select_for_update(ExchangedCode, OLDEST_EXCHANGED_CODES, spared=spared)

    def admin_requests(self) -> list[AdminRequest]:
        return self.select(AdminRequest, ADMIN_REQUESTS)

    def known_devices(self, username: str) -> list[KnownDevice]:
        return self._select_for_update(KnownDevice, KNOWN_DEVICES, username=username)

    def find_decision_link(self, digest: str) -> DecisionLink | None:
        return next((DecisionLink(*row) for row in self.rows(DECISION_LINK, {"digest": digest})), None)

    def decision_links(self, username: str) -> list[DecisionLink]:
        return self._select_for_update(DecisionLink, DECISION_LINKS, username=username)

    def old_decision_links(self, before: datetime, limit: int) -> list[DecisionLink]:
        return self._claim_due_rows(DecisionLink, OLD_DECISION_LINKS, before, limit)

    def all_api_keys(self) -> list[ApiKey]:
        return self.select(ApiKey, KEYS)

    def find_api_key(self, digest: str) -> ApiKey | None:
        return next((ApiKey(*row) for row in self.rows(KEY_BY_DIGEST, {"digest": digest})), None)

    def people(self) -> list[Person]:
        """Returns all people, ordered by username."""
        return self.select(Person, PEOPLE)

    def old_attempt_counters(self, before: datetime, limit: int) -> list[AttemptCounter]:
        return self._claim_due_rows(AttemptCounter, OLD_ATTEMPT_COUNTERS, before, limit)
