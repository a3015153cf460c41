"""The register: every question of the domain, over one connection."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    Select,
    bindparam,
    exists,
    select,
)

from inspections.calendar import CalendarDay, WorkingCalendar
from inspections.categories import Category
from inspections.delegations import Delegation
from inspections.dispatch import DispatchRule
from inspections.duplicates import Earlier
from inspections.evidence import Shown, Sighting
from inspections.exports import Export
from inspections.feed import Changed, Feed
from inspections.fix_links import FixLink
from inspections.hazards import Entry, Hazard, Job, Mention, Named, Photo, Receipt
from inspections.identities import Identity
from inspections.keys import Key
from inspections.links import Secret
from inspections.monitors import Monitor, Signature
from inspections.outbox import Agenda, Delivery, Notice, Sender
from inspections.people import Person
from inspections.places import Community, Street
from inspections.policy import Scope, scope
from inspections.rates import Tally
from inspections.register import Change
from inspections.rules import Rules
from inspections.security import SecurityEvent
from inspections.sessions import Session, TokenPair
from inspections.slots import Slot
from inspections.uploads import Upload
from storage import accounts, claims, duplicates, evidence, fix_links, outbox
from storage.evidence import WIDE
from storage.records import Records
from storage.scopes import narrowed
from storage.tables import (
    TABLE_OF,
    changes,
    hazards,
    mentions,
)

R = TypeVar("R", bound=Struct)
T = TypeVar("T")
Action = Callable[["Register"], Change[T]]


class Register(Records):
    """Implements inspections.register.Register over one connection and a Reference."""

    @property
    def calendar(self) -> WorkingCalendar:
        return self._reference.calendar

    @property
    def rules(self) -> Rules:
        return self._reference.rules

    @property
    def dispatch_rules(self) -> Sequence[DispatchRule]:
        return self._reference.dispatch_rules

    def kept(self, kind: type[R], *key: Any) -> R | None:
        return self._by_key(kind, *key)

    def calendar_days(self, year: int) -> list[CalendarDay]:
        days = TABLE_OF[CalendarDay].c.day
        return self.select(
            CalendarDay,
            select(TABLE_OF[CalendarDay]).where(days.between(date(year, 1, 1), date(year, 12, 31))).order_by(days),
        )

    def provisional(self, after: UUID, limit: int) -> list[Hazard]:
        return [
            Hazard(*row) for row in self.rows(self._rows.locked(claims.PROVISIONAL), {"after": after, "limit": limit})
        ]

    def community(self, code: str) -> Community | None:
        return self._reference.communities.get(code)

    def street(self, code: str) -> Street | None:
        return self._reference.streets.get(code)

    def category(self, code: str) -> Category | None:
        return self._reference.categories.get(code)

    def communities(self) -> list[Community]:
        return list(self._reference.communities.values())

    def categories(self) -> list[Category]:
        return list(self._reference.categories.values())

    def person(self, username: str) -> Person | None:
        return self._by_key(Person, username)

    def account(self, username: str) -> Person | None:
        return next(iter(self._for_change(Person, accounts.ACCOUNT, username=username)), None)

    def administrators(self) -> list[Person]:
        return self._for_change(Person, accounts.ADMINISTRATORS)

    def delegation(self, delegation_id: UUID) -> Delegation | None:
        return self._by_key(Delegation, delegation_id)

    def received(self, username: str, now: datetime) -> list[Delegation]:
        # What waits in the same group may be left out: it counts when this is asked again, within a second.
        return [Delegation(*row) for row in self._rows.found(accounts.RECEIVED, {"username": username, "now": now})]

    def delegations(self, username: str | None) -> list[Delegation]:
        return self.select(Delegation, accounts.delegations_of(username))

    def sessions(self, username: str) -> list[Session]:
        return self._for_change(Session, accounts.SESSIONS, username=username)

    def open_sessions(self, username: str) -> list[Session]:
        return self._for_change(Session, accounts.OPEN_SESSIONS, username=username)

    def _for_change(self, kind: type[R], query: Select[Any], **parameters: Any) -> list[R]:
        return [kind(*row) for row in self.rows(self._rows.locked(query), parameters)]

    def pair_of(self, digest: str) -> TokenPair | None:
        return next((TokenPair(*row) for row in self.rows(accounts.PAIR_OF, {"digest": digest})), None)

    def standing_pairs(self, session_id: UUID) -> list[TokenPair]:
        return self._for_change(TokenPair, accounts.STANDING_PAIRS, session=session_id)

    def expired_pairs(self, now: datetime, limit: int) -> list[TokenPair]:
        return self._claimed(TokenPair, accounts.EXPIRED_PAIRS, now, limit)

    def old_events(self, before: datetime, limit: int) -> list[SecurityEvent]:
        return self._claimed(SecurityEvent, accounts.OLD_EVENTS, before, limit)

    def identities(self, username: str) -> list[Identity]:
        return self._for_change(Identity, accounts.IDENTITIES, username=username)

    def all_keys(self) -> list[Key]:
        return self.select(Key, accounts.KEYS)

    def key_of(self, digest: str) -> Key | None:
        return next((Key(*row) for row in self.rows(accounts.KEY_OF, {"digest": digest})), None)

    def hazard(self, hazard_id: UUID) -> Hazard | None:
        return self._by_key(Hazard, hazard_id)

    def entry(self, entry_id: UUID) -> Entry | None:
        return self._by_key(Entry, entry_id)

    def photo(self, sha256: str) -> Photo | None:
        return self._by_key(Photo, sha256)

    def upload(self, upload_id: UUID) -> Upload | None:
        return self._by_key(Upload, upload_id)

    def receipt(self, sha256: str, username: str) -> Receipt | None:
        return self._by_key(Receipt, sha256, username)

    def people(self) -> list[Person]:
        """Everybody, with what is kept of them."""
        return self.select(Person, accounts.PEOPLE)

    def may_see_photo(self, person: Person, sha256: str, action: str = "photo.see") -> bool:
        reach = scope(person, action)
        query = evidence.SHOWING.where(mentions.c.sha256 == sha256, narrowed(reach)) if reach else None
        return query is not None and bool(self.rows(select(exists(query)))[0][0])

    def shown(self, hazard_ids: Sequence[UUID]) -> list[Shown]:
        self.flush()
        rows = self._rows.found(evidence.SHOWN, {"ids": tuple(hazard_ids)}) if hazard_ids else ()
        return [Shown(Mention(*row[:WIDE]), Photo(*row[WIDE:]) if row[WIDE] else None) for row in rows]

    def pointed_to(self, person: Person, shown: Iterable[Shown]) -> dict[UUID, Named]:
        """The hazards that the flags of these photos point to, where this person may see them."""
        ids = {flag.hazard for each in shown for flag in each.mention.flags if flag.hazard}
        if not ids:
            return {}
        query = _NAMED.where(hazards.c.id.in_(ids), narrowed(scope(person, "hazard.see")))
        return {row[0]: Named(*row) for row in self.rows(query)}

    def history(self, hazard_id: UUID) -> list[Entry]:
        return [Entry(*row) for row in self.rows(_HISTORY, {"hazard": hazard_id})]

    def due(self, now: datetime, limit: int) -> list[Hazard]:
        return self._claimed(Hazard, claims.DUE, now, limit)

    def undeveloped(self, now: datetime, limit: int) -> list[Photo]:
        return self._claimed(Photo, claims.UNDEVELOPED, now, limit)

    def expired_uploads(self, now: datetime, limit: int) -> list[Upload]:
        return self._claimed(Upload, claims.EXPIRED, now, limit)

    def exports(self, username: str) -> list[Export]:
        return self.select(Export, claims.exports_of(username))

    def waiting_exports(self, now: datetime, limit: int) -> list[Export]:
        return self._claimed(Export, claims.WAITING_EXPORTS, now, limit)

    def old_exports(self, before: datetime, limit: int) -> list[Export]:
        return self._claimed(Export, claims.OLD_EXPORTS, before, limit)

    def silent(self, now: datetime, limit: int) -> list[Monitor]:
        return self._claimed(Monitor, claims.SILENT, now, limit)

    def slots(self) -> list[Slot]:
        return self.select(Slot, self._rows.locked(claims.SLOTS))

    def old_signatures(self, before: datetime, limit: int) -> list[Signature]:
        return self._claimed(Signature, claims.OLD_SIGNATURES, before, limit)

    def fix_link_of(self, digest: str) -> FixLink | None:
        return fix_links.with_digest(self._rows, digest)

    def fix_links(self, hazard_id: UUID) -> list[FixLink]:
        return self.select(FixLink, fix_links.of_hazard(hazard_id))

    def old_tallies(self, before: datetime, limit: int) -> list[Tally]:
        return self._claimed(Tally, fix_links.OLD_TALLIES, before, limit)

    def open_uploads(self, username: str, now: datetime) -> int:
        return self.rows(claims.OPEN_UPLOADS, {"username": username, "now": now})[0][0]

    def _claimed(self, kind: type[R], query: Select[Any], now: datetime, limit: int) -> list[R]:
        rows = self.rows(self._rows.locked(query, skip=True), {"now": now, "limit": limit})
        return [kind(*row) for row in rows]

    def photos_over(self, before: datetime, digests: Sequence[str]) -> list[Photo]:
        query = self._rows.locked(evidence.OVER_OF_THESE, skip=True)
        return [Photo(*row) for row in self.rows(query, {"before": before, "digests": list(digests)})]

    def photos_to_let_go(self, before: datetime, limit: int) -> list[str]:
        """The digests of the first ones, for who will look at them again in the transaction that lets them go."""
        return [row[0] for row in self.rows(evidence.OVER.limit(limit), {"before": before})]

    def unexamined(self, limit: int) -> list[Mention]:
        rows = self.rows(self._rows.locked(evidence.UNEXAMINED, skip=True), {"limit": limit})
        return [Mention(*row) for row in rows]

    def sightings(self, mention: Mention, picture: int | None) -> list[Sighting]:
        self.flush()
        return evidence.sightings(self._rows, mention, picture)

    def neighbours(self, picture: int) -> dict[str, int]:
        """The photos whose perceptual hash is near `picture`, and in how many bits it differs."""
        return evidence.neighbours(self._rows, picture)

    def earlier(self, hazard: Hazard) -> list[Earlier]:
        # A hint for people: what waits in the same group may be left out, so nothing is written out for it.
        return duplicates.earlier(self._rows, hazard)

    def duplicates(self, hazard_ids: Sequence[UUID]) -> list[Named]:
        query = _NAMED.where(hazards.c.merged_into.in_(hazard_ids)).order_by(hazards.c.reported_at, hazards.c.id)
        return [Named(*row) for row in self.rows(query)]

    def escalated(self, hazard_ids: Sequence[UUID]) -> set[tuple[UUID, int, str]]:
        rows = self.rows(claims.ESCALATED, {"ids": hazard_ids}) if hazard_ids else ()
        return {(hazard, number, rung) for hazard, number, rung in rows}

    def untold(self, limit: int) -> list[Notice]:
        rows = self.rows(self._rows.locked(outbox.UNTOLD, skip=True), {"limit": limit})
        return [Notice(*row) for row in rows]

    def hazards(self, hazard_ids: Sequence[UUID]) -> list[Hazard]:
        return [Hazard(*row) for row in self.rows(outbox.HAZARDS, {"ids": hazard_ids})] if hazard_ids else []

    def deliverable(self, channel: str, now: datetime, limit: int) -> list[Delivery]:
        query = self._rows.locked(outbox.DELIVERABLE, skip=True)
        return [Delivery(*row) for row in self.rows(query, {"channel": channel, "now": now, "limit": limit})]

    def waiting(self, channel: str, hazard_ids: Sequence[UUID]) -> list[Delivery]:
        asked = {"channel": channel, "hazards": hazard_ids}
        return [Delivery(*row) for row in self.rows(outbox.WAITING, asked)] if hazard_ids else []

    def deliveries(self, ids: Sequence[UUID], *, free: bool = False) -> list[Delivery]:
        return [Delivery(*row) for row in self.rows(self._rows.locked(outbox.DELIVERIES, skip=free), {"ids": ids})]

    def senders(self, sha256: str) -> list[Sender]:
        return [Sender(*row) for row in self.rows(outbox.SENDERS, {"sha256": sha256})]

    def agenda(self, scope: Scope, now: datetime, since: datetime) -> Agenda:
        return Agenda(*map(int, self.rows(outbox.agenda(scope, now, since))[0]))

    def job(self, name: str) -> Job | None:
        return self._by_key(Job, name)

    def secret(self, name: str) -> Secret | None:
        return self._by_key(Secret, name)

    def feed(self) -> Feed:
        return self.select(Feed, TABLE_OF[Feed].select())[0]

    def old_changes(self, before_day: int, limit: int) -> list[Changed]:
        return self.select(Changed, _OLD_CHANGES.params(day=before_day, limit=limit))


_NAMED = select(hazards.c.id, hazards.c.number, hazards.c.state)
_HISTORY = (
    select(TABLE_OF[Entry]).where(TABLE_OF[Entry].c.hazard == bindparam("hazard")).order_by(TABLE_OF[Entry].c.seq)
)
_OLD_CHANGES = select(changes).where(changes.c.day < bindparam("day")).order_by(changes.c.id).limit(bindparam("limit"))
