"""What the domain asks of a store, and what an action hands back to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.categories import Category
from inspections.delegations import Delegation
from inspections.dispatch import DispatchRule
from inspections.duplicates import Earlier
from inspections.evidence import Shown, Sighting
from inspections.exports import Export
from inspections.feed import Changed, Feed
from inspections.fix_links import FixLink
from inspections.hazards import Entry, Hazard, Job, Mention, Named, Photo, Receipt
from inspections.identities import Identity
from inspections.keys import Key
from inspections.links import Secret
from inspections.monitors import Monitor, Signature
from inspections.outbox import Agenda, Delivery, Notice, Sender
from inspections.people import Person
from inspections.places import Community, Street
from inspections.policy import Scope
from inspections.rates import Tally
from inspections.rules import Rules
from inspections.security import SecurityEvent
from inspections.sessions import Session, TokenPair
from inspections.slots import Slot
from inspections.uploads import Upload

T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R", bound=Struct)


class Change(Struct, Generic[T_co], frozen=True):
    """What an action decided: the answer for its caller, records to insert, and (before, after) of those that change.

    The store writes all of it in one transaction or none of it. A changed record is written only over the version
    that was read. `removed`: what need not be remembered; nothing of a hazard ever is.
    """

    answer: T_co
    new: tuple[Struct, ...] = ()
    changed: tuple[tuple[Struct, Struct], ...] = ()
    removed: tuple[Struct, ...] = ()


class Register(Protocol):
    """What an action may read. Inside a write transaction, what it reads stays as it is until the commit."""

    @property
    def calendar(self) -> WorkingCalendar: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def dispatch_rules(self) -> Sequence[DispatchRule]:
        """The active ones."""
        ...

    def kept(self, kind: type[R], *key: Any) -> R | None:
        """A record as it is kept now, for who will change it: what others see of the rules may be seconds older."""
        ...

    def calendar_days(self, year: int) -> list[CalendarDay]: ...
    def provisional(self, after: UUID, limit: int) -> list[Hazard]:
        """Open hazards one of whose deadlines is provisional, by id, those that follow `after`; to be changed."""
        ...

    def community(self, code: str) -> Community | None: ...
    def street(self, code: str) -> Street | None: ...
    def communities(self) -> list[Community]: ...
    def category(self, code: str) -> Category | None: ...
    def categories(self) -> list[Category]: ...
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

    def hazard(self, hazard_id: UUID) -> Hazard | None: ...
    def entry(self, entry_id: UUID) -> Entry | None: ...
    def history(self, hazard_id: UUID) -> list[Entry]:
        """Every line, oldest first."""
        ...

    def photo(self, sha256: str) -> Photo | None: ...
    def receipt(self, sha256: str, username: str) -> Receipt | None: ...
    def escalated(self, hazard_ids: Sequence[UUID]) -> set[tuple[UUID, int, str]]:
        """The rungs recorded for these hazards: hazard, number, name."""
        ...

    def job(self, name: str) -> Job | None: ...
    def secret(self, name: str) -> Secret | None: ...
    def feed(self) -> Feed: ...
    def old_changes(self, before_day: int, limit: int) -> list[Changed]:
        """The first ones, of days before this one (since 1970)."""
        ...

    def fix_link_of(self, digest: str) -> FixLink | None:
        """The link whose token has this digest, for who will read it again by `kept` before changing it."""
        ...

    def fix_links(self, hazard_id: UUID) -> list[FixLink]:
        """All of a hazard, the newest first."""
        ...

    def old_tallies(self, before: datetime, limit: int) -> list[Tally]:
        """Those whose window began before that instant; claimed as with `due`."""
        ...

    def photos_over(self, before: datetime, digests: Sequence[str]) -> list[Photo]:
        """Those of these that came before that instant, and that no hazard shows which is open or was touched since."""
        ...

    def unexamined(self, limit: int) -> list[Mention]:
        """Declared photos that are there, developed, and not examined yet, but those of duplicates; as with `due`."""
        ...

    def sightings(self, mention: Mention, picture: int | None) -> list[Sighting]:
        """Where else this photo is declared and present, or one whose hash is near `picture`; the earliest first.

        Not on other duplicates: their photos stand on their master.
        """
        ...

    def upload(self, upload_id: UUID) -> Upload | None: ...
    def open_uploads(self, username: str, now: datetime) -> int:
        """How many uploads of this person are neither complete nor expired."""
        ...

    def expired_uploads(self, now: datetime, limit: int) -> list[Upload]:
        """Claimed as with `due`."""
        ...

    def exports(self, username: str) -> list[Export]:
        """All that this person asked for and that are remembered."""
        ...

    def waiting_exports(self, now: datetime, limit: int) -> list[Export]:
        """Those that are not ended and that nobody has claimed until after `now`; claimed as with `due`."""
        ...

    def old_exports(self, before: datetime, limit: int) -> list[Export]:
        """Those that were asked for by that instant; claimed as with `due`."""
        ...

    def silent(self, now: datetime, limit: int) -> list[Monitor]:
        """Devices in use, of which no outage is known, and that should have been heard of; claimed as with `due`."""
        ...

    def slots(self) -> list[Slot]:
        """All, by number, for who will change them."""
        ...

    def old_signatures(self, before: datetime, limit: int) -> list[Signature]:
        """Those of requests from before that instant; claimed as with `due`."""
        ...

    def new_id(self) -> UUID:
        """A fresh UUIDv7 for a record that the server makes by itself."""
        ...

    def new_salt(self) -> str:
        """Sixteen random bytes in hex, that nobody can guess."""
        ...

    def next_number(self, series: str) -> int:
        """The next human number of a series such as `XJ-2026`. Never twice; gaps are allowed."""
        ...

    def may_see_photo(self, person: Person, sha256: str) -> bool:
        """Whether a hazard that this person may see shows this photo already."""
        ...

    def shown(self, hazard_ids: Sequence[UUID]) -> list[Shown]:
        """Every photo declared on these hazards, in the order of their history."""
        ...

    def due(self, now: datetime, limit: int) -> list[Hazard]:
        """Hazards whose next check has come, the longest waiting first. Narrows only: the verdict is the domain's.

        Inside a write transaction they are claimed: whoever asks beside gets others.
        """
        ...

    def undeveloped(self, now: datetime, limit: int) -> list[Photo]:
        """Photos that wait to be developed and that nobody has claimed until after `now`; claimed as with `due`."""
        ...

    def earlier(self, hazard: Hazard) -> list[Earlier]:
        """Hazards reported before that may be this one. Narrows only: the verdict is duplicates.candidates."""
        ...

    def duplicates(self, hazard_ids: Sequence[UUID]) -> list[Named]:
        """The hazards that were merged into one of these, the earliest report first."""
        ...

    def untold(self, limit: int) -> list[Notice]:
        """Notices that have not become inbox and deliveries, the earliest first; claimed as with `due`.

        Of a hazard only those of the earliest line: one that comes later waits, also for who asks beside.
        """
        ...

    def hazards(self, hazard_ids: Sequence[UUID]) -> list[Hazard]:
        """As they are, for who will not change them."""
        ...

    def deliverable(self, channel: str, now: datetime, limit: int) -> list[Delivery]:
        """Deliveries whose time has come, the earliest first, whatever waits before them; claimed as with `due`."""
        ...

    def waiting(self, channel: str, hazard_ids: Sequence[UUID]) -> list[Delivery]:
        """What is still to arrive of these hazards through a channel, in the order of their lines, only to be read."""
        ...

    def deliveries(self, ids: Sequence[UUID], *, free: bool = False) -> list[Delivery]:
        """For who will change them. `free`: only those that nobody beside is changing."""
        ...

    def senders(self, sha256: str) -> list[Sender]: ...
    def agenda(self, scope: Scope, now: datetime, since: datetime) -> Agenda:
        """How what lies within `scope` stands at `now`, with what came and ended from `since` on."""
        ...
