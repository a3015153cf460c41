"""Routes for copies of the data about one person, and for erasing a responsible party from all hazards.

个人信息保护法, articles 45 (a copy) and 47 (erasure). Accounts are erased by `POST /people/{username}`.
"""

from datetime import datetime
from functools import partial
from uuid import UUID, uuid5

from litestar import get, post
from litestar.params import FromPath
from msgspec import Struct

from api.accounts.security_log import caller_of
from api.accounts.views import PersonView, person_view
from api.hazards.views import EntryView, entry_view
from api.http.bodies import AnyRequest, json_body
from api.http.context import context_of, person_of
from api.http.file_reader import one_of_few
from inspections.accounts.actions.people import seen_person
from inspections.accounts.delegations import Delegation
from inspections.accounts.external_identities import Identity
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.accounts.security_log import Event, SecurityEvent
from inspections.errors import Missing
from inspections.field_types import Line, Words
from inspections.hazards.records import Named
from inspections.privacy.actions import Erasure, erase
from storage.privacy.personal_copy import (
    Device,
    LineBy,
    Mentioned,
    PhotoSent,
    Told,
    devices_ever,
    events_of,
    lines_by,
    named_as_party,
    photos_of,
    told,
)
from storage.repository import Repository


class PersonalData(Struct, frozen=True):
    """All data about an account, except its password and secrets, which are stored as digests only."""

    account: PersonView
    email: str | None
    identities: list[Identity]
    devices: list[Device]
    delegations: list[Delegation]
    lines: list[LineBy]
    photos: list[PhotoSent]
    notices: list[Told]
    security_events: list[SecurityEvent]


class PartyWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """The responsible party to look for, by name, phone number or both, exactly as written in the hazards."""

    name: Line | None = None
    phone: Line | None = None

    def __post_init__(self) -> None:
        if self.name is None and self.phone is None:
            raise ValueError("name：请填写姓名或电话")

    @property
    def words(self) -> dict[str, str]:
        return {field: text for field in ("name", "phone") if (text := getattr(self, field)) is not None}


class PartyErasure(PartyWanted, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request to erase a responsible party. `id`: of this erasure, made by the client."""

    id: UUID
    reason: Words


class PartyMention(Struct, frozen=True):
    """A hazard, and the lines of its history that name this party."""

    hazard: Named
    reported_at: datetime
    lines: list[EntryView]


class PartyData(Struct, frozen=True):
    items: list[PartyMention]


class ErasedParty(Struct, frozen=True):
    """The hazards from which this request erased the party; a repeated request returns only the remaining ones."""

    hazards: list[Named]


@get("/me/data", opt={"action": "me"})
async def my_data(request: AnyRequest) -> PersonalData:
    """Returns a copy of all data about the caller."""
    context, username = context_of(request), person_of(request).username
    with one_of_few(context, username):
        found = await context.database.read(partial(_own, username=username))
    await context.log.note(Event.EXPORTED, caller_of(request), username)
    return found


def _own(repository: Repository, username: str) -> PersonalData:
    person = repository.person(username)
    if person is None:  # a program with an API key, which is no person
        raise Missing("person")
    return _everything(repository, person)


@get("/people/{username:str}/data", opt={"action": "account.manage"})
async def data_of(request: AnyRequest, username: FromPath[str]) -> PersonalData:
    """Returns a copy of all data about an account, for an administrator who manages it."""
    context, reach = context_of(request), scope(person_of(request), "account.manage")

    def ask(repository: Repository) -> PersonalData:
        return _everything(repository, seen_person(repository, reach, username))

    with one_of_few(context, person_of(request).username):
        found = await context.database.read(ask)
    await context.log.note(Event.EXPORTED, caller_of(request), username)
    return found


def _everything(repository: Repository, person: Person) -> PersonalData:
    name = person.username
    return PersonalData(
        person_view(person),
        person.email,
        repository.identities(name),
        devices_ever(repository, name),
        repository.delegations(name),
        lines_by(repository, name),
        photos_of(repository, name),
        told(repository, name),
        events_of(repository, name),
    )


@post("/parties/data", opt={"action": "hazard.erase", "body": PartyWanted}, status_code=200)
async def party_data(request: AnyRequest) -> PartyData:
    """Returns the hazards and history lines that name a responsible party, who has no account."""
    context, asked = context_of(request), await json_body(request, PartyWanted)
    with one_of_few(context, person_of(request).username):
        found = await _mentioned(request, asked)
    await context.log.note(Event.EXPORTED, caller_of(request), "party", {"hazards": str(len(found))})
    return PartyData([_mention(each) for each in found])


@post("/parties/erasures", opt={"action": "hazard.erase", "body": PartyErasure}, status_code=200)
async def erase_party(request: AnyRequest) -> ErasedParty:
    """Erases the party's name and number from all hazards and histories in scope; digest chains stay valid."""
    context, person, asked = context_of(request), person_of(request), await json_body(request, PartyErasure)
    done: list[Named] = []
    for hazard, lines in await _mentioned(request, asked):
        own = uuid5(asked.id, str(hazard.id))
        erasure = Erasure(own, ("responsible_party",), asked.reason, tuple(line.id for line in lines))
        action = partial(erase, person=person, hazard_id=hazard.id, erasure=erasure, now=context.clock())
        facts = {"fields": "responsible_party"}
        await context.log.transact(action, Event.WORDS_ERASED, caller_of(request), str(hazard.id), facts)
        done.append(Named(hazard.id, hazard.number, hazard.state))
    return ErasedParty(done)


async def _mentioned(request: AnyRequest, asked: PartyWanted) -> list[Mentioned]:
    reach = scope(person_of(request), "hazard.erase")
    return await context_of(request).database.read(partial(named_as_party, reach=reach, words=asked.words))


def _mention(each: Mentioned) -> PartyMention:
    named = Named(each.hazard.id, each.hazard.number, each.hazard.state)
    return PartyMention(named, each.hazard.reported_at, [entry_view(line) for line in each.lines])


ROUTES = [my_data, data_of, party_data, erase_party]
