"""The outbox keeps the order of notices and never gives one delivery to two processes, on both databases."""

import asyncio
from functools import partial

from msgspec.structs import replace

from inspections.accounts.policy import Scope, scope
from inspections.change import Change
from inspections.notices.actions.delivery import (
    CLAIM_DURATION,
    claim_deliveries,
    dispatch_notices,
    mark_read,
    record_attempts,
    render_notice,
    retry_delivery,
)
from inspections.notices.actions.digests import DIGESTS, send_digest
from inspections.notices.outbox import ChannelInfo, DeliveryAttempt, Notice, PhotoSender
from inspections.photos.actions.intake import receive_photos
from inspections.remediation.actions.photo_damage import record_damage
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, Return
from storage.database import open_database
from storage.notices.inbox import count_unread, failed_deliveries, inbox_page
from tests.builders.office import NOW, Office, later, li, ma, new_id, photo, photo_declaration, wang, zhao, zhou
from tests.builders.reports import report

HOOK = ChannelInfo("webhook", "event")


def create_hazard(desk, **facts):
    return desk.do(report_hazard, wang, report(**{"category": "EB-01", **facts}), NOW).reported.hazard


def apply_step(desk, who, hazard, kind, now=NOW, **facts):
    step = kind(id=new_id(), version=hazard.version, **facts)
    return desk.do(take_step, who, hazard.id, step, now).hazard


def create_assigned_hazard(desk):
    return apply_step(desk, li, apply_step(desk, li, create_hazard(desk), Accept), Assign, lead="zhao")


def claim_webhook_deliveries(desk, now=NOW, limit=10):
    return desk.do(claim_deliveries, "webhook", now, limit).deliveries


def test_notices_of_one_hazard_keep_their_order_and_other_hazards_do_not_wait(desk):
    first, second = create_assigned_hazard(desk), create_hazard(desk)
    apply_step(desk, zhao, first, Return, reason="不归我管")
    assert desk.do(dispatch_notices, NOW, 50, [HOOK]) == 2
    assert desk.do(dispatch_notices, NOW, 50, [HOOK]) == 1
    assert desk.do(dispatch_notices, NOW, 50, [HOOK]) == 1
    assert desk.do(dispatch_notices, NOW, 50, [HOOK]) == 0
    kinds = []
    while found := claim_webhook_deliveries(desk):
        kinds += [(each.hazard == second.id, each.seq) for each in found]
        desk.do(record_attempts, [DeliveryAttempt(each.id, None, 0) for each in found], NOW)
    assert sorted(kinds) == [(False, 1), (False, 3), (False, 4), (True, 1)]
    assert [seq for other, seq in kinds if not other] == [1, 3, 4]


def test_a_claim_is_exclusive_until_it_expires_and_failures_are_delayed(desk):
    create_hazard(desk)
    desk.do(dispatch_notices, NOW, 50, [HOOK])
    (mine,) = claim_webhook_deliveries(desk)
    assert claim_webhook_deliveries(desk) == []
    (again,) = claim_webhook_deliveries(desk, NOW + CLAIM_DURATION)
    assert (again.id, again.tries) == (mine.id, 2)
    desk.do(record_attempts, [DeliveryAttempt(mine.id, "answered 500", 0)], NOW + CLAIM_DURATION)
    assert [
        each.kind
        for each in desk.database.read_sync(lambda repository: failed_deliveries(repository, None, dead=False, limit=9))
    ]
    assert claim_webhook_deliveries(desk, NOW + CLAIM_DURATION) == []
    assert len(claim_webhook_deliveries(desk, later(minutes=5))) == 1


def test_concurrent_claims_get_different_deliveries(url, desk):
    """Several processes claim at once on PostgreSQL; on SQLite there is one."""
    for _ in range(20):
        create_hazard(desk)
    desk.do(dispatch_notices, NOW, 50, [HOOK])

    async def run_scenario():
        others = [open_database(url) for _ in range(2)] if url.startswith("postgres") else [desk.database]
        claim = partial(claim_deliveries, channel="webhook", now=NOW, limit=4)
        found = await asyncio.gather(*(other.transact(claim) for other in others for _ in range(5)))
        for other in others:
            if other is not desk.database:
                await other.close()
        return [each.id for batch in found for each in batch.deliveries]

    ids = asyncio.run(run_scenario())
    assert len(ids) == len(set(ids)) == 20


def test_concurrent_dispatch_makes_one_inbox_entry_and_one_delivery(url, desk):
    for _ in range(12):
        create_assigned_hazard(desk)

    async def run_scenario():
        others = [open_database(url) for _ in range(2)] if url.startswith("postgres") else [desk.database]
        action = partial(dispatch_notices, now=NOW, limit=5, outlets=[HOOK])
        for _ in range(8):
            await asyncio.gather(*(other.transact(action) for other in others for _ in range(2)))
        for other in others:
            if other is not desk.database:
                await other.close()

    asyncio.run(run_scenario())
    see = scope(zhao, "hazard.personal")
    entries = desk.database.read_sync(
        lambda repository: inbox_page(repository, "zhao", see, None, unread=True, limit=100)
    )
    assert len({each.notice.hazard for each in entries}) == len(entries) == 12
    assert len(claim_webhook_deliveries(desk, limit=100)) == 12
    assert desk.database.read_sync(lambda repository: count_unread(repository, "zhao")) == 12
    desk.do(mark_read, zhao, entries[0].entry.id, NOW)
    assert desk.database.read_sync(lambda repository: count_unread(repository, "zhao")) == 11


def test_a_notice_is_rendered_from_stored_facts(desk):
    hazard = apply_step(desk, zhao, create_assigned_hazard(desk), Return, reason="不归我管")
    while desk.do(dispatch_notices, NOW, 50, []):
        pass

    def ask(repository):
        entries = inbox_page(repository, "li", scope(li, "hazard.personal"), None, unread=None, limit=10)
        return [render_notice(repository, each.notice, each.hazard) for each in entries]

    returned = next(each for each in desk.database.read_sync(ask) if each.title == "退单")
    assert hazard.number in returned.text
    assert "不归我管" in returned.text


def test_photo_senders_are_listed_with_the_hazards_that_lack_the_photo(desk):
    desk.do(receive_photos, wang, [photo("a"), photo("b")], NOW)
    desk.do(receive_photos, li, [photo("a")], NOW)
    hazard = create_hazard(desk, photos=(photo_declaration("a"),))
    found = desk.database.read_sync(lambda repository: repository.photo_senders("a" * 64))
    assert sorted(found) == [PhotoSender("li", None), PhotoSender("wang", hazard.id)]
    desk.do(record_damage, "a" * 64, NOW)
    while desk.do(dispatch_notices, NOW, 50, []):
        pass
    assert desk.database.read_sync(lambda repository: count_unread(repository, "wang")) == 1


def test_the_agenda_is_the_same_in_sql_and_in_memory(desk):
    hazards = [create_assigned_hazard(desk) for _ in range(3)]
    hazards += [apply_step(desk, li, create_hazard(desk), Accept), create_hazard(desk, category="EV-03")]
    office = Office()
    office.keep(*desk.database.read_sync(lambda repository: repository.hazards([each.id for each in hazards])))
    for now in (NOW, later(hours=20), later(days=1, minutes=1), later(days=9)):
        for who in (li, zhao, ma):
            reach = scope(who, "hazard.see")
            asked = desk.database.read_sync(lambda repository: repository.agenda(reach, now, NOW))  # noqa: B023  # asked at once
            same = office.agenda(reach, now, NOW)
            assert replace(asked, due_today=0, received=0) == replace(same, due_today=0, received=0)
    today = desk.database.read_sync(lambda repository: repository.agenda(scope(li, "hazard.see"), later(hours=20), NOW))
    assert (today.due_today, today.waiting, today.open) == (4, 1, 5)


def test_a_digest_is_sent_only_once(desk):
    create_hazard(desk)
    assert desk.do(send_digest, DIGESTS[0], NOW) == 0
    assert [desk.do(send_digest, DIGESTS[0], later(hours=23)) for _ in range(2)] == [1, 0]


def test_dead_deliveries_are_listed_within_a_scope(desk):
    create_hazard(desk)
    desk.do(dispatch_notices, NOW, 50, [HOOK])
    (delivery,) = claim_webhook_deliveries(desk)

    def mark_dead(repository):
        before = repository.deliveries([delivery.id])[0]
        return Change(None, changed=((before, replace(before, dead_at=NOW)),))

    desk.do(mark_dead)
    for who, number in ((li, 1), (ma, 1), (zhou, 0)):
        reach = Scope(who.username, tuple(grant.scope for grant in who.grants), ())
        listed = desk.database.read_sync(partial(failed_deliveries, reach=reach, dead=True, limit=9))
        assert len(listed) == number
    after = partial(failed_deliveries, reach=None, dead=True, limit=9, after=delivery.id)
    assert desk.database.read_sync(after) == []
    desk.do(retry_delivery, None, delivery.id, NOW)
    assert desk.database.read_sync(lambda repository: failed_deliveries(repository, None, dead=True, limit=9)) == []
    assert desk.database.read_sync(lambda repository: repository.get(Notice, delivery.notice)).told_at == NOW
