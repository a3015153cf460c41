"""What a person sends: the report and every step, each with what it needs. Unknown fields are refused."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from msgspec import Meta, Struct

from inspections.calendar import YEARS
from inspections.field_types import Line, Moment, Quantity, Words
from inspections.hazards.records import Arrangements, FixOutcome, Party, SupervisionLevel
from inspections.office.categories import Priority, Severity
from inspections.photos.records import PhotoMention
from inspections.places.communities import CommunityCode
from inspections.places.coordinates import Point

PHOTOS_DECLARED = 30
Photos = Annotated[tuple[PhotoMention, ...], Meta(max_length=PHOTOS_DECLARED)]


def _plausible(photos: tuple[PhotoMention, ...], **moments: datetime | None) -> None:
    taken = {f"photos[{at}].taken_at": photo.taken_at for at, photo in enumerate(photos)}
    for field, moment in {**moments, **taken}.items():
        if moment and moment.year not in YEARS:
            raise ValueError(f"{field}：时间超出范围")


class FixedOnSpot(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """即查即改: fixed while the inspector was there."""

    method: Line
    quantity_done: Quantity
    outcome: FixOutcome | None = None


class Report(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A hazard as a phone reports it. `id` is made by the phone, so that the same report sent again is recognised."""

    id: UUID
    community: CommunityCode
    category: Line
    description: Words
    place: Line
    found_at: Moment
    quantity: Quantity = 1
    point: Point | None = None
    photos: Photos = ()
    responsible_party: Party | None = None
    fixed_on_spot: FixedOnSpot | None = None

    move: ClassVar[str] = "report"

    def __post_init__(self) -> None:
        _plausible(self.photos, found_at=self.found_at)


class _Step(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="step", kw_only=True):
    """Every step carries an id made by the client and the version of the hazard it saw.

    `made_at`: when it was taken, by the clock of a phone without a signal: evidence only, the server's time governs.
    """

    id: UUID
    version: Annotated[int, Meta(ge=1, le=1_000_000)]
    made_at: Moment | None = None

    @property
    def move(self) -> str:
        """The key of this step in the table of lifecycle.py."""
        return str(self.__struct_config__.tag)

    @property
    def declared(self) -> tuple[PhotoMention, ...]:
        """The photos that come with this step."""
        return getattr(self, "photos", ())

    def __post_init__(self) -> None:
        moments = {name: getattr(self, name, None) for name in ("made_at", "due_at", "review_at", "reply_due_at")}
        _plausible(self.declared, **moments)


class Accept(_Step, frozen=True, tag="accept"):
    """受理: the deadline is computed here. `severity: major` is a proposal; a supervisor confirms it."""

    severity: Severity | None = None
    priority: Priority | None = None


class Reject(_Step, frozen=True, tag="reject"):
    reason: Words


class Merge(_Step, frozen=True, tag="merge"):
    """重复并案 into the master hazard."""

    into: UUID


class Verify(_Step, frozen=True, tag="verify"):
    """现场核实: the visit found nothing to fix. Needs a photo or a note."""

    outcome: Literal["unfounded", "false_alarm", "self_resolved"]
    note: Words | None = None
    photos: Photos = ()


class Assign(_Step, frozen=True, tag="assign"):
    """派单 to a handler, or to the responsible party, which needs no account."""

    lead: Line | None = None
    assisting: Annotated[tuple[Line, ...], Meta(max_length=10)] = ()
    responsible_party: Party | None = None


class Return(_Step, frozen=True, tag="return"):
    """退单."""

    reason: Words


class Start(_Step, frozen=True, tag="start"):
    """签收."""


class SubmitFix(_Step, frozen=True, tag="submit_fix"):
    """Needs an after photo. `on_behalf_of` names who fixed it, when somebody records it for them."""

    method: Line
    quantity_done: Quantity
    outcome: FixOutcome | None = None
    note: Words | None = None
    on_behalf_of: Line | None = None
    photos: Photos = ()


_FACTS_OF = {
    "pass": set[str](),
    "fail": {"reason", "due_at"},
    "partial": {"quantity_done"},
    "refused": {"reason"},
    "expired": set[str](),
}


class Recheck(_Step, frozen=True, tag="recheck"):
    """复查. pass: photo or note; fail: reason and new deadline; partial: quantity done so far; refused: the party will

    not fix it after its deadline: reason, and `note` with the measures that control it; expired (逾期复查): what was
    found once the deadline had passed, photo or note.
    """

    result: Literal["pass", "fail", "partial", "refused", "expired"]
    note: Words | None = None
    reason: Words | None = None
    due_at: Moment | None = None
    quantity_done: Quantity | None = None
    photos: Photos = ()

    @property
    def move(self) -> str:
        return f"recheck.{self.result}"

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in sorted({"reason", "due_at", "quantity_done"} - _FACTS_OF[self.result]):
            if getattr(self, field) is not None:
                raise ValueError(f"{field}：该复查结果不需要此项")


class Attach(_Step, frozen=True, tag="attach"):
    photos: Annotated[tuple[PhotoMention, ...], Meta(min_length=1, max_length=30)]
    note: Words | None = None


class Note(_Step, frozen=True, tag="note"):
    note: Words


class LookBack(_Step, frozen=True, tag="look_back"):
    """回头看 at a closed hazard: it holds, or it has come back (反弹). A rebound needs a photo, makes a new hazard."""

    result: Literal["holds", "rebound"]
    note: Words | None = None
    photos: Photos = ()


class _NewCategory(_Step, frozen=True):
    """`due_at`: a new deadline, if there is to be one; without it the deadline stays."""

    category: Line
    reason: Words
    due_at: Moment | None = None
    photos: Photos = ()


class SetCause(_NewCategory, frozen=True, tag="set_cause"):
    """定因: what the visit found behind it."""


class Reclassify(_NewCategory, frozen=True, tag="reclassify"):
    """It is of another category than was reported."""


class ProposeMajor(_Step, frozen=True, tag="propose_major"):
    basis: Words


class ConfirmMajor(_Step, frozen=True, tag="confirm_major"):
    """Needs who has determined it and under which document, or, where it is not confirmed, why."""

    confirmed: bool = True
    authority: Line | None = None
    document: Line | None = None
    reason: Words | None = None
    due_at: Moment | None = None


class RequestExtension(_Step, frozen=True, tag="request_extension"):
    due_at: Moment
    reason: Words


class DecideExtension(_Step, frozen=True, tag="decide_extension"):
    """`due_at`: another deadline than was asked for. A second extension, and a refusal, need a reason."""

    granted: bool
    due_at: Moment | None = None
    reason: Words | None = None


class Suspend(_Step, frozen=True, tag="suspend"):
    """暂缓整改: the fixing clock stands until it is resumed; `review_at` is when to look at it again."""

    reason: Words
    measures: Words
    review_at: Moment


class Resume(_Step, frozen=True, tag="resume"):
    """The fixing clock goes on with what it had left."""

    note: Words | None = None


class Supervise(_Step, frozen=True, tag="supervise"):
    """督办, 挂牌. A major hazard needs its 五落实."""

    level: SupervisionLevel
    document: Line
    arrangements: Arrangements | None = None


class Unsupervise(_Step, frozen=True, tag="unsupervise"):
    reason: Words


class Transfer(_Step, frozen=True, tag="transfer"):
    """移交 to somebody else's office. `reply_due_at`: by default as the rules say."""

    to: Line
    reason: Words
    reply_due_at: Moment | None = None


class TransferReply(_Step, frozen=True, tag="transfer_reply"):
    """What they answered. `due_at`: a new deadline, where it comes back."""

    result: Literal["settled", "returned"]
    receipt: Line
    note: Words | None = None
    due_at: Moment | None = None

    @property
    def move(self) -> str:
        return f"transfer_reply.{self.result}"


class Reopen(_Step, frozen=True, tag="reopen"):
    """Within 30 days. `priority`: where the hazard was never accepted and its category sets none."""

    reason: Words
    due_at: Moment
    priority: Priority | None = None


class Evaluate(_Step, frozen=True, tag="evaluate"):
    score: Annotated[int, Meta(ge=1, le=5)]
    words: Words | None = None


class Cancel(_Step, frozen=True, tag="cancel"):
    reason: Words


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
