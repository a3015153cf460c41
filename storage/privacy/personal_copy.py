"""Queries for all data about one person: an account, or a person named as responsible party."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import Select, Text, and_, cast, select

from inspections.accounts.policy import Scope
from inspections.accounts.security_log import SecurityEvent
from inspections.hazards.records import Hazard, HistoryEntry
from inspections.text import has_other_spelling, is_same_name, name_key
from storage.accounts.tables import security_events, sessions
from storage.engine.unit_of_work import UnitOfWork
from storage.hazards.scopes import unindexed_scope_clause
from storage.hazards.tables import entries, hazards
from storage.notices.tables import inbox, notices
from storage.photos.tables import receipts


class AuthoredEntry(Struct, frozen=True):
    """A history line written by the person, without its content, which is about the hazard and may be confidential."""

    hazard: UUID
    number: str
    seq: int
    step: str
    at: datetime


class SentPhoto(Struct, frozen=True):
    sha256: str
    at: datetime


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
    query = select(receipts.c.sha256, receipts.c.at).where(receipts.c.username == username)
    return [SentPhoto(*row) for row in repository.rows(query.order_by(receipts.c.at))]


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
    """A hazard, and the lines of its history that name a person as responsible party."""

    hazard: Hazard
    lines: list[HistoryEntry]


def find_party_mentions(repository: UnitOfWork, reach: Scope, words: dict[str, str]) -> list[HazardWithMentions]:
    """Finds the hazards and lines that name a party. `words`: `name`, `phone` or both, as written, in any normal form.

    This scans all histories, which is acceptable because it is rare.
    """
    facts = cast(entries.c.facts, Text)
    mentions = [facts.like(_member_pattern(field, text), escape="/") for field, text in words.items()]
    query: Select[Any] = (
        select(hazards, *entries.c)
        .join(entries, entries.c.hazard == hazards.c.id)
        .where(unindexed_scope_clause(reach), and_(*mentions))
        .order_by(hazards.c.reported_at, hazards.c.number, entries.c.seq)
    )
    found: dict[UUID, HazardWithMentions] = {}
    wide = len(hazards.c)
    for row in repository.rows(query):
        hazard, line = Hazard(*row[:wide]), HistoryEntry(*row[wide:])
        party: dict[str, Any] = line.facts.get("responsible_party") or {}
        if all(is_same_name(party.get(field), text) for field, text in words.items()):
            found.setdefault(hazard.id, HazardWithMentions(hazard, [])).lines.append(line)
    return list(found.values())


def _member_pattern(field: str, text: str) -> str:
    """A LIKE pattern for one JSON member as msgspec encodes it, with `%` for each letter that has other spellings."""
    member = msgspec.json.encode({field: name_key(text)}).decode()[1:-1]
    letters = ("%" if has_other_spelling(each) else f"/{each}" if each in "%_/" else each for each in member)
    return f"%{''.join(letters)}%"
