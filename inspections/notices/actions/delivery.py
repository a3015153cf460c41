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

from inspections.accounts.actions.delegations import people_with_delegations, person_with_delegations
from inspections.accounts.people import Person
from inspections.accounts.policy import scope
from inspections.change import Change
from inspections.errors import InvalidInput, NotFound, RulesVersionConflict
from inspections.hazards.records import Hazard
from inspections.notices.outbox import TRIES, ChannelInfo, Delivery, DeliveryAttempt, InboxEntry, Notice, retry_delay
from inspections.notices.recipients import Staff
from inspections.notices.repository import NoticeRepository
from inspections.notices.templates import (
    HIDDEN_TEXT,
    KINDS,
    DisplayNames,
    NewTemplate,
    NoticeText,
    Template,
    default_template,
    fact_values,
    hazard_values,
    line_values,
    render_template,
    template_fields,
    unknown_fields,
)
from inspections.request_texts import clean_texts

CLAIM_DURATION = timedelta(seconds=20)
"""The duration of a claim, longer than any channel's timeout (api/notices/channels.py)."""


class DeliveryClaim(NamedTuple):
    """The deliveries to try now, and the number postponed because an earlier one waits for its retry."""

    deliveries: Sequence[Delivery]
    put_off: int


def dispatch_notices(
    repository: NoticeRepository, now: datetime, limit: int, outlets: Sequence[ChannelInfo]
) -> Change[int]:
    """Creates inbox entries and deliveries for at most `limit` notices; returns the number of notices.

    Roles are resolved at this moment: within a second of the event, or when the notifier runs again.
    """
    pending = repository.pending_notices(limit)
    people = [person.with_current_grants(now) for person in people_with_delegations(repository, now)] if pending else []
    hazards = repository.hazard_summaries(notice.hazard for notice in pending if notice.hazard)
    staff = Staff(people)
    addressed = {person.username for person in people if person.email}
    new: list[Struct] = []
    for notice in pending:
        told = staff.recipients(notice, hazards.get(notice.hazard) if notice.hazard else None)
        new += [InboxEntry(repository.new_id(), username, notice.id, notice.at) for username in told]
        for outlet in outlets:
            new += _new_deliveries(repository, notice, outlet, told, addressed)
    return Change(len(pending), tuple(new), tuple((notice, replace(notice, told_at=now)) for notice in pending))


def _new_deliveries(
    repository: NoticeRepository, notice: Notice, outlet: ChannelInfo, told: tuple[str, ...], addressed: set[str]
) -> list[Delivery]:
    at = notice.held_until or notice.at

    def new_delivery(username: str, to: tuple[str, ...]) -> Delivery:
        return Delivery(repository.new_id(), notice.id, outlet.channel, username, to, notice.hazard, notice.seq, at)

    if outlet.reach == "mailbox":
        return [new_delivery(username, (username,)) for username in told if username in addressed]
    return [new_delivery("", told)] if outlet.reach == "event" or notice.tells else []


def claim_deliveries(repository: NoticeRepository, channel: str, now: datetime, limit: int) -> Change[DeliveryClaim]:
    """Claims due deliveries for `CLAIM_DURATION`, each the first with its ordering key.

    A due delivery behind one that waits for its retry is postponed until then, so that it blocks no others.
    """
    due = repository.due_deliveries(channel, now, limit)
    waiting = repository.pending_deliveries(channel, list({each.hazard for each in due if each.hazard}))
    first = {each.ordering_key: each for each in reversed(waiting)}
    heads = {each.ordering_key: first.get(each.ordering_key, each) for each in due}
    free = repository.deliveries([each.id for each in heads.values() if each.next_try_at <= now], free=True)
    tried = [each for each in free if each.is_pending and each.next_try_at <= now]
    claimed = [replace(each, next_try_at=now + CLAIM_DURATION, tries=each.tries + 1) for each in tried]
    put_off = [
        (each, replace(each, next_try_at=heads[each.ordering_key].next_try_at))
        for each in due
        if heads[each.ordering_key].next_try_at > now + CLAIM_DURATION
    ]
    return Change(DeliveryClaim(claimed, len(put_off)), changed=(*zip(tried, claimed, strict=True), *put_off))


def record_attempts(repository: NoticeRepository, attempts: Sequence[DeliveryAttempt], now: datetime) -> Change[int]:
    """Records the results of tries; returns how many deliveries were given up.

    A delivery that has arrived stays so, even if another worker reports a failed try.
    """
    kept = {each.id: each for each in repository.deliveries([attempt.delivery for attempt in attempts])}
    changed: list[tuple[Delivery, Delivery]] = []
    for attempt in attempts:
        before = kept.get(attempt.delivery)
        if before is not None and before.delivered_at is None:
            changed.append((before, _apply_attempt(before, attempt, now)))
    return Change(sum(after.dead_at is not None for _, after in changed), changed=tuple(changed))


def _apply_attempt(delivery: Delivery, attempt: DeliveryAttempt, now: datetime) -> Delivery:
    if attempt.error is None:
        return replace(delivery, delivered_at=now, dead_at=None, error=None)
    if attempt.last or delivery.tries >= TRIES:
        return replace(delivery, dead_at=delivery.dead_at or now, error=attempt.error)
    delay = max(retry_delay(delivery.tries, attempt.jitter), attempt.wait)
    return replace(delivery, next_try_at=now + delay, error=attempt.error)


def retry_delivery(
    repository: NoticeRepository, person: Person | None, delivery_id: UUID, now: datetime
) -> Change[Delivery]:
    """Retries a delivery that was given up; any other stays unchanged. Raises NotFound.

    `person` None: called from the command line. The delivery may arrive after later notices of its hazard.
    """
    found = next(iter(repository.deliveries([delivery_id])), None)
    if found is None or not (person is None or _may_manage(repository, person, found)):
        raise NotFound("delivery")
    if found.dead_at is None:
        return Change(found)
    after = replace(found, dead_at=None, tries=0, next_try_at=now)
    return Change(after, changed=((found, after),))


def _may_manage(repository: NoticeRepository, person: Person, delivery: Delivery) -> bool:
    reach = scope(person, "delivery.manage")
    if delivery.hazard is None:
        return reach.covers_community("")
    return any(reach.covers_community(hazard.community) for hazard in repository.hazards([delivery.hazard]))


def mark_read(repository: NoticeRepository, person: Person, entry_id: UUID, now: datetime) -> Change[InboxEntry]:
    """Marks an inbox entry as read; the first time is kept. Raises NotFound if it is not in this person's inbox."""
    found = repository.get(InboxEntry, entry_id)
    if found is None or found.username != person.username:
        raise NotFound("notice")
    if found.read_at is not None:
        return Change(found)
    after = replace(found, read_at=now)
    return Change(after, changed=((found, after),))


# texts ------------------------------------------------------------------------------------------------------


def render_notice(repository: NoticeRepository, notice: Notice, hazard: Hazard | None) -> NoticeText:
    """Renders the notice with its template. Without a `hazard`, the hazard's fields stay empty."""
    return render_notices(repository, [(notice, hazard)])[0]


def render_notices(repository: NoticeRepository, notices: Sequence[tuple[Notice, Hazard | None]]) -> list[NoticeText]:
    """Renders each notice as `render_notice`; all lines are read at once, each author and template once."""
    lines = {
        line.id: line for line in repository.history_entries([notice.line for notice, _ in notices if notice.line])
    }
    authors = {name: repository.person(name) for name in {line.by for line in lines.values()}}
    templates = {kind: get_template(repository, kind) for kind in {notice.kind for notice, _ in notices}}
    made: list[NoticeText] = []
    for notice, hazard in notices:
        values = fact_values(notice.facts)
        if hazard is not None:
            values |= hazard_values(hazard, _display_names(repository, hazard))
        line = lines.get(notice.line) if notice.line else None
        if line is not None:
            by = authors[line.by]
            values |= line_values(line, by.name if by else "系统")
        made.append(render_template(templates[notice.kind], values))
    return made


def _display_names(repository: NoticeRepository, hazard: Hazard) -> DisplayNames:
    community, category = repository.community(hazard.community), repository.category(hazard.category)
    return DisplayNames(
        community.name if community else hazard.community, category.name if category else hazard.category
    )


def present_recipients(repository: NoticeRepository, usernames: Sequence[str], now: datetime) -> list[Person]:
    """Returns those of the recipients whose accounts are active, with the grants in effect at this moment.

    Hours may lie between a notice and its delivery: quiet hours, or retries for a day.
    """
    found = (repository.person(username) for username in usernames)
    return [
        person_with_delegations(repository, person, now).with_current_grants(now)
        for person in found
        if person is not None and person.active
    ]


def render_hidden_notice(repository: NoticeRepository, kind: str) -> NoticeText:
    """Renders a notice whose hazard its recipient may not see (any more): only what kind of notice it is."""
    title = get_template(repository, kind).title
    return NoticeText(default_template(kind).title if set(title) & set("{}") else title, HIDDEN_TEXT)


def get_template(repository: NoticeRepository, kind: str) -> Template:
    return repository.get(Template, kind) or default_template(kind)


def notice_kinds(repository: NoticeRepository) -> list[str]:
    """Returns all kinds of notices: those of events, and the rungs of the office's escalation ladders."""
    ladders = repository.rules.ladders
    rungs = [rung.name for rung in (*ladders.general, *ladders.major)]
    return list(dict.fromkeys((*KINDS, *rungs)))


def edit_template(
    repository: NoticeRepository, person: Person, kind: str, sent: NewTemplate, now: datetime
) -> Change[Template]:
    """Replaces a template; a repeated request changes nothing.

    Raises NotFound (no such kind), RulesVersionConflict, InvalidInput (invisible characters, unknown fields).
    """
    if kind not in notice_kinds(repository):
        raise NotFound("template")
    before = get_template(repository, kind)
    after = Template(kind, sent.version + 1, sent.title, sent.text, person.username, now)
    if replace(after, edited_at=before.edited_at) == before:
        return Change(before)
    if sent.version != before.version:
        raise RulesVersionConflict(sent.version, before.version)
    clean_texts(sent, (before.title, before.text))
    _check_fields(kind, {"title": sent.title, "text": sent.text})
    return Change(after, changed=((before, after),)) if before.version else Change(after, (after,))


def _check_fields(kind: str, texts: dict[str, str]) -> None:
    errors: list[tuple[str, str]] = []
    for field, text in texts.items():
        try:
            unknown = unknown_fields(kind, text)
        except ValueError:
            errors.append((field, "花括号不成对；要写花括号本身请写两次"))
            continue
        known = "、".join(template_fields(kind))
        errors += [(field, f"没有“{name}”这个字段；可用：{known}") for name in unknown]
    if errors:
        raise InvalidInput(*errors)
