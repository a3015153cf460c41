"""What the domain asks of a store, and what an action hands back to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.categories import Category
from inspections.dispatch import DispatchRule
from inspections.evidence import Shown, Sighting
from inspections.hazards import Candidate, Entry, Escalation, Hazard, Job, Mention, Photo, Receipt
from inspections.links import Secret
from inspections.people import Person, Session
from inspections.places import Community, Street
from inspections.rules import Rules
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
        """Open hazards whose deadline is provisional, by id, those that follow `after`; to be changed."""
        ...

    def community(self, code: str) -> Community | None: ...
    def street(self, code: str) -> Street | None: ...
    def category(self, code: str) -> Category | None: ...
    def categories(self) -> list[Category]: ...
    def person(self, username: str) -> Person | None: ...
    def session(self, session_id: UUID) -> Session | None: ...
    def session_of(self, digest: str) -> Session | None:
        """The session whose access, refresh or previous refresh token has this digest."""
        ...

    def hazard(self, hazard_id: UUID) -> Hazard | None: ...
    def entry(self, entry_id: UUID) -> Entry | None: ...
    def photo(self, sha256: str) -> Photo | None: ...
    def receipt(self, sha256: str, username: str) -> Receipt | None: ...
    def escalation(self, hazard_id: UUID, deadline_number: int, rung: str) -> Escalation | None: ...
    def job(self, name: str) -> Job | None: ...
    def secret(self, name: str) -> Secret | None: ...
    def unexamined(self, limit: int) -> list[Mention]:
        """Declared photos that are there, developed, and not examined yet; claimed as with `due`."""
        ...

    def sightings(self, mention: Mention, picture: int | None) -> list[Sighting]:
        """Where else this photo is declared and present, or one whose hash is near `picture`; the earliest first."""
        ...

    def upload(self, upload_id: UUID) -> Upload | None: ...
    def open_uploads(self, username: str, now: datetime) -> int:
        """How many uploads of this person are neither complete nor expired."""
        ...

    def expired_uploads(self, now: datetime, limit: int) -> list[Upload]:
        """Claimed as with `due`."""
        ...

    def new_id(self) -> UUID:
        """A fresh UUIDv7 for a record that the server makes by itself."""
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

    def similar(self, hazard: Hazard) -> list[Candidate]:
        """Open hazards of the same community, category and place reported within 72 hours before this one."""
        ...
