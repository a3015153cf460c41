"""A hazard, its photos and its history: frozen values."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from inspections.field_types import Line, Moment, Phone, Words
from inspections.office.categories import Left, Priority, Severity, Term
from inspections.photos.evidence import Shown
from inspections.places.coordinates import Point

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


class Party(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """整改责任主体: who has to fix it. Needs no account."""

    kind: Literal["owner", "tenant", "property", "committee", "merchant", "organisation"]
    name: Line
    phone: Phone | None = None


class Extension(Struct, frozen=True):
    """A longer deadline that somebody asked for and nobody has decided."""

    by: str
    at: datetime
    due_at: datetime
    reason: str


class Suspension(Struct, frozen=True):
    """暂缓整改: the fixing clock stands. `left`: what it had left; None where it had run out at `due_at` already."""

    by: str
    at: datetime
    state: State
    reason: str
    measures: str
    due_at: datetime
    left: Left | None


class Arrangements(Struct, frozen=True, forbid_unknown_fields=True):
    """五落实: what 《安全生产法》 第四十一条 and the rules on major hazards want settled before one is fixed."""

    responsible: Line
    measures: Words
    time_limit: Moment
    funds: Line
    plan: Words


SupervisionLevel = Literal["subdistrict", "district", "city", "province"]


class Supervision(Struct, frozen=True):
    """督办, 挂牌."""

    by: str
    at: datetime
    level: SupervisionLevel
    document: str
    arrangements: Arrangements | None


class MajorBasis(Struct, frozen=True):
    """Why a hazard is major, and who has determined it under which document; the latter once it is confirmed."""

    basis: str
    authority: str | None = None
    document: str | None = None


class Transfer(Struct, frozen=True):
    """移交: to whom, and what they answered."""

    by: str
    at: datetime
    to: str
    reason: str
    receipt: str | None = None


class Evaluation(Struct, frozen=True):
    """评价: 1 (bad) to 5 (good)."""

    by: str
    at: datetime
    score: int
    words: str | None


class Hazard(Struct, frozen=True):
    """A hazard from report to end. Times are aware and UTC; `community` and `category` are codes, people usernames.

    `quantity_claimed` is what the fixer says is done, `quantity_done` what a re-check has confirmed.
    `found_category`: what it was reported as, where its cause or category was set since.
    `version` grows with each step a person takes. Each stage has a clock (deadlines.CLOCKS): `deadline_number` counts
    the deadlines for fixing, `due_from` is when the present one was set, by `term` or (None) by hand, `original_due_at`
    what it was before it was extended; `stage_number` and `stage_from` are the same for the stage it is in,
    `stage_term` by which term of the rules its clock was set, while that rests on a year not published yet.
    `place_key` and `cell` find it again (communities.py). `reporters`: who reported its duplicates. `history_head` is
    the digest of the last line of its history.
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
    place_key: str
    point: Point | None
    cell: int | None
    quantity: int
    unit: str
    quantity_claimed: int
    quantity_done: int
    responsible_party: Party | None
    source: str
    reporter: str
    reporters: tuple[str, ...]
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
    deadline_number: int
    recheck_due_at: datetime | None
    next_check_at: datetime | None
    times_returned: int
    times_reworked: int
    rebounded_as: UUID | None
    merged_into: UUID | None
    recurrence_of: UUID | None
    history_length: int
    history_head: str
    demo: bool
    found_category: str | None = None
    term: Term | None = None
    due_from: datetime | None = None
    original_due_at: datetime | None = None
    start_due_at: datetime | None = None
    review_due_at: datetime | None = None
    reply_due_at: datetime | None = None
    look_back_due_at: datetime | None = None
    stage_number: int = 1
    stage_from: datetime | None = None
    stage_term: Term | None = None
    times_extended: int = 0
    times_reopened: int = 0
    extension: Extension | None = None
    suspension: Suspension | None = None
    supervision: Supervision | None = None
    major: MajorBasis | None = None
    transfer: Transfer | None = None
    evaluation: Evaluation | None = None

    @property
    def handlers(self) -> tuple[str, ...]:
        return (*((self.lead,) if self.lead else ()), *self.assisting)


class Named(Struct, frozen=True):
    """A hazard as others name it."""

    id: UUID
    number: str
    state: State


class Candidate(Named, frozen=True):
    """A hazard that may be the same one, reported before. `same_place`: told in the same words, in this community.

    `distance_m`: between the two points, None where one is missing.
    """

    distance_m: int | None
    same_place: bool


class Escalation(Struct, frozen=True):
    """That a rung of a ladder was reached, recorded once: hazard, number and rung are its key.

    `deadline_number`: which deadline of the rung's clock that was (deadlines.number_of).
    """

    hazard: UUID
    deadline_number: int
    rung: str
    entry: UUID


class Clocks(Struct, frozen=True, omit_defaults=True):
    """What a line of history set of a hazard's deadlines; None: that clock stands now."""

    accept_due_at: datetime | UnsetType | None = UNSET
    start_due_at: datetime | UnsetType | None = UNSET
    due_at: datetime | UnsetType | None = UNSET
    recheck_due_at: datetime | UnsetType | None = UNSET
    review_due_at: datetime | UnsetType | None = UNSET
    reply_due_at: datetime | UnsetType | None = UNSET
    look_back_due_at: datetime | UnsetType | None = UNSET
    original_due_at: datetime | UnsetType | None = UNSET
    deadline_number: int | UnsetType = UNSET
    stage_number: int | UnsetType = UNSET
    term: Term | UnsetType | None = UNSET


class Entry(Struct, frozen=True):
    """A line of a hazard's history: who took which step when, and the facts that came with it.

    Its id is the one the client made for the step, so that the same step sent again is recognised; a line that the
    server adds by itself has an id that nobody can guess. `digest` chains it to the line before; `salts` by the paths
    of its free words, see history.py. `acting_for`: who lent `by` the role that this step took.
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
    salts: dict[str, str]
    digest: str
    clocks: Clocks = Clocks()
    acting_for: str | None = None


class Dossier(NamedTuple):
    """A hazard with the photos declared on it. `others`: hazards that their flags point to, where the reader may."""

    hazard: Hazard
    shown: list[Shown]
    others: Mapping[UUID, Named] = {}
