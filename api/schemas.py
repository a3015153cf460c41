"""What the API answers where it differs from the domain, and the small bodies that only the API knows."""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from api.house import House
from inspections.actions.reports import Dossier
from inspections.categories import Category, Priority, Severity
from inspections.deadlines import is_overdue
from inspections.delegations import Delegation
from inspections.errors import Invalid
from inspections.evidence import FLAGS, Shown, missing
from inspections.fields import Line
from inspections.hazards import (
    Candidate,
    Clocks,
    Entry,
    Evaluation,
    Extension,
    Flag,
    Hazard,
    MajorBasis,
    Named,
    Outcome,
    Party,
    Stage,
    State,
    Supervision,
    Suspension,
    Transfer,
)
from inspections.history import gone
from inspections.lifecycle import possible
from inspections.people import Grant, Password, Person
from inspections.places import Point
from inspections.policy import scope, steps_within
from inspections.profile import Profile, contact_shown, masked
from storage.listing import After


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    username: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    device: Line = "unnamed"
    totp: Annotated[str, Meta(max_length=32, description="of a second factor; a recovery code will do")] | None = None
    page: bool = False


class PasswordChange(Struct, frozen=True, forbid_unknown_fields=True):
    """`password`: the one until now."""

    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    new_password: Password


class RefreshToken(Struct, frozen=True, forbid_unknown_fields=True):
    refresh_token: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class PersonView(Struct, frozen=True):
    """An account as others see it. `grants`: those that count now, `by` naming who lends one for a period.

    `email`: for who manages the account alone.
    """

    username: str
    name: str
    grants: tuple[Grant, ...]
    active: bool
    version: int
    email: str | None = None


class TokenView(Struct, frozen=True):
    """The tokens are null where a page has them in cookies."""

    access_token: str | None
    refresh_token: str | None
    expires_in: int
    user: PersonView
    token_type: Literal["Bearer", "Cookie"] = "Bearer"  # noqa: S105  # a kind, not a secret


class CommunityView(Struct, frozen=True):
    code: str
    name: str
    street: str
    street_name: str


class CommunityList(Struct, frozen=True):
    items: list[CommunityView]


class PersonList(Struct, frozen=True):
    items: list[PersonView]


class DelegationList(Struct, frozen=True):
    items: list[Delegation]


class CategoryList(Struct, frozen=True):
    items: list[Category]


class FlagView(Struct, frozen=True):
    """Something that speaks against a photo. `hazard`: the other one it was found on, for who may see that one too.

    `amount`: hours for times, metres for `far`, differing bits of 64 for likeness.
    """

    kind: str
    message: str
    amount: int | None
    hazard: Named | None


class PhotoView(Struct, frozen=True):
    """`state`: missing until its sender has sent it, then received, developed or damaged."""

    sha256: str
    stage: Stage
    by: str | None
    at: datetime
    state: str
    taken_at: datetime | None
    point: Point | None
    camera: str | None
    flags: list[FlagView]


class HazardView(Struct, frozen=True):
    """A hazard as somebody sees it; who may not see people sees no name, phone or free words."""

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
    """A line of history. `erased`: the paths of facts whose words were erased; the salts of the others stay here."""

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


class ReceivedPhoto(Struct, frozen=True):
    sha256: str
    size: int
    format: str
    width: int
    height: int
    state: str


class ReceivedPhotos(Struct, frozen=True):
    photos: list[ReceivedPhoto]


_SHARED = tuple(name for name in HazardView.__struct_fields__ if name in Hazard.__struct_fields__)
"""They come first, in this order: a page of hundreds is made of them at once."""
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


def hazard_view(dossier: Dossier, person: Person, home: House) -> HazardView:
    return hazard_views([dossier], person, home.clock(), home.settings.asks)[0]


def hazard_views(dossiers: Iterable[Dossier], person: Person, now: datetime, profile: Profile) -> list[HazardView]:
    people, seen, steps = scope(person, "hazard.personal"), scope(person, "hazard.see"), steps_within(person)

    def view(hazard: Hazard, shown: list[Shown], others: Mapping[UUID, Named]) -> HazardView:
        knows_people = people.covers(hazard)
        sees = seen.covers(hazard)  # who returned it may ask again what became of the step
        values: tuple[Any, ...] = (
            *_shared(hazard),
            is_overdue(hazard, now),
            [step for step in possible(hazard) if step in steps and steps[step].covers(hazard)],
            _photo_views(shown, others, knows_people=knows_people) if sees else [],
            missing(shown) if sees else [],
        )
        whole = HazardView(*values)
        if not knows_people:
            return replace(whole, **_MASKED)
        if whole.responsible_party and not contact_shown(profile, person, hazard):
            return replace(whole, responsible_party=masked(whole.responsible_party))
        return whole

    return [view(*dossier) for dossier in dossiers]


def _photo_views(shown: list[Shown], others: Mapping[UUID, Named], *, knows_people: bool) -> list[PhotoView]:
    """Each declared photo once per stage; where several people declared it, the one whose bytes are there."""
    views: dict[tuple[str, Stage], PhotoView] = {}
    for mention, photo in sorted(shown, key=lambda each: each.present):
        views[mention.sha256, mention.stage] = PhotoView(
            mention.sha256,
            mention.stage,
            mention.by if knows_people else None,
            mention.at,
            photo.state if photo else "missing",
            mention.taken_at or (photo.taken_at if photo else None),
            (mention.point or (photo.point if photo else None)) if knows_people else None,
            photo.camera if photo else None,
            [_flag_view(flag, others) for flag in mention.flags] if photo else [],
        )
    return list(views.values())


def _flag_view(flag: Flag, others: Mapping[UUID, Named]) -> FlagView:
    return FlagView(flag.kind, FLAGS[flag.kind], flag.amount, others.get(flag.hazard) if flag.hazard else None)


def entry_view(line: Entry, *, whole: bool = True) -> EntryView:
    """Not `whole`: the party's name and number are masked; that line's digest cannot be checked with what is shown."""
    kept = {name: getattr(line, name) for name in EntryView.__struct_fields__ if name != "erased"}
    if not whole and (party := line.facts.get("responsible_party")):
        kept["facts"] = {**line.facts, "responsible_party": masked(msgspec.convert(party, Party))}
    return EntryView(**kept, erased=gone(line))


def person_view(person: Person, *, managed: bool = False) -> PersonView:
    email = person.email if managed else None
    return PersonView(person.username, person.name, person.grants, person.active, person.version, email)


def cursor_of(hazard: Hazard) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(After(hazard.reported_at, hazard.id))).decode()


def after_cursor(cursor: str | None) -> After | None:
    """Raises Invalid for a cursor that is not one of ours."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=After)
    except (ValueError, RecursionError):
        raise Invalid(("cursor", "游标无效，请从第一页开始")) from None
