"""A hazard, its photos and its history: frozen values."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from inspections.categories import Priority, Severity, Term
from inspections.places import Point

Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z", description="sha-256 of the bytes, in hex")]
Moment = Annotated[datetime, Meta(tz=True)]
_UNSEEN = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff"
_ONE_LINE = rf"\A(?=.*\S)[^\t\n\r{_UNSEEN}]*\Z"
_SOME_LINES = rf"(?s)\A(?=.*\S)[^{_UNSEEN}]*\Z"
Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=_ONE_LINE)]
Words = Annotated[str, Meta(min_length=1, max_length=2000, pattern=_SOME_LINES)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
FixOutcome = Literal["removed", "altered", "escape_opening", "other"]


class State(StrEnum):
    REPORTED = "reported"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    ASSIGNED = "assigned"
    RECTIFYING = "rectifying"
    PENDING_RECHECK = "pending_recheck"
    CLOSED = "closed"
    SUSPENDED = "suspended"
    TRANSFERRED = "transferred"
    CANCELLED = "cancelled"


OPEN = frozenset(State) - {State.REJECTED, State.DUPLICATE, State.CLOSED, State.CANCELLED}


class Outcome(StrEnum):
    """How a closed hazard ended. Only `fixed` counts as done."""

    FIXED = "fixed"
    UNFOUNDED = "unfounded"
    FALSE_ALARM = "false_alarm"
    SELF_RESOLVED = "self_resolved"
    REFUSED_CONTROLLED = "refused_controlled"
    SETTLED_ELSEWHERE = "settled_elsewhere"


class Stage(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    RECHECK = "recheck"


class PhotoState(StrEnum):
    RECEIVED = "received"
    DEVELOPED = "developed"
    DAMAGED = "damaged"


class Party(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """整改责任主体: who has to fix it. Needs no account."""

    kind: Literal["owner", "tenant", "property", "committee", "merchant", "organisation"]
    name: Line
    phone: Annotated[str, Meta(pattern=r"\A[0-9+() -]{3,30}\Z")] | None = None


class PhotoMention(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A photo as a report or a step declares it: by digest. What the phone says of time and place is evidence only."""

    sha256: Digest
    stage: Stage
    taken_at: Moment | None = None
    point: Point | None = None


class Photo(Struct, frozen=True):
    """A picture whose bytes are kept. Exists when its row is committed, never because a file lies there.

    `claimed_until`: somebody develops it; after that instant they are taken for gone. `tries` counts those who began.
    `taken_at` to `oddities` is what its metadata says (storage/images.py): evidence, never the clock that governs.
    `hash`: see likeness.py; None also for a picture that shows next to nothing.
    """

    sha256: str
    size: int
    format: str
    width: int
    height: int
    state: PhotoState
    received_at: datetime
    taken_at: datetime | None = None
    point: Point | None = None
    camera: str | None = None
    claimed_until: datetime | None = None
    tries: int = 0
    utc_offset: int | None = None
    orientation: int | None = None
    oddities: tuple[str, ...] = ()
    hash: int | None = None


class Band(Struct, frozen=True):
    """A quarter of a photo's perceptual hash: the key under which near-same pictures find it (likeness.py)."""

    key: int
    sha256: str
    hash: int


class Flag(Struct, frozen=True, omit_defaults=True):
    """Something that speaks against a photo: a key of evidence.FLAGS.

    `hazard`: the other one it was found on. `amount`: hours, metres, or differing bits, by its kind.
    """

    kind: str
    hazard: UUID | None = None
    amount: int | None = None


class Receipt(Struct, frozen=True):
    """This person has sent this photo's bytes in full: what makes a declared digest count as present for them."""

    sha256: str
    username: str
    at: datetime


class Mention(Struct, frozen=True):
    """A photo declared on a hazard by one line of its history.

    `by_sight`: who declared it has not sent its bytes, but saw it already on a hazard that was theirs to see.
    `examined`: it was compared with everything else that is known; `flags` says what was found.
    """

    entry: UUID
    sha256: str
    stage: Stage
    hazard: UUID
    by: str
    at: datetime
    by_sight: bool = False
    taken_at: datetime | None = None
    point: Point | None = None
    examined: bool = False
    flags: tuple[Flag, ...] = ()


class Hazard(Struct, frozen=True):
    """A hazard from report to end. Times are aware and UTC; `community` and `category` are codes, people usernames.

    `quantity_claimed` is what the fixer says is done, `quantity_done` what a re-check has confirmed.
    `term` and `term_from` say what `due_at` was computed from, where it was not named by a person.
    `version` grows with each step a person takes; `deadline_number` with each new deadline.
    """

    id: UUID
    number: str
    state: State
    outcome: Outcome | None
    version: int
    community: str
    category: str
    severity: Severity
    major_proposed: bool
    priority: Priority | None
    advisory: bool
    description: str
    place: str
    point: Point | None
    quantity: int
    unit: str
    quantity_claimed: int
    quantity_done: int
    responsible_party: Party | None
    source: str
    reporter: str
    lead: str | None
    assisting: tuple[str, ...]
    fixed_on_spot: bool
    fix_method: str | None
    fix_outcome: str | None
    fixed_by: str | None
    found_at: datetime
    reported_at: datetime
    updated_at: datetime
    accepted_at: datetime | None
    submitted_at: datetime | None
    closed_at: datetime | None
    accept_due_at: datetime
    due_at: datetime | None
    due_provisional: bool
    term: Term | None
    term_from: datetime | None
    deadline_number: int
    recheck_due_at: datetime | None
    next_check_at: datetime | None
    times_returned: int
    times_reworked: int
    rebounded_as: UUID | None
    merged_into: UUID | None
    recurrence_of: UUID | None
    history_length: int
    demo: bool

    @property
    def handlers(self) -> tuple[str, ...]:
        return (*((self.lead,) if self.lead else ()), *self.assisting)


class Candidate(Struct, frozen=True):
    """A hazard that may be the same one, reported before."""

    id: UUID
    number: str
    state: State


class Escalation(Struct, frozen=True):
    """That a deadline was missed, recorded once: hazard, deadline number and rung are its key."""

    hazard: UUID
    deadline_number: int
    rung: str
    entry: UUID


class Job(Struct, frozen=True):
    """Something recurring that any process may do, and that one does: when it is to be done next."""

    name: str
    next_at: datetime


class Entry(Struct, frozen=True):
    """A line of a hazard's history: who took which step when, and the facts that came with it.

    Its id is the one the client made for the step, so that the same step sent again is recognised; a line that the
    server adds by itself has an id that nobody can guess.
    """

    id: UUID
    hazard: UUID
    seq: int
    step: str
    by: str
    at: datetime
    state: State
    version: int
    facts: dict[str, Any]
