"""Routes for copies of the data about one person, and for erasing a responsible party from all hazards.

个人信息保护法, articles 45 (a copy) and 47 (erasure). Accounts are erased by `POST /people/{username}`.
"""

from datetime import datetime
from functools import partial
from uuid import UUID, uuid5

from litestar import get, post
from litestar.params import FromPath
from msgspec import Struct

from api.accounts.security_log import current_caller
from api.accounts.views import PersonView, person_view
from api.hazards.views import HistoryEntryView, history_entry_view
from api.http.bodies import AnyRequest, json_body
from api.http.context import app_context, current_person
from api.http.file_reader import file_slot
from inspections.accounts.actions.people import find_managed_person
from inspections.accounts.delegations import Delegation
from inspections.accounts.external_identities import ExternalIdentity
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.accounts.second_factor import SecondFactor
from inspections.accounts.security_log import Event, SecurityEvent
from inspections.errors import NotFound
from inspections.field_types import LongText, ShortText
from inspections.hazards.records import HazardReference
from inspections.privacy.actions import Erasure, erase_hazard_texts
from storage.privacy.personal_copy import (
    AuthoredEntry,
    HazardWithMentions,
    ReceivedNotice,
    RequestedExport,
    SentPhoto,
    SignInDevice,
    account_security_events,
    assigned_hazards,
    authored_entries,
    find_party_mentions,
    received_notices,
    requested_exports,
    sent_photos,
    sign_in_devices,
)
from storage.repository import Repository

_PARTY_FIELDS = ("responsible_party", "party", "phone", "on_behalf_of")
"""The facts that name a responsible party, also in a line of an old ledger and in that of a fix it has made itself."""


class PersonalData(Struct, frozen=True):
    """All data about an account, except its password and secrets, which are stored as digests only."""

    account: PersonView
    email: str | None
    identities: list[ExternalIdentity]
    devices: list[SignInDevice]
    delegations: list[Delegation]
    lines: list[AuthoredEntry]
    photos: list[SentPhoto]
    notices: list[ReceivedNotice]
    security_events: list[SecurityEvent]
    assigned: list[HazardReference]
    exports: list[RequestedExport]
    second_factor_since: datetime | None


class PartyQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """The responsible party to look for, by name, phone number or both, exactly as written in the hazards."""

    name: ShortText | None = None
    phone: ShortText | None = None

    def __post_init__(self) -> None:
        if self.name is None and self.phone is None:
            raise ValueError("name：请填写姓名或电话")

    @property
    def words(self) -> dict[str, str]:
        return {field: text for field in ("name", "phone") if (text := getattr(self, field)) is not None}


class PartyErasure(PartyQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request to erase a responsible party. `id`: of this erasure, made by the client."""

    id: UUID
    reason: LongText


class PartyMention(Struct, frozen=True):
    """A hazard, and the lines of its history that name this party."""

    hazard: HazardReference
    reported_at: datetime
    lines: list[HistoryEntryView]


class PartyData(Struct, frozen=True):
    items: list[PartyMention]


class ErasedParty(Struct, frozen=True):
    """The hazards from which this request erased the party; a repeated request returns only the remaining ones."""

    hazards: list[HazardReference]


@get("/me/data", opt={"action": "me"})
async def get_own_data(request: AnyRequest) -> PersonalData:
    """Returns a copy of all data about the caller."""
    context, username = app_context(request), current_person(request).username
    with file_slot(context, username):
        found = await context.database.read(partial(_own_data, username=username))
    await context.log.record(Event.EXPORTED, current_caller(request), username)
    return found


def _own_data(repository: Repository, username: str) -> PersonalData:
    person = repository.person(username)
    if person is None:  # a program with an API key, which is no person
        raise NotFound("person")
    return _personal_data(repository, person)


@get("/people/{username:str}/data", opt={"action": "account.manage"})
async def get_person_data(request: AnyRequest, username: FromPath[str]) -> PersonalData:
    """Returns a copy of all data about an account, for an administrator who manages it."""
    context, reach = app_context(request), scope(current_person(request), "account.manage")

    def ask(repository: Repository) -> PersonalData:
        return _personal_data(repository, find_managed_person(repository, reach, username))

    with file_slot(context, current_person(request).username):
        found = await context.database.read(ask)
    await context.log.record(Event.EXPORTED, current_caller(request), username)
    return found


def _personal_data(repository: Repository, person: Person) -> PersonalData:
    name = person.username
    return PersonalData(
        person_view(person),
        person.email,
        repository.identities(name),
        sign_in_devices(repository, name),
        repository.delegations(name),
        authored_entries(repository, name),
        sent_photos(repository, name),
        received_notices(repository, name),
        account_security_events(repository, name),
        assigned_hazards(repository, name),
        requested_exports(repository, name),
        factor.confirmed_at if (factor := repository.get(SecondFactor, name)) else None,
    )


@post("/parties/data", opt={"action": "hazard.erase", "body": PartyQuery}, status_code=200)
async def get_party_data(request: AnyRequest) -> PartyData:
    """Returns the hazards and history lines that name a responsible party, who has no account."""
    context, asked = app_context(request), await json_body(request, PartyQuery)
    with file_slot(context, current_person(request).username):
        found = await _find_mentions(request, asked)
    await context.log.record(Event.EXPORTED, current_caller(request), "party", {"hazards": str(len(found))})
    return PartyData([_mention_view(each) for each in found])


@post("/parties/erasures", opt={"action": "hazard.erase", "body": PartyErasure}, status_code=200)
async def erase_party(request: AnyRequest) -> ErasedParty:
    """Erases the party's name and number from all hazards and histories in scope; digest chains stay valid."""
    context, asked = app_context(request), await json_body(request, PartyErasure)
    person = current_person(request)
    done: list[HazardReference] = []
    for hazard, lines in await _find_mentions(request, asked):
        fields = tuple(field for field in _PARTY_FIELDS if any(line.facts.get(field) for line in lines))
        ids = tuple(line.id for line in lines)
        erasure = Erasure(uuid5(asked.id, str(hazard.id)), fields or _PARTY_FIELDS[:1], asked.reason, ids)
        action = partial(erase_hazard_texts, person=person, hazard_id=hazard.id, erasure=erasure, now=context.clock())
        facts = {"fields": " ".join(erasure.fields)}
        await context.log.transact(action, Event.WORDS_ERASED, current_caller(request), str(hazard.id), facts)
        done.append(HazardReference(hazard.id, hazard.number, hazard.state))
    return ErasedParty(done)


async def _find_mentions(request: AnyRequest, asked: PartyQuery) -> list[HazardWithMentions]:
    reach = scope(current_person(request), "hazard.erase")
    return await app_context(request).database.read(partial(find_party_mentions, reach=reach, words=asked.words))


def _mention_view(each: HazardWithMentions) -> PartyMention:
    named = HazardReference(each.hazard.id, each.hazard.number, each.hazard.state)
    return PartyMention(named, each.hazard.reported_at, [history_entry_view(line) for line in each.lines])


ROUTES = [get_own_data, get_person_data, get_party_data, erase_party]
