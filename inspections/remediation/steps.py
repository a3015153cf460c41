"""Request bodies of the report and of every step. Unknown fields are rejected."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from msgspec import Meta, Struct

from inspections.calendar import YEARS
from inspections.errors import InvalidFields
from inspections.field_types import AwareDatetime, LongText, Name, Quantity, ShortText
from inspections.hazards.records import Arrangements, FixOutcome, Party, SupervisionLevel, VehicleStandard
from inspections.office.categories import Priority, Severity
from inspections.photos.records import PhotoDeclaration
from inspections.places.communities import CommunityCode
from inspections.places.coordinates import Point

MAX_PHOTOS = 30
MAX_HAZARD_PHOTOS = 300
"""A hazard with so many declared photos takes no more by `attach`: every answer about it lists them all."""
Photos = Annotated[tuple[PhotoDeclaration, ...], Meta(max_length=MAX_PHOTOS)]


def _check_years(**moments: datetime | None) -> None:
    """Checks the times that a person chooses. What a phone's clock says is never refused (phone_clocks.py)."""
    wrong = [(field, "时间超出范围") for field, moment in moments.items() if moment and moment.year not in YEARS]
    if wrong:
        raise InvalidFields(*wrong)


class FixedOnSpot(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """即查即改: a fix made while the inspector was on site."""

    method: ShortText
    quantity_done: Quantity
    outcome: FixOutcome | None = None


class Report(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A hazard report from a phone. The phone creates the `id`, so that a repeated report is recognised."""

    id: UUID
    community: CommunityCode
    category: Name
    description: LongText
    place: ShortText
    found_at: AwareDatetime
    quantity: Quantity = 1
    point: Point | None = None
    photos: Photos = ()
    responsible_party: Party | None = None
    fixed_on_spot: FixedOnSpot | None = None
    vehicle_standard: VehicleStandard | None = None

    name: ClassVar[str] = "report"


class _Step(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="step", kw_only=True):
    """A step, with an id created by the client and the version of the hazard that the client has seen.

    `made_at`: the time on an offline phone's clock: evidence only, the server's time decides.
    """

    id: UUID
    version: Annotated[int, Meta(ge=1, le=1_000_000)]
    made_at: AwareDatetime | None = None

    @property
    def name(self) -> str:
        """The name of this step in the transition table of lifecycle.py."""
        return str(self.__struct_config__.tag)

    @property
    def attached_photos(self) -> tuple[PhotoDeclaration, ...]:
        """The photos declared with this step."""
        return getattr(self, "photos", ())

    def __post_init__(self) -> None:
        _check_years(**{name: getattr(self, name, None) for name in ("due_at", "review_at", "reply_due_at")})


class Accept(_Step, frozen=True, tag="accept"):
    """受理: accepts the report and starts the deadline. `severity: major` is a proposal that a supervisor confirms."""

    severity: Severity | None = None
    priority: Priority | None = None


class Reject(_Step, frozen=True, tag="reject"):
    reason: LongText


class Merge(_Step, frozen=True, tag="merge"):
    """重复并案: merges the hazard into a master hazard."""

    into: UUID


class Verify(_Step, frozen=True, tag="verify"):
    """现场核实: closes the hazard, since the visit found nothing to fix. Requires a photo or a note."""

    outcome: Literal["unfounded", "false_alarm", "self_resolved"]
    note: LongText | None = None
    photos: Photos = ()


class Assign(_Step, frozen=True, tag="assign"):
    """派单: assigns the hazard to a handler, or to the responsible party, which needs no account."""

    lead: Name | None = None
    assisting: Annotated[tuple[Name, ...], Meta(max_length=10)] = ()
    responsible_party: Party | None = None


class Return(_Step, frozen=True, tag="return"):
    """退单: the handler returns the hazard unassigned."""

    reason: LongText


class Start(_Step, frozen=True, tag="start"):
    """签收: the handler starts work on the hazard."""


class SubmitFix(_Step, frozen=True, tag="submit_fix"):
    """Submits a fix with an after photo. `on_behalf_of`: the person who made it, if somebody else records it."""

    method: ShortText
    quantity_done: Quantity
    outcome: FixOutcome | None = None
    note: LongText | None = None
    on_behalf_of: Name | None = None
    photos: Photos = ()
    vehicle_standard: VehicleStandard | None = None


_RESULT_FIELDS = {
    "pass": set[str](),
    "fail": {"reason", "due_at"},
    "partial": {"quantity_done"},
    "refused": {"reason"},
    "expired": set[str](),
}


class Recheck(_Step, frozen=True, tag="recheck"):
    """复查: the re-check of a fix. Each result requires its own fields.

    pass: photo or note. fail: reason and new deadline. partial: quantity done so far. refused (the party refuses to
    fix it after its deadline): reason, and `note` with the measures that control it. expired (逾期复查, a check after
    the deadline has passed): photo or note.
    """

    result: Literal["pass", "fail", "partial", "refused", "expired"]
    note: LongText | None = None
    reason: LongText | None = None
    due_at: AwareDatetime | None = None
    quantity_done: Quantity | None = None
    photos: Photos = ()

    @property
    def name(self) -> str:
        return f"recheck.{self.result}"

    def __post_init__(self) -> None:
        super().__post_init__()
        others = sorted({"reason", "due_at", "quantity_done"} - _RESULT_FIELDS[self.result])
        if errors := [(field, "该复查结果不需要此项") for field in others if getattr(self, field) is not None]:
            raise InvalidFields(*errors)


class Attach(_Step, frozen=True, tag="attach"):
    photos: Annotated[tuple[PhotoDeclaration, ...], Meta(min_length=1, max_length=30)]
    note: LongText | None = None


class Note(_Step, frozen=True, tag="note"):
    note: LongText


class LookBack(_Step, frozen=True, tag="look_back"):
    """回头看: a later check of a closed hazard. A rebound (反弹) requires a photo and creates a new hazard."""

    result: Literal["holds", "rebound"]
    note: LongText | None = None
    photos: Photos = ()


class _CategoryChange(_Step, frozen=True):
    """A change of category. `due_at`: a new deadline; without it the deadline stays."""

    category: Name
    reason: LongText
    due_at: AwareDatetime | None = None
    photos: Photos = ()
    vehicle_standard: VehicleStandard | None = None


class SetCause(_CategoryChange, frozen=True, tag="set_cause"):
    """定因: sets the cause that the visit found; for an alert check this may be its own category (EB-02)."""


class Reclassify(_CategoryChange, frozen=True, tag="reclassify"):
    """Corrects the reported category."""


class ProposeMajor(_Step, frozen=True, tag="propose_major"):
    basis: LongText


class ConfirmMajor(_Step, frozen=True, tag="confirm_major"):
    """Confirms a major hazard with the authority and the document, or declines it with a reason."""

    confirmed: bool = True
    authority: Name | None = None
    document: ShortText | None = None
    reason: LongText | None = None
    due_at: AwareDatetime | None = None


class RequestExtension(_Step, frozen=True, tag="request_extension"):
    due_at: AwareDatetime
    reason: LongText


class DecideExtension(_Step, frozen=True, tag="decide_extension"):
    """Grants or declines an extension. `due_at`: a deadline other than requested.

    A second extension and a refusal require a reason.
    """

    granted: bool
    due_at: AwareDatetime | None = None
    reason: LongText | None = None


class Suspend(_Step, frozen=True, tag="suspend"):
    """暂缓整改: stops the fixing clock until the hazard is resumed. `review_at`: when to review the suspension."""

    reason: LongText
    measures: LongText
    review_at: AwareDatetime


class Resume(_Step, frozen=True, tag="resume"):
    """Resumes the fixing clock with the time that remained."""

    note: LongText | None = None


class Supervise(_Step, frozen=True, tag="supervise"):
    """督办, 挂牌: puts the hazard under supervision. A major hazard requires its 五落实."""

    level: SupervisionLevel
    document: ShortText
    arrangements: Arrangements | None = None


class Unsupervise(_Step, frozen=True, tag="unsupervise"):
    reason: LongText


class Transfer(_Step, frozen=True, tag="transfer"):
    """移交: transfers the hazard to another authority. `reply_due_at`: by default set by the office's rules."""

    to: Name
    reason: LongText
    reply_due_at: AwareDatetime | None = None


class TransferReply(_Step, frozen=True, tag="transfer_reply"):
    """The reply of the other authority to a transfer. `due_at`: a new deadline, if it returns the hazard."""

    result: Literal["settled", "returned"]
    receipt: ShortText
    note: LongText | None = None
    due_at: AwareDatetime | None = None

    @property
    def name(self) -> str:
        return f"transfer_reply.{self.result}"


class Reopen(_Step, frozen=True, tag="reopen"):
    """Reopens a hazard within the office's limit (30 days by default).

    `priority`: required if the hazard was never accepted and its category sets none.
    """

    reason: LongText
    due_at: AwareDatetime
    priority: Priority | None = None


class Evaluate(_Step, frozen=True, tag="evaluate"):
    score: Annotated[int, Meta(ge=1, le=5)]
    words: LongText | None = None


class Cancel(_Step, frozen=True, tag="cancel"):
    reason: LongText


Step = (
    Accept
    | Reject
    | Merge
    | Verify
    | Assign
    | Return
    | Start
    | SubmitFix
    | Recheck
    | SetCause
    | Reclassify
    | ProposeMajor
    | ConfirmMajor
    | RequestExtension
    | DecideExtension
    | Suspend
    | Resume
    | Supervise
    | Unsupervise
    | Transfer
    | TransferReply
    | Attach
    | Note
    | LookBack
    | Reopen
    | Evaluate
    | Cancel
)
