"""Queries for all data about one person: an account, or a person named as responsible party."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct, to_builtins
from sqlalchemy import Select, Text, and_, cast, or_, select

from inspections.accounts.policy import Scope
from inspections.accounts.security_log import SecurityEvent
from inspections.hazards.records import Hazard, HazardReference, HistoryEntry
from inspections.places.coordinates import Point
from inspections.text import has_other_spelling, is_same_name, name_key
from storage.accounts.tables import security_events, sessions
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.scopes import assignee_clause, unindexed_scope_clause
from storage.hazards.tables import entries, hazards
from storage.ledger.tables import exports
from storage.notices.tables import inbox, notices
from storage.photos.tables import photos, receipts


class AuthoredEntry(Struct, frozen=True):
    """A history line written by the person, without its content, which is about the hazard and may be confidential."""

    hazard: UUID
    number: str
    seq: int
    step: str
    at: datetime


class SentPhoto(Struct, frozen=True):
    """A photo that the person has sent, with what its metadata says about where and when they were."""

    sha256: str
    at: datetime
    taken_at: datetime | None
    point: Point | None
    camera: str | None


class RequestedExport(Struct, frozen=True):
    id: UUID
    asked_at: datetime


class ReceivedNotice(Struct, frozen=True):
    kind: str
    at: datetime
    read_at: datetime | None


class SignInDevice(Struct, frozen=True):
    name: str
    signed_in_at: datetime
    seen_at: datetime
    revoked_at: datetime | None


def authored_entries(repository: UnitOfWork, username: str) -> list[AuthoredEntry]:
    """Returns the history lines written by a user, ordered by time."""
    query = (
        select(entries.c.hazard, hazards.c.number, entries.c.seq, entries.c.step, entries.c.at)
        .join(hazards, hazards.c.id == entries.c.hazard)
        .where(entries.c.by == username)
        .order_by(entries.c.at, entries.c.hazard, entries.c.seq)
    )
    return [AuthoredEntry(*row) for row in repository.rows(query)]


def sent_photos(repository: UnitOfWork, username: str) -> list[SentPhoto]:
    columns = (receipts.c.sha256, receipts.c.at, photos.c.taken_at, photos.c.point, photos.c.camera)
    query = select(*columns).join(photos, photos.c.sha256 == receipts.c.sha256).where(receipts.c.username == username)
    return [SentPhoto(*row) for row in repository.rows(query.order_by(receipts.c.at))]


def assigned_hazards(repository: UnitOfWork, username: str) -> list[HazardReference]:
    """Returns the hazards that are assigned to the person now, ordered by number."""
    query = select(hazards.c.id, hazards.c.number, hazards.c.state).where(assignee_clause(username))
    return [HazardReference(*row) for row in repository.rows(query.order_by(hazards.c.number))]


def requested_exports(repository: UnitOfWork, username: str) -> list[RequestedExport]:
    query = select(exports.c.id, exports.c.asked_at).where(exports.c.by == username).order_by(exports.c.asked_at)
    return [RequestedExport(*row) for row in repository.rows(query)]


def received_notices(repository: UnitOfWork, username: str) -> list[ReceivedNotice]:
    query = (
        select(notices.c.kind, inbox.c.at, inbox.c.read_at)
        .join(notices, notices.c.id == inbox.c.notice)
        .where(inbox.c.username == username)
        .order_by(inbox.c.at)
    )
    return [ReceivedNotice(*row) for row in repository.rows(query)]


def sign_in_devices(repository: UnitOfWork, username: str) -> list[SignInDevice]:
    """Returns all devices that ever signed in to the account, including signed-out ones."""
    columns = (sessions.c.device, sessions.c.created_at, sessions.c.seen_at, sessions.c.revoked_at)
    query = select(*columns).where(sessions.c.username == username).order_by(sessions.c.created_at)
    return [SignInDevice(*row) for row in repository.rows(query)]


def account_security_events(repository: UnitOfWork, username: str) -> list[SecurityEvent]:
    log = security_events.c
    query = select(security_events).where((log.by == username) | (log.about == username)).order_by(log.id)
    return [SecurityEvent(*row) for row in repository.rows(query)]


class HazardWithMentions(NamedTuple):
    """A hazard that names a person as responsible party, and the lines of its history that do.

    There are none if the hazard only took the party over from another one, as after a rebound.
    """

    hazard: Hazard
    lines: list[HistoryEntry]


def find_party_mentions(repository: UnitOfWork, reach: Scope, words: dict[str, str]) -> list[HazardWithMentions]:
    """Finds the hazards and lines that name a party. `words`: `name`, `phone` or both, as written, in any normal form.

    A line of an imported ledger names it as `party` and `phone`, and the line of a fix that it has made itself by its
    name (`on_behalf_of`). This scans all hazards and histories, which is acceptable because it is rare.
    """
    found = {each.id: HazardWithMentions(each, []) for each in _hazards_of_party(repository, reach, words)}
    named = [_member_pattern(*word) for word in words.items()]
    of_old_ledger = [_member_pattern("party" if field == "name" else field, text) for field, text in words.items()]
    for hazard, line in _matching_lines(repository, reach, named, of_old_ledger):
        if _names_party(line.facts.get("responsible_party"), words) or _names_party(_imported_party(line), words):
            found.setdefault(hazard.id, HazardWithMentions(hazard, [])).lines.append(line)
    for name in {words["name"]} if "name" in words else _party_names(found.values()):
        for hazard, line in _matching_lines(repository, reach, [_member_pattern("on_behalf_of", name)]):
            if is_same_name(line.facts.get("on_behalf_of"), name) and (hazard.id in found or "phone" not in words):
                found.setdefault(hazard.id, HazardWithMentions(hazard, [])).lines.append(line)
    for each in found.values():
        each.lines.sort(key=lambda line: line.seq)
    return sorted(found.values(), key=lambda each: (each.hazard.reported_at, each.hazard.number))


def _party_names(found: Iterable[HazardWithMentions]) -> set[str]:
    """Returns the names of a party that was looked for by its number alone."""
    named = [each.hazard.responsible_party.name for each in found if each.hazard.responsible_party and not each.lines]
    lines = [line for each in found for line in each.lines]
    parties = [line.facts.get("responsible_party") or _imported_party(line) or {} for line in lines]
    return {*named, *(party["name"] for party in parties if party.get("name"))}


def _hazards_of_party(repository: UnitOfWork, reach: Scope, words: dict[str, str]) -> list[Hazard]:
    """Returns the hazards that name the party now."""
    stored = cast(hazards.c.responsible_party, Text)
    named = [stored.like(_member_pattern(*word), escape="/") for word in words.items()]
    rows = repository.rows(select(hazards).where(unindexed_scope_clause(reach), and_(*named)))
    return [each for each in (Hazard(*row) for row in rows) if _names_party(to_builtins(each.responsible_party), words)]


def _matching_lines(repository: UnitOfWork, reach: Scope, *patterns: list[str]) -> list[tuple[Hazard, HistoryEntry]]:
    """Returns the lines whose facts match all LIKE patterns of one of the lists, with their hazards."""
    facts, wide = cast(entries.c.facts, Text), len(hazards.c)
    wanted = (and_(*(facts.like(each, escape="/") for each in group)) for group in patterns)
    query: Select[Any] = (
        select(hazards, *entries.c)
        .join(entries, entries.c.hazard == hazards.c.id)
        .where(unindexed_scope_clause(reach), or_(*wanted))
    )
    return [(Hazard(*row[:wide]), HistoryEntry(*row[wide:])) for row in repository.rows(query)]


def _imported_party(line: HistoryEntry) -> dict[str, Any] | None:
    """Returns the party of a line that was imported from an old ledger."""
    return {"name": line.facts.get("party"), "phone": line.facts.get("phone")} if line.step == "import" else None


def _names_party(party: dict[str, Any] | None, words: dict[str, str]) -> bool:
    return bool(party) and all(is_same_name(party.get(field), text) for field, text in words.items())


def _member_pattern(field: str, text: str) -> str:
    """A LIKE pattern for one JSON member as msgspec encodes it, with `%` for each letter that has other spellings."""
    member = msgspec.json.encode({field: name_key(text)}).decode()[1:-1]
    letters = ("%" if has_other_spelling(each) else f"/{each}" if each in "%_/" else each for each in member)
    return f"%{''.join(letters)}%"
