"""The outbox on both databases: order, claims side by side, what an officer has to do."""

import asyncio
from functools import partial

from msgspec.structs import replace

from inspections.accounts.policy import Scope, scope
from inspections.change import Change
from inspections.notices.actions.delivery import CLAIM, claim_deliveries, mark_read, replay, settle, tell, worded
from inspections.notices.actions.digests import DIGESTS, tell_digest
from inspections.notices.outbox import Attempt, Notice, Outlet, Sender
from inspections.photos.actions.intake import receive_photos
from inspections.remediation.actions.photo_damage import damaged
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, Return
from storage.database import open_database
from storage.notices.inbox import inbox_page, stuck, unread
from tests.builders.office import NOW, Office, later, li, ma, mention, new_id, photo, wang, zhao, zhou
from tests.builders.reports import report

HOOK = Outlet("webhook", "event")


def reported(desk, **facts):
    return desk.do(report_hazard, wang, report(**{"category": "EB-01", **facts}), NOW).dossier.hazard


def stepped(desk, who, hazard, kind, now=NOW, **facts):
    step = kind(id=new_id(), version=hazard.version, **facts)
    return desk.do(take_step, who, hazard.id, step, now).hazard


def assigned(desk):
    return stepped(desk, li, stepped(desk, li, reported(desk), Accept), Assign, lead="zhao")


def claimed(desk, now=NOW, limit=10):
    return desk.do(claim_deliveries, "webhook", now, limit).deliveries


def test_of_a_hazard_one_line_is_told_after_the_other_and_of_others_at_once(desk):
    first, second = assigned(desk), reported(desk)
    stepped(desk, zhao, first, Return, reason="不归我管")
    assert desk.do(tell, NOW, 50, [HOOK]) == 2
    assert desk.do(tell, NOW, 50, [HOOK]) == 1
    assert desk.do(tell, NOW, 50, [HOOK]) == 1
    assert desk.do(tell, NOW, 50, [HOOK]) == 0
    kinds = []
    while found := claimed(desk):
        kinds += [(each.hazard == second.id, each.seq) for each in found]
        desk.do(settle, [Attempt(each.id, None, 0) for each in found], NOW)
    assert sorted(kinds) == [(False, 1), (False, 3), (False, 4), (True, 1)]
    assert [seq for other, seq in kinds if not other] == [1, 3, 4]


def test_a_claim_is_one_s_own_until_it_is_over_and_failures_wait(desk):
    reported(desk)
    desk.do(tell, NOW, 50, [HOOK])
    (mine,) = claimed(desk)
    assert claimed(desk) == []
    (again,) = claimed(desk, NOW + CLAIM)
    assert (again.id, again.tries) == (mine.id, 2)
    desk.do(settle, [Attempt(mine.id, "answered 500", 0)], NOW + CLAIM)
    assert [each.kind for each in desk.database.ask(lambda repository: stuck(repository, None, dead=False, limit=9))]
    assert claimed(desk, NOW + CLAIM) == []
    assert len(claimed(desk, later(minutes=5))) == 1


def test_side_by_side_nobody_claims_what_another_has(url, desk):
    """On PostgreSQL several processes claim at once; on SQLite there is one."""
    for _ in range(20):
        reported(desk)
    desk.do(tell, NOW, 50, [HOOK])

    async def story():
        others = [open_database(url) for _ in range(2)] if url.startswith("postgres") else [desk.database]
        claim = partial(claim_deliveries, channel="webhook", now=NOW, limit=4)
        found = await asyncio.gather(*(other.transact(claim) for other in others for _ in range(5)))
        for other in others:
            if other is not desk.database:
                await other.close()
        return [each.id for batch in found for each in batch.deliveries]

    ids = asyncio.run(story())
    assert len(ids) == len(set(ids)) == 20


def test_side_by_side_a_notice_becomes_one_inbox_entry_and_one_delivery(url, desk):
    for _ in range(12):
        assigned(desk)

    async def story():
        others = [open_database(url) for _ in range(2)] if url.startswith("postgres") else [desk.database]
        action = partial(tell, now=NOW, limit=5, outlets=[HOOK])
        for _ in range(8):
            await asyncio.gather(*(other.transact(action) for other in others for _ in range(2)))
        for other in others:
            if other is not desk.database:
                await other.close()

    asyncio.run(story())
    see = scope(zhao, "hazard.personal")
    entries = desk.database.ask(lambda repository: inbox_page(repository, "zhao", see, None, unread=True, limit=100))
    assert len({each.notice.hazard for each in entries}) == len(entries) == 12
    assert len(claimed(desk, limit=100)) == 12
    assert desk.database.ask(lambda repository: unread(repository, "zhao")) == 12
    desk.do(mark_read, zhao, entries[0].entry.id, NOW)
    assert desk.database.ask(lambda repository: unread(repository, "zhao")) == 11


def test_a_notice_is_worded_from_what_is_kept(desk):
    hazard = stepped(desk, zhao, assigned(desk), Return, reason="不归我管")
    while desk.do(tell, NOW, 50, []):
        pass

    def ask(repository):
        entries = inbox_page(repository, "li", scope(li, "hazard.personal"), None, unread=None, limit=10)
        return [worded(repository, each.notice, each.hazard) for each in entries]

    returned = next(each for each in desk.database.ask(ask) if each.title == "退单")
    assert hazard.number in returned.text
    assert "不归我管" in returned.text


def test_who_sent_a_photo_is_known_with_the_hazards_that_lack_it(desk):
    desk.do(receive_photos, wang, [photo("a"), photo("b")], NOW)
    desk.do(receive_photos, li, [photo("a")], NOW)
    hazard = reported(desk, photos=(mention("a"),))
    found = desk.database.ask(lambda repository: repository.senders("a" * 64))
    assert sorted(found) == [Sender("li", None), Sender("wang", hazard.id)]
    desk.do(damaged, "a" * 64, NOW)
    while desk.do(tell, NOW, 50, []):
        pass
    assert desk.database.ask(lambda repository: unread(repository, "wang")) == 1


def test_what_stands_to_be_done_is_the_same_in_sql_and_in_memory(desk):
    hazards = [assigned(desk) for _ in range(3)]
    hazards += [stepped(desk, li, reported(desk), Accept), reported(desk, category="EV-03")]
    office = Office()
    office.keep(*desk.database.ask(lambda repository: repository.hazards([each.id for each in hazards])))
    for now in (NOW, later(hours=20), later(days=1, minutes=1), later(days=9)):
        for who in (li, zhao, ma):
            reach = scope(who, "hazard.see")
            asked = desk.database.ask(lambda repository: repository.agenda(reach, now, NOW))  # noqa: B023  # asked at once
            same = office.agenda(reach, now, NOW)
            assert replace(asked, due_today=0, received=0) == replace(same, due_today=0, received=0)
    today = desk.database.ask(lambda repository: repository.agenda(scope(li, "hazard.see"), later(hours=20), NOW))
    assert (today.due_today, today.waiting, today.open) == (4, 1, 5)


def test_a_digest_is_told_once_by_whoever_comes_first(desk):
    reported(desk)
    assert desk.do(tell_digest, DIGESTS[0], NOW) == 0
    assert [desk.do(tell_digest, DIGESTS[0], later(hours=23)) for _ in range(2)] == [1, 0]


def test_what_was_given_up_is_listed_within_a_scope(desk):
    reported(desk)
    desk.do(tell, NOW, 50, [HOOK])
    (delivery,) = claimed(desk)

    def given_up(repository):
        before = repository.deliveries([delivery.id])[0]
        return Change(None, changed=((before, replace(before, dead_at=NOW)),))

    desk.do(given_up)
    for who, number in ((li, 1), (ma, 1), (zhou, 0)):
        reach = Scope(who.username, tuple(grant.scope for grant in who.grants), ())
        assert len(desk.database.ask(lambda repository: stuck(repository, reach, dead=True, limit=9))) == number  # noqa: B023
    assert desk.database.ask(lambda repository: stuck(repository, None, dead=True, limit=9, after=delivery.id)) == []
    desk.do(replay, None, delivery.id, NOW)
    assert desk.database.ask(lambda repository: stuck(repository, None, dead=True, limit=9)) == []
    assert desk.database.ask(lambda repository: repository.kept(Notice, delivery.notice)).told_at == NOW
