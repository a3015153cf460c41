"""The response bodies of hazards, and the cursor of their list."""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from api.http.context import AppContext
from api.photos.views import PhotoView, photo_views
from inspections.accounts.people import Person
from inspections.accounts.policy import scope, steps_within
from inspections.accounts.security_profile import Profile
from inspections.errors import Invalid
from inspections.hazards.contact_masking import contact_shown, masked
from inspections.hazards.deadlines import is_overdue
from inspections.hazards.history import gone
from inspections.hazards.lifecycle import possible
from inspections.hazards.records import (
    Candidate,
    Clocks,
    Dossier,
    Entry,
    Evaluation,
    Extension,
    Hazard,
    MajorBasis,
    Named,
    Outcome,
    Party,
    State,
    Supervision,
    Suspension,
    Transfer,
)
from inspections.office.categories import Priority, Severity
from inspections.photos.evidence import Shown, missing
from inspections.places.coordinates import Point
from storage.hazards.listing import After


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
    transfer: Transfer | None
    evaluation: Evaluation | None
    overdue: bool
    next_steps: list[str]
    photos: list[PhotoView]
    missing_photos: list[str]


class HazardList(Struct, frozen=True):
    items: list[HazardView]
    next_cursor: str | None


class ReportView(Struct, frozen=True):
    hazard: HazardView
    missing_photos: list[str]
    possible_duplicates: list[Candidate]


class EntryView(Struct, frozen=True):
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
    items: list[EntryView]


_SHARED = tuple(name for name in HazardView.__struct_fields__ if name in Hazard.__struct_fields__)
"""The fields that HazardView shares with Hazard, in its order, so that a page can be built quickly."""
_shared = attrgetter(*_SHARED)
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
}


def hazard_view(dossier: Dossier, person: Person, context: AppContext) -> HazardView:
    return hazard_views([dossier], person, context.clock(), context.settings.asks)[0]


def hazard_views(dossiers: Iterable[Dossier], person: Person, now: datetime, profile: Profile) -> list[HazardView]:
    people, seen, steps = scope(person, "hazard.personal"), scope(person, "hazard.see"), steps_within(person)

    def view(hazard: Hazard, shown: list[Shown], others: Mapping[UUID, Named]) -> HazardView:
        knows_people = people.covers(hazard)
        sees = seen.covers(hazard)  # False for a handler who has returned it and repeats the request
        values: tuple[Any, ...] = (
            *_shared(hazard),
            is_overdue(hazard, now),
            [step for step in possible(hazard) if step in steps and steps[step].covers(hazard)],
            photo_views(shown, others, knows_people=knows_people) if sees else [],
            missing(shown) if sees else [],
        )
        whole = HazardView(*values)
        if not knows_people:
            return replace(whole, **_MASKED)
        if whole.responsible_party and not contact_shown(profile, person, hazard):
            return replace(whole, responsible_party=masked(whole.responsible_party))
        return whole

    return [view(*dossier) for dossier in dossiers]


def entry_view(line: Entry, *, whole: bool = True) -> EntryView:
    """Converts a history entry. Unless `whole`, the party is masked and the digest cannot be verified from the view."""
    kept = {name: getattr(line, name) for name in EntryView.__struct_fields__ if name != "erased"}
    if not whole and (party := line.facts.get("responsible_party")):
        kept["facts"] = {**line.facts, "responsible_party": masked(msgspec.convert(party, Party))}
    return EntryView(**kept, erased=gone(line))


def cursor_of(hazard: Hazard) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(After(hazard.reported_at, hazard.id))).decode()


def after_cursor(cursor: str | None) -> After | None:
    """Decodes a cursor. Raises InvalidInput for an invalid one."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=After)
    except (ValueError, RecursionError):
        raise Invalid(("cursor", "游标无效，请从第一页开始")) from None
