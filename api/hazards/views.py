"""The response bodies of hazards, and the cursor of their list."""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from api.http.context import AppContext
from api.photos.views import PhotoView, photo_views
from inspections.accounts.people import Person
from inspections.accounts.policy import Scope, allowed_steps, scope
from inspections.accounts.security_profile import SecurityProfile
from inspections.errors import InvalidInput
from inspections.hazards.contact_masking import mask_facts, mask_party, may_see_contact
from inspections.hazards.deadlines import is_overdue
from inspections.hazards.history import erased_paths
from inspections.hazards.lifecycle import possible_steps
from inspections.hazards.records import (
    Clocks,
    DuplicateCandidate,
    Evaluation,
    Extension,
    Hazard,
    HazardReference,
    HazardWithPhotos,
    HistoryEntry,
    MajorBasis,
    Outcome,
    Party,
    RecheckFlag,
    State,
    Supervision,
    Suspension,
    TransferRecord,
    VehicleStandard,
)
from inspections.office.categories import Priority, Severity
from inspections.photos.evidence import DeclaredPhoto, missing_digests
from inspections.places.coordinates import Point
from storage.hazards.filters import HazardFilters
from storage.hazards.listing import HazardCursor, Sort, query_digest


class HazardView(Struct, frozen=True):
    """A hazard as one person sees it; names, phones and free text are hidden without the right to personal data."""

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
    description: str | None
    place: str | None
    point: Point | None
    quantity: int
    unit: str
    quantity_claimed: int
    quantity_done: int
    responsible_party: Party | None
    source: str
    reporter: str | None
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
    recheck_due_at: datetime | None
    times_returned: int
    times_reworked: int
    rebounded_as: UUID | None
    merged_into: UUID | None
    recurrence_of: UUID | None
    history_length: int
    history_head: str
    demo: bool
    found_category: str | None
    original_due_at: datetime | None
    start_due_at: datetime | None
    review_due_at: datetime | None
    reply_due_at: datetime | None
    look_back_due_at: datetime | None
    times_extended: int
    times_reopened: int
    extension: Extension | None
    suspension: Suspension | None
    supervision: Supervision | None
    major: MajorBasis | None
    transfer: TransferRecord | None
    evaluation: Evaluation | None
    recheck_flag: RecheckFlag | None
    vehicle_standard: VehicleStandard | None
    overdue: bool
    alert_check: bool
    next_steps: list[str]
    photos: list[PhotoView]
    missing_photos: list[str]


class HazardList(Struct, frozen=True):
    """A page of hazards. `total`: the number of hazards on all pages, where the query asks for it (`count=true`)."""

    items: list[HazardView]
    next_cursor: str | None
    total: int | UnsetType = UNSET


class ReportView(Struct, frozen=True):
    hazard: HazardView
    missing_photos: list[str]
    possible_duplicates: list[DuplicateCandidate]


class HistoryEntryView(Struct, frozen=True):
    """A history entry. `erased`: the paths of facts whose text was erased. Salts are never sent."""

    id: UUID
    hazard: UUID
    seq: int
    step: str
    by: str
    at: datetime
    state: State
    version: int
    facts: dict[str, Any]
    digest: str
    clocks: Clocks
    acting_for: str | None
    erased: list[str]


class HistoryView(Struct, frozen=True):
    """A page of a history. `next_cursor`: null on the last page.

    The chain is checked across pages: `digest` of each line covers that of the line before it, `history_length` and
    `history_head` of the hazard are the number and the digest of the last line.
    """

    items: list[HistoryEntryView]
    next_cursor: str | None


_SHARED_FIELDS = tuple(name for name in HazardView.__struct_fields__ if name in Hazard.__struct_fields__)
"""The fields that HazardView shares with Hazard, in its order, so that a page can be built quickly."""
_shared_values = attrgetter(*_SHARED_FIELDS)
_MASKED: dict[str, Any] = {
    "description": None,
    "place": None,
    "point": None,
    "responsible_party": None,
    "reporter": None,
    "reporters": (),
    "lead": None,
    "assisting": (),
    "fix_method": None,
    "fixed_by": None,
    "extension": None,
    "suspension": None,
    "supervision": None,
    "major": None,
    "transfer": None,
    "evaluation": None,
    "recheck_flag": None,
}


@lru_cache(maxsize=4096)
def _step_scopes(person: Person) -> tuple[list[Scope], dict[str, int]]:
    """Returns the scopes of the steps that the person may take, and for each step the place of its scope among them.

    Most steps of a role have the same scope, which is then checked once.
    """
    steps = allowed_steps(person)
    reaches = list(dict.fromkeys(steps.values()))
    return reaches, {step: reaches.index(reach) for step, reach in steps.items()}


def hazard_view(hazard: HazardWithPhotos, person: Person, context: AppContext) -> HazardView:
    return hazard_views([hazard], person, context.clock(), context.settings.security_profile)[0]


def hazard_views(
    hazards: Iterable[HazardWithPhotos], person: Person, now: datetime, profile: SecurityProfile
) -> list[HazardView]:
    people, seen = scope(person, "hazard.personal"), scope(person, "hazard.see")
    reaches, reach_of = _step_scopes(person)

    def view(hazard: Hazard, shown: list[DeclaredPhoto], others: Mapping[UUID, HazardReference]) -> HazardView:
        knows_people = people.covers(hazard)
        within = [reach.covers(hazard) for reach in reaches]
        sees = seen.covers(hazard)  # False for a handler who has returned it and repeats the request
        values: tuple[Any, ...] = (
            *_shared_values(hazard),
            is_overdue(hazard, now),
            hazard.is_alert_check,
            [step for step in possible_steps(hazard) if step in reach_of and within[reach_of[step]]],
            photo_views(shown, others, knows_people=knows_people) if sees else [],
            missing_digests(shown) if sees else [],
        )
        whole = HazardView(*values)
        if not knows_people:
            return replace(whole, **_MASKED)
        if whole.responsible_party and not may_see_contact(profile, person, hazard):
            masked = mask_party(whole.responsible_party)
            fixed_by = masked.name if whole.fixed_by == whole.responsible_party.name else whole.fixed_by
            return replace(whole, responsible_party=masked, fixed_by=fixed_by)
        return whole

    return [view(*hazard) for hazard in hazards]


def history_entry_view(line: HistoryEntry, *, whole: bool = True, party: Party | None = None) -> HistoryEntryView:
    """Converts a history entry. Unless `whole`, the party is masked and the digest cannot be verified from the view.

    `party`: the hazard's present one.
    """
    kept = {name: getattr(line, name) for name in HistoryEntryView.__struct_fields__ if name != "erased"}
    if not whole:
        kept["facts"] = mask_facts(line.facts, party)
    return HistoryEntryView(**kept, erased=erased_paths(line))


def encode_cursor(cursor: HazardCursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode()


def decode_cursor(cursor: str | None, filters: HazardFilters, sort: Sort) -> HazardCursor | None:
    """Decodes the cursor of a list with these filters in this order. Raises InvalidInput for any other."""
    if cursor is None:
        return None
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=HazardCursor)
    except (ValueError, RecursionError):
        raise InvalidInput(("cursor", "游标无效，请从第一页开始")) from None
    if found.query != query_digest(filters, sort):
        raise InvalidInput(("cursor", "游标属于另一种筛选或排序，请从第一页开始"))
    if found.at is None and sort.removeprefix("-") != "due_at":
        raise InvalidInput(("cursor", "游标无效，请从第一页开始"))
    return found
