"""The queries that actions of this subject need from a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
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
from inspections.change import RecordRepository


class CommunityWithCode(Protocol):
    """A community, reduced to its code, which scopes are compared with."""

    @property
    def code(self) -> str: ...


class AccountRepository(RecordRepository, Protocol):
    """Queries for people, API keys, delegations, sessions, attempt counters and the security log."""

    def person(self, username: str) -> Person | None: ...
    def people(self) -> list[Person]: ...
    def lock_person(self, username: str) -> Person | None:
        """Loads the person and locks the row (SELECT FOR UPDATE)."""
        ...

    def lock_administrators(self) -> list[Person]:
        """Loads and locks all people who may be administrators; the caller must still check their roles."""
        ...

    def delegation(self, delegation_id: UUID) -> Delegation | None: ...
    def received_delegations(self, username: str, now: datetime) -> list[Delegation]:
        """Returns the delegations to this person that are in effect at `now` or begin later."""
        ...

    def delegations(self, username: str | None) -> list[Delegation]:
        """Returns all delegations that a person gave or received, or all for None, newest first."""
        ...

    def sessions(self, username: str) -> list[Session]:
        """Returns all sessions of an account, also ended ones, locked for change."""
        ...

    def open_sessions(self, username: str) -> list[Session]:
        """Returns the sessions of an account that were not revoked, locked for change."""
        ...

    def find_token_pair(self, digest: str) -> TokenPair | None:
        """Finds the pair that contains a token with this digest, unlocked: load it by its key before changing it."""
        ...

    def current_pairs(self, session_id: UUID) -> list[TokenPair]:
        """Returns the pairs of a session that no other pair has replaced, locked for change."""
        ...

    def expired_pairs(self, now: datetime, limit: int) -> list[TokenPair]:
        """Claims pairs whose refresh token has expired; rows locked by others are skipped."""
        ...

    def old_events(self, before: datetime, limit: int) -> list[SecurityEvent]:
        """Claims security events from before that instant; rows locked by others are skipped."""
        ...

    def identities(self, username: str) -> list[ExternalIdentity]:
        """Returns the external identities of an account, ordered by provider."""
        ...

    def lock_exchanged_code(self, digest: str) -> ExchangedCode | None:
        """Finds an exchanged code by its digest and locks it for change."""
        ...

    def old_exchanged_codes(self, before: datetime, limit: int) -> list[ExchangedCode]:
        """Claims codes exchanged at that instant or before; rows locked by others are skipped."""
        ...

    def oldest_exchanged_codes(self, spared: int) -> list[ExchangedCode]:
        """Returns all exchanged codes but the newest `spared`."""
        ...

    def admin_requests(self) -> list[AdminRequest]:
        """Returns the newest 200 requests to change an administrator's account, newest first."""
        ...

    def known_devices(self, username: str) -> list[KnownDevice]:
        """Returns the known devices of an account, locked for change."""
        ...

    def find_decision_link(self, digest: str) -> DecisionLink | None:
        """Finds the link whose token has this digest, unlocked: load it again before changing it."""
        ...

    def decision_links(self, username: str) -> list[DecisionLink]:
        """Returns the decision links of an account, locked for change."""
        ...

    def old_decision_links(self, before: datetime, limit: int) -> list[DecisionLink]:
        """Claims links that expired before that instant; rows locked by others are skipped."""
        ...

    def all_api_keys(self) -> list[ApiKey]:
        """Returns all API keys, newest first."""
        ...

    def find_api_key(self, digest: str) -> ApiKey | None:
        """Finds the key that has a secret with this digest, unlocked: load it by its id before changing it."""
        ...

    def old_attempt_counters(self, before: datetime, limit: int) -> list[AttemptCounter]:
        """Claims counters whose window began before that instant; rows locked by others are skipped."""
        ...

    def communities(self) -> Sequence[CommunityWithCode]:
        """Returns all communities, with which scopes are checked."""
        ...
