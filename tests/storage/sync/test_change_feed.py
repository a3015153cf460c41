"""A follower of the change feed misses nothing and gets nothing twice, in whatever order transactions commit."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from inspections.accounts.policy import scope
from inspections.calendar import shanghai_date
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Note
from inspections.sync.actions import trim_feed
from inspections.sync.change_feed import RETENTION, Cursor
from storage.database import open_database
from storage.engine.connections import writing_engine
from storage.sync.change_feed import read_changes, read_head, read_snapshot, read_unscoped_changes
from storage.sync.tables import changes
from tests.builders.office import NOW, THERE, li, new_id, qian, wang, zhou
from tests.builders.postgres import new_database
from tests.builders.reports import report
from tests.builders.waiting import poll_until

REACH = scope(li, "hazard.see")


class Follower:
    """Follows the feed from its own cursor; `received_states` is every state that it was given."""

    def __init__(self, database):
        self.database = database
        self.cursor = database.read_sync(read_head).cursor
        self.received_states = []

    def _page(self, repository, limit):
        return read_changes(repository, REACH, read_head(repository), self.cursor, limit)

    def follow(self, limit=50):
        page = self.database.read_sync(partial(self._page, limit=limit))
        self.cursor = page.cursor
        self.received_states += [(each.id, each.history_length) for each in page.hazards]
        return page


def wait_for_last_change(database):
    """Waits until the last change can be read: a transaction that has just ended elsewhere holds it back briefly.

    The last change is the last in the feed: of two concurrent transactions, the earlier may have the higher number.
    """

    def last_is_seen():
        last = database.read_sync(read_head)
        return last.cursor == last.newest

    poll_until(last_is_seen, lambda: "nobody who could see the last change")


def test_a_page_ends_at_the_head_and_never_before_its_start(database):
    """A page reads the head only once, because it moves while other databases of the same server are written."""
    follower = Follower(database)
    begin = follower.cursor
    asyncio.run(write_reports(database, 4))
    wait_for_last_change(database)
    end = database.read_sync(read_head)
    whole = follower.follow()
    assert (whole.cursor, len(whole.hazards)) == (end.cursor, 2)

    def ask(to, after):
        return database.read_sync(
            lambda repository: read_changes(repository, REACH, end._replace(cursor=to), after, 50)
        )

    rows = database.read_sync(lambda repository: read_unscoped_changes(repository, begin, 50)[0])
    places = [Cursor(each.transaction_id, each.id) for each in rows]
    early = ask(places[1], begin)
    assert early.cursor == places[1]
    assert early.more is False
    assert {each.id for each in early.hazards} == {whole.hazards[0].id}
    late = ask(end.cursor, places[1])
    assert {each.id for each in late.hazards} == {whole.hazards[1].id}
    back = ask(places[0], end.cursor)
    assert (back.hazards, back.gone, back.cursor, back.more) == ([], [], end.cursor, False)


async def write_reports(database, count):
    """Writes reports, and a note on each as soon as it is stored."""
    for _ in range(count // 2):
        done = await database.transact(partial(report_hazard, person=wang, report=report(), now=NOW))
        step = Note(id=new_id(), version=1, note="看过了")
        await database.transact(partial(take_step, person=li, hazard_id=done.reported.hazard.id, step=step, now=NOW))


async def follow_until(follower, until):
    while not until.is_set():
        await asyncio.to_thread(follower.follow)


async def follow_while_writing(follower, databases, count, writers):
    until = asyncio.Event()
    following = asyncio.create_task(follow_until(follower, until))
    share = count // writers
    await asyncio.gather(*(write_reports(databases[at % len(databases)], share) for at in range(writers)))
    until.set()
    await following


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.drill)])
def test_a_follower_of_many_writers_misses_nothing_and_gets_no_state_twice(database, url, count):
    follower = Follower(database)
    other = open_database(url) if url.startswith("postgresql") else database
    asyncio.run(follow_while_writing(follower, [database, other], count, writers=8))
    if other is not database:
        asyncio.run(other.close())
    wait_for_last_change(database)
    while follower.follow().more:
        pass
    assert len(follower.received_states) == len(set(follower.received_states)), "a state came twice"
    last = dict(sorted(follower.received_states, key=lambda each: each[1]))
    kept = database.read_sync(lambda repository: read_snapshot(repository, REACH, UUID(int=0), NOW, count))
    assert last == {hazard.id: hazard.history_length for hazard in kept}
    assert len(kept) == count // 2


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_transaction_that_commits_late_is_not_missed(database, url, desk):
    follower = Follower(database)
    first, second = (desk.do(report_hazard, wang, report(), NOW).reported.hazard for _ in range(2))
    wait_for_last_change(database)
    follower.follow()
    engine = writing_engine(url)
    with engine.connect() as slow:
        slow.execute(insert(changes), {"hazard": first.id})
        desk.do(take_step, li, second.id, Note(id=new_id(), version=1, note="看过了"), NOW)
        assert follower.follow().hazards == [], "what came after the slow one waits for it"
        slow.commit()
        wait_for_last_change(database)
        assert [each.id for each in follower.follow().hazards] == [first.id, second.id]
    engine.dispose()
    assert follower.follow().hazards == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_long_transaction_in_another_database_does_not_delay_the_feed(database, desk):
    follower = Follower(database)
    with new_database() as elsewhere:
        engine = writing_engine(elsewhere)
        with engine.connect() as foreign:
            foreign.exec_driver_sql("select txid_current()")
            hazard = desk.do(report_hazard, wang, report(), NOW).reported.hazard
            wait_for_last_change(database)
            assert [each.id for each in follower.follow().hazards] == [hazard.id]
        engine.dispose()


def test_a_follower_skips_changes_outside_its_scope(database, desk):
    place = database.read_sync(read_head).cursor
    for _ in range(7):
        desk.do(report_hazard, wang, report(), NOW)
    mine = desk.do(report_hazard, zhou, report(community=THERE.code), NOW).reported.hazard
    desk.do(report_hazard, wang, report(), NOW)
    wait_for_last_change(database)
    reach = scope(qian, "hazard.see")
    page = database.read_sync(lambda repository: read_changes(repository, reach, read_head(repository), place, 2))
    assert [each.id for each in page.hazards] == [mine.id]
    page = database.read_sync(lambda repository: read_changes(repository, reach, read_head(repository), page.cursor, 2))
    assert (page.hazards, page.gone, page.cursor, page.more) == ([], [], database.read_sync(read_head).cursor, False)


def test_a_failed_action_leaves_no_change(database, desk):
    follower = Follower(database)
    desk.do(report_hazard, wang, report(), NOW)
    with pytest.raises(ValueError, match="no"):
        asyncio.run(database.transact(_fail))
    wait_for_last_change(database)
    assert len(follower.follow().hazards) == 1
    assert follower.follow().hazards == []


def _fail(_):
    raise ValueError("no")


def test_old_changes_are_deleted_and_the_trim_cursor_is_kept(database, desk, url):
    early = Follower(database).cursor
    for _ in range(3):
        desk.do(report_hazard, wang, report(), NOW)
    engine = writing_engine(url)
    today = shanghai_date(datetime.now(UTC))
    with engine.begin() as connection:
        last = connection.execute(changes.select().order_by(changes.c.id.desc()).limit(1)).one()
        old = {"day": last.day - RETENTION.days - 1}
        connection.execute(update(changes).where(changes.c.id < last.id).values(old))
    engine.dispose()
    wait_for_last_change(database)
    assert desk.do(trim_feed, today, 1) == 1
    assert desk.do(trim_feed, today, 500) == 1
    assert desk.do(trim_feed, today + timedelta(days=1), 500) == 0
    feed, place, _ = database.read_sync(read_head)
    assert place == Cursor(last.transaction_id, last.id)
    assert early < feed.trim_cursor < place
    assert [
        each.id for each in database.read_sync(lambda repository: read_unscoped_changes(repository, early, 10))[0]
    ] == [last.id]
    assert desk.do(trim_feed, today + RETENTION + timedelta(days=2), 500) == 1
    quiet = database.read_sync(read_head)  # an office in which nothing has happened for longer than changes are kept
    assert quiet.cursor == quiet.newest == quiet.feed.trim_cursor == place
