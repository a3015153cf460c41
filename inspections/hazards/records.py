"""The hazard, its history entries and their parts: frozen values."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from inspections.field_types import AwareDatetime, LongText, Name, Phone, ShortText
from inspections.office.categories import Priority, RemainingTime, Severity, Term
from inspections.photos.evidence import DeclaredPhoto
from inspections.places.coordinates import Point

VehicleStandard = Literal["old", "new"]
"""Whether an e-bike was built by GB 17761-2024, in force since 2025-09-01, or by an older edition."""
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


OPEN_STATES = frozenset(State) - {State.REJECTED, State.DUPLICATE, State.CLOSED, State.CANCELLED}


class Outcome(StrEnum):
    """The result of a closed hazard. Only `fixed` counts as done."""

    FIXED = "fixed"
    UNFOUNDED = "unfounded"
    FALSE_ALARM = "false_alarm"
    SELF_RESOLVED = "self_resolved"
    REFUSED_CONTROLLED = "refused_controlled"
    SETTLED_ELSEWHERE = "settled_elsewhere"


class Party(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """整改责任主体: the party responsible for the fix. It needs no account."""

    kind: Literal["owner", "tenant", "property", "committee", "merchant", "organisation"]
    name: Name
    phone: Phone | None = None


class Extension(Struct, frozen=True):
    """A pending request for a longer deadline."""

    by: str
    at: datetime
    due_at: datetime
    reason: str


class Suspension(Struct, frozen=True):
    """暂缓整改: the fixing clock is stopped. `left`: the time that remained; None if it had expired at `due_at`."""

    by: str
    at: datetime
    state: State
    reason: str
    measures: str
    due_at: datetime
    left: RemainingTime | None


class Arrangements(Struct, frozen=True, forbid_unknown_fields=True):
    """五落实: what 《安全生产法》 第四十一条 and the rules on major hazards require to be settled before a fix."""

    responsible: Name
    measures: LongText
    time_limit: AwareDatetime
    funds: ShortText
    plan: LongText


SupervisionLevel = Literal["subdistrict", "district", "city", "province"]


class Supervision(Struct, frozen=True):
    """督办, 挂牌: the supervision of a hazard by a higher authority."""

    by: str
    at: datetime
    level: SupervisionLevel
    document: str
    arrangements: Arrangements | None


class MajorBasis(Struct, frozen=True):
    """The reason why a hazard is major; once confirmed, also the authority and the document that determined it."""

    basis: str
    authority: str | None = None
    document: str | None = None


class TransferRecord(Struct, frozen=True):
    """移交: the transfer of a hazard to another authority, and its reply."""

    by: str
    at: datetime
    to: str
    reason: str
    receipt: str | None = None


class Evaluation(Struct, frozen=True):
    """评价: the evaluation of a closed hazard, from 1 (bad) to 5 (good)."""

    by: str
    at: datetime
    score: int
    words: str | None


class RecheckFlag(Struct, frozen=True):
    """A mark on a passed re-check: the fix came by a link from the device or network of `by`, who passed it.

    `kinds`: `same_device`, `same_network`, or both. `words`: what that means, in Chinese.
    """

    kinds: tuple[str, ...]
    words: str
    by: str
    at: datetime


class Hazard(Struct, frozen=True):
    """A hazard from report to end. Times are aware and UTC; `community` and `category` are codes, people usernames.

    `quantity_claimed` is what the fixer says is done, `quantity_done` what a re-check has confirmed.
    `found_category`: the category as reported, if its cause or category has been changed or confirmed since.
    `version` grows with each step a person takes. Each stage has a clock (deadlines.CLOCKS): `deadline_number` counts
    the deadlines for fixing, `due_from` is when the current one was set, by `term` or (None) by hand, `original_due_at`
    its value before any extension; `stage_number` and `stage_from` are the same for the current stage, `stage_term` is
    the term of its clock while that depends on a calendar year not yet published.
    `place_key` (communities.py) and `cell` (coordinates.py) are search keys for duplicates. `reporters`: the reporters
    of its duplicates. `history_head` is the digest of the last line of its history.
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
    term: RemainingTime | None = None
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
    transfer: TransferRecord | None = None
    evaluation: Evaluation | None = None
    recheck_flag: RecheckFlag | None = None
    vehicle_standard: VehicleStandard | None = None

    @property
    def is_alert_check(self) -> bool:
        """Whether this is a device's alarm whose cause no visit has set yet (预警核查单); it counts as no hazard."""
        return self.source == "device" and self.found_category is None

    @property
    def handlers(self) -> tuple[str, ...]:
        return (*((self.lead,) if self.lead else ()), *self.assisting)


class HazardSummary(NamedTuple):
    """The fields of a hazard that background work and references need, named as in Hazard."""

    id: UUID
    number: str
    state: State
    version: int
    community: str
    lead: str | None
    assisting: tuple[str, ...]
    fixed_on_spot: bool
    found_at: datetime
    submitted_at: datetime | None
    point: Point | None

    @property
    def handlers(self) -> tuple[str, ...]:
        return (*((self.lead,) if self.lead else ()), *self.assisting)


class HazardReference(Struct, frozen=True):
    """The id, number and state of a hazard that another record refers to."""

    id: UUID
    number: str
    state: State


class DuplicateCandidate(HazardReference, frozen=True):
    """An earlier report that may be the same hazard. `same_place`: same community and same place description.

    `distance_m`: metres between the two points, None if either is missing.
    """

    distance_m: int | None
    same_place: bool


class Escalation(Struct, frozen=True):
    """A rung of an escalation ladder that was reached. Hazard, number and rung are its key: it is recorded once.

    `deadline_number`: the number of the deadline on the rung's clock (RunningClock.number).
    """

    hazard: UUID
    deadline_number: int
    rung: str
    entry: UUID


class Clocks(Struct, frozen=True, omit_defaults=True):
    """The deadlines that one history entry has changed. UNSET: unchanged; None: that clock is stopped."""

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
    term: RemainingTime | UnsetType | None = UNSET


class HistoryEntry(Struct, frozen=True):
    """A line of a hazard's history: the step, its author, its time and its facts.

    The client creates the id of a step, so that a repeated step is recognised; a line added by the server has an id
    that nobody can guess. `digest` chains it to the line before; `salts`: by path of each free text, see history.py.
    `acting_for`: the person who delegated to `by` the role that the step required.
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


class HazardWithPhotos(NamedTuple):
    """A hazard with its declared photos. `others`: hazards that the photo flags refer to and the reader may see."""

    hazard: Hazard
    photos: list[DeclaredPhoto]
    others: Mapping[UUID, HazardReference] = {}
