"""What a person sends: the report and every step, each with what it needs. Unknown fields are refused."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from msgspec import Meta, Struct

from inspections.calendar import YEARS
from inspections.categories import Priority, Severity
from inspections.hazards import FixOutcome, Line, Moment, Party, PhotoMention, Quantity, Words
from inspections.places import CommunityCode, Point

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
    """Every step carries an id made by the client and the version of the hazard it saw."""

    id: UUID
    version: Annotated[int, Meta(ge=1, le=1_000_000)]

    @property
    def move(self) -> str:
        """The key of this step in the table of lifecycle.py."""
        return str(self.__struct_config__.tag)

    @property
    def declared(self) -> tuple[PhotoMention, ...]:
        """The photos that come with this step."""
        return getattr(self, "photos", ())

    def __post_init__(self) -> None:
        _plausible(self.declared, due_at=getattr(self, "due_at", None))


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
    lead: Line
    assisting: Annotated[tuple[Line, ...], Meta(max_length=10)] = ()


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


_FACTS_OF = {"pass": set[str](), "fail": {"reason", "due_at"}, "partial": {"quantity_done"}, "refused": {"reason"}}


class Recheck(_Step, frozen=True, tag="recheck"):
    """复查. pass: photo or note; fail: reason and new deadline; partial: quantity done so far; refused: the party will

    not fix it after its deadline: reason, and `note` with the measures that control it.
    """

    result: Literal["pass", "fail", "partial", "refused"]
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


Step = Accept | Reject | Merge | Verify | Assign | Return | Start | SubmitFix | Recheck | Attach | Note | LookBack
