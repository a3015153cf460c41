"""Dispatches notices into inbox entries and deliveries, and retries deliveries until they arrive.

A worker may be killed after it has claimed a delivery; when the claim expires, another worker takes it. So each
delivery arrives at least once, always under the id of its notice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from inspections.accounts.actions.delegations import everybody
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.errors import Invalid, Missing, RulesStale
from inspections.hazards.records import Hazard
from inspections.notices.outbox import TRIES, Attempt, Delivery, InboxEntry, Notice, Outlet, pause
from inspections.notices.recipients import recipients
from inspections.notices.repository import NoticeRepository
from inspections.notices.templates import (
    KINDS,
    Message,
    Names,
    NewTemplate,
    Template,
    default,
    fields,
    filled,
    of_facts,
    of_hazard,
    of_line,
    unknown_fields,
)

CLAIM = timedelta(seconds=20)
"""The duration of a claim, longer than any channel's timeout (api/notices/channels.py)."""


class Claimed(NamedTuple):
    """The deliveries to try now, and the number postponed because an earlier one waits for its retry."""

    deliveries: Sequence[Delivery]
    put_off: int


def tell(repository: NoticeRepository, now: datetime, limit: int, outlets: Sequence[Outlet]) -> Change[int]:
    """Creates inbox entries and deliveries for at most `limit` notices; returns the number of notices.

    Roles are resolved at this moment: within a second of the event, or when the notifier runs again.
    """
    untold = repository.untold(limit)
    people = [person.at(now) for person in everybody(repository, now)] if untold else []
    hazards = {each.id: each for each in repository.hazards([notice.hazard for notice in untold if notice.hazard])}
    new: list[Struct] = []
    for notice in untold:
        told = recipients(notice, hazards.get(notice.hazard) if notice.hazard else None, people)
        new += [InboxEntry(repository.new_id(), username, notice.id, notice.at) for username in told]
        addressed = {person.username for person in people if person.email}
        for outlet in outlets:
            new += _deliveries(repository, notice, outlet, told, addressed)
    return Change(len(untold), tuple(new), tuple((notice, replace(notice, told_at=now)) for notice in untold))


def _deliveries(
    repository: NoticeRepository, notice: Notice, outlet: Outlet, told: tuple[str, ...], addressed: set[str]
) -> list[Delivery]:
    at = notice.held_until or notice.at

    def delivery(username: str, to: tuple[str, ...]) -> Delivery:
        return Delivery(repository.new_id(), notice.id, outlet.channel, username, to, notice.hazard, notice.seq, at)

    if outlet.reach == "mailbox":
        return [delivery(username, (username,)) for username in told if username in addressed]
    return [delivery("", told)] if outlet.reach == "event" or notice.tells else []


def claim_deliveries(repository: NoticeRepository, channel: str, now: datetime, limit: int) -> Change[Claimed]:
    """Claims due deliveries for `CLAIM_DURATION`, each the first with its ordering key.

    A due delivery behind one that waits for its retry is postponed until then, so that it blocks no others.
    """
    due = repository.deliverable(channel, now, limit)
    waiting = repository.waiting(channel, list({each.hazard for each in due if each.hazard}))
    first = {each.lane: each for each in reversed(waiting)}
    heads = {each.lane: first.get(each.lane, each) for each in due}
    free = repository.deliveries([each.id for each in heads.values() if each.next_try_at <= now], free=True)
    tried = [each for each in free if each.waits and each.next_try_at <= now]
    claimed = [replace(each, next_try_at=now + CLAIM, tries=each.tries + 1) for each in tried]
    put_off = [
        (each, replace(each, next_try_at=heads[each.lane].next_try_at))
        for each in due
        if heads[each.lane].next_try_at > now + CLAIM
    ]
    return Change(Claimed(claimed, len(put_off)), changed=(*zip(tried, claimed, strict=True), *put_off))


def settle(repository: NoticeRepository, attempts: Sequence[Attempt], now: datetime) -> Change[int]:
    """Records the results of tries; returns how many deliveries were given up.

    A delivery that has arrived stays so, even if another worker reports a failed try.
    """
    kept = {each.id: each for each in repository.deliveries([attempt.delivery for attempt in attempts])}
    changed: list[tuple[Delivery, Delivery]] = []
    for attempt in attempts:
        before = kept.get(attempt.delivery)
        if before is not None and before.delivered_at is None:
            changed.append((before, _settled(before, attempt, now)))
    return Change(sum(after.dead_at is not None for _, after in changed), changed=tuple(changed))


def _settled(delivery: Delivery, attempt: Attempt, now: datetime) -> Delivery:
    if attempt.error is None:
        return replace(delivery, delivered_at=now, dead_at=None, error=None)
    if delivery.tries >= TRIES:
        return replace(delivery, dead_at=delivery.dead_at or now, error=attempt.error)
    return replace(delivery, next_try_at=now + pause(delivery.tries, attempt.jitter), error=attempt.error)


def replay(repository: NoticeRepository, person: Person | None, delivery_id: UUID, now: datetime) -> Change[Delivery]:
    """Retries a delivery that was given up; any other stays unchanged. Raises Missing.

    `person` None: called from the command line. The delivery may arrive after later notices of its hazard.
    """
    found = next(iter(repository.deliveries([delivery_id])), None)
    if found is None or not (person is None or _manages(repository, person, found)):
        raise Missing("delivery")
    if found.dead_at is None:
        return Change(found)
    after = replace(found, dead_at=None, tries=0, next_try_at=now)
    return Change(after, changed=((found, after),))


def _manages(repository: NoticeRepository, person: Person, delivery: Delivery) -> bool:
    reach = scope(person, "delivery.manage")
    if delivery.hazard is None:
        return reach.covers_community("")
    return any(reach.covers_community(hazard.community) for hazard in repository.hazards([delivery.hazard]))


def mark_read(repository: NoticeRepository, person: Person, entry_id: UUID, now: datetime) -> Change[InboxEntry]:
    """Marks an inbox entry as read; the first time is kept. Raises Missing if it is not in this person's inbox."""
    found = repository.kept(InboxEntry, entry_id)
    if found is None or found.username != person.username:
        raise Missing("notice")
    if found.read_at is not None:
        return Change(found)
    after = replace(found, read_at=now)
    return Change(after, changed=((found, after),))


# texts ------------------------------------------------------------------------------------------------------


def worded(repository: NoticeRepository, notice: Notice, hazard: Hazard | None) -> Message:
    """Renders the notice with its template. Without a `hazard`, the hazard's fields stay empty."""
    values = of_facts(notice.facts)
    if hazard is not None:
        community, category = repository.community(hazard.community), repository.category(hazard.category)
        names = Names(community.name if community else hazard.community, category.name if category else hazard.category)
        values |= of_hazard(hazard, names)
    line = repository.entry(notice.line) if notice.line else None
    if line is not None:
        by = repository.person(line.by)
        values |= of_line(line, by.name if by else "系统")
    return filled(template(repository, notice.kind), values)


def template(repository: NoticeRepository, kind: str) -> Template:
    return repository.kept(Template, kind) or default(kind)


def kinds(repository: NoticeRepository) -> list[str]:
    """Returns all kinds of notices: those of events, and the rungs of the office's escalation ladders."""
    ladders = repository.rules.ladders
    rungs = [rung.name for rung in (*ladders.general, *ladders.major)]
    return list(dict.fromkeys((*KINDS, *rungs)))


def edit_template(
    repository: NoticeRepository, person: Person, kind: str, sent: NewTemplate, now: datetime
) -> Change[Template]:
    """Replaces a template; a repeated request changes nothing.

    Raises Missing (no such kind), RulesStale, Invalid with the names of unknown fields.
    """
    if kind not in kinds(repository):
        raise Missing("template")
    before = template(repository, kind)
    after = Template(kind, sent.version + 1, sent.title, sent.text, person.username, now)
    if replace(after, edited_at=before.edited_at) == before:
        return Change(before)
    if sent.version != before.version:
        raise RulesStale(sent.version, before.version)
    _check(kind, {"title": sent.title, "text": sent.text})
    return Change(after, changed=((before, after),)) if before.version else Change(after, (after,))


def _check(kind: str, texts: dict[str, str]) -> None:
    errors: list[tuple[str, str]] = []
    for field, text in texts.items():
        try:
            unknown = unknown_fields(kind, text)
        except ValueError:
            errors.append((field, "花括号不成对；要写花括号本身请写两次"))
            continue
        known = "、".join(fields(kind))
        errors += [(field, f"没有“{name}”这个字段；可用：{known}") for name in unknown]
    if errors:
        raise Invalid(*errors)
