"""What actions of this subject may ask of a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from inspections.accounts.api_keys import Key
from inspections.accounts.delegations import Delegation
from inspections.accounts.external_identities import Identity
from inspections.accounts.people import Person
from inspections.accounts.security_log import SecurityEvent
from inspections.accounts.sessions import Session, TokenPair
from inspections.accounts.throttling import Tally
from inspections.change import RecordRepository


class Area(Protocol):
    """A community, as far as a role asks about it."""

    @property
    def code(self) -> str: ...


class AccountRepository(RecordRepository, Protocol):
    """People, programs, delegations, sessions, and what is counted and logged of them."""

    def person(self, username: str) -> Person | None: ...
    def people(self) -> list[Person]: ...
    def account(self, username: str) -> Person | None:
        """The person, for who will change them: whoever asks beside waits."""
        ...

    def administrators(self) -> list[Person]:
        """Everybody who may hold the role of an administrator, as with `account`. Narrows only."""
        ...

    def delegation(self, delegation_id: UUID) -> Delegation | None: ...
    def received(self, username: str, now: datetime) -> list[Delegation]:
        """What is lent to this person at `now` or later."""
        ...

    def delegations(self, username: str | None) -> list[Delegation]:
        """All that this person gave or received, or that anybody did; the newest first."""
        ...

    def sessions(self, username: str) -> list[Session]:
        """All there ever were, for who will change them."""
        ...

    def open_sessions(self, username: str) -> list[Session]:
        """Those that were not ended, for who will end them."""
        ...

    def pair_of(self, digest: str) -> TokenPair | None:
        """The pair one of whose tokens has this digest, for who will read it again by `kept` before changing it."""
        ...

    def standing_pairs(self, session_id: UUID) -> list[TokenPair]:
        """Those of a session that no other has replaced, for who will change them."""
        ...

    def expired_pairs(self, now: datetime, limit: int) -> list[TokenPair]:
        """Those whose refresh token is good no more; claimed as with `due`."""
        ...

    def old_events(self, before: datetime, limit: int) -> list[SecurityEvent]:
        """Lines of the security log from before that instant; claimed as with `due`."""
        ...

    def identities(self, username: str) -> list[Identity]:
        """By provider."""
        ...

    def all_keys(self) -> list[Key]:
        """The newest first."""
        ...

    def key_of(self, digest: str) -> Key | None:
        """The key one of whose secrets has this digest, for who will read it again by `kept` before changing it."""
        ...

    def old_tallies(self, before: datetime, limit: int) -> list[Tally]:
        """Those whose window began before that instant; claimed as with `due`."""
        ...

    def communities(self) -> Sequence[Area]:
        """Where roles may reach."""
        ...
