"""Who follows what changed misses nothing and gets nothing twice, in whatever order transactions commit."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from inspections.accounts.policy import scope
from inspections.calendar import shanghai_date
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Note
from inspections.sync.actions import forget
from inspections.sync.change_feed import KEPT, Place
from storage.database import open_database
from storage.engine.connections import writing_engine
from storage.sync.change_feed import changed, everything, head, passing
from storage.sync.tables import changes
from tests.builders.office import NOW, THERE, li, new_id, qian, wang, zhou
from tests.builders.postgres import new_database
from tests.builders.reports import report

REACH = scope(li, "hazard.see")


class Follower:
    """Keeps its place; `came` is every state that it was given."""

    def __init__(self, database):
        self.database = database
        self.place = database.ask(head).place
        self.came = []

    def _page(self, repository, limit):
        return changed(repository, REACH, head(repository), self.place, limit)

    def follow(self, limit=50):
        page = self.database.ask(partial(self._page, limit=limit))
        self.place = page.place
        self.came += [(each.id, each.history_length) for each in page.hazards]
        return page


def settled(database):
    """Waits until the last change can be read: who has just ended in another database holds it back for an instant.

    The last in the feed: of two side by side, the higher number may be of the earlier transaction.
    """
    until = monotonic() + 10
    while (last := database.ask(head)).place != last.newest:
        assert monotonic() < until, "nobody who could see the last change"


def test_a_page_ends_where_the_head_was_and_never_before_it_began(database):
    """What is settled is asked once for a page: it moves while other databases of the same server are written."""
    follower = Follower(database)
    begin = follower.place
    asyncio.run(writes(database, 4))
    settled(database)
    end = database.ask(head)
    whole = follower.follow()
    assert (whole.place, len(whole.hazards)) == (end.place, 2)

    def ask(to, after):
        return database.ask(lambda repository: changed(repository, REACH, end._replace(place=to), after, 50))

    rows = database.ask(lambda repository: passing(repository, begin, 50)[0])
    places = [Place(each.transaction_id, each.id) for each in rows]
    early = ask(places[1], begin)
    assert early.place == places[1]
    assert early.more is False
    assert {each.id for each in early.hazards} == {whole.hazards[0].id}
    late = ask(end.place, places[1])
    assert {each.id for each in late.hazards} == {whole.hazards[1].id}
    back = ask(places[0], end.place)
    assert (back.hazards, back.gone, back.place, back.more) == ([], [], end.place, False)


async def writes(database, count):
    """Reports, and a note on each as soon as it is there."""
    for _ in range(count // 2):
        done = await database.transact(partial(report_hazard, person=wang, report=report(), now=NOW))
        step = Note(id=new_id(), version=1, note="看过了")
        await database.transact(partial(take_step, person=li, hazard_id=done.dossier.hazard.id, step=step, now=NOW))


async def follows(follower, until):
    while not until.is_set():
        await asyncio.to_thread(follower.follow)


async def side_by_side(follower, databases, count, writers):
    until = asyncio.Event()
    following = asyncio.create_task(follows(follower, until))
    share = count // writers
    await asyncio.gather(*(writes(databases[at % len(databases)], share) for at in range(writers)))
    until.set()
    await following


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.drill)])
def test_a_follower_beside_many_writers_misses_nothing_and_gets_no_state_twice(database, url, count):
    follower = Follower(database)
    other = open_database(url) if url.startswith("postgresql") else database
    asyncio.run(side_by_side(follower, [database, other], count, writers=8))
    if other is not database:
        asyncio.run(other.close())
    settled(database)
    while follower.follow().more:
        pass
    assert len(follower.came) == len(set(follower.came)), "a state came twice"
    last = dict(sorted(follower.came, key=lambda each: each[1]))
    kept = database.ask(lambda repository: everything(repository, REACH, UUID(int=0), NOW, count))
    assert last == {hazard.id: hazard.history_length for hazard in kept}
    assert len(kept) == count // 2


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_transaction_that_commits_late_is_not_passed_by(database, url, desk):
    follower = Follower(database)
    first, second = (desk.do(report_hazard, wang, report(), NOW).dossier.hazard for _ in range(2))
    settled(database)
    follower.follow()
    engine = writing_engine(url)
    with engine.connect() as slow:
        slow.execute(insert(changes), {"hazard": first.id})
        desk.do(take_step, li, second.id, Note(id=new_id(), version=1, note="看过了"), NOW)
        assert follower.follow().hazards == [], "what came after the slow one waits for it"
        slow.commit()
        settled(database)
        assert [each.id for each in follower.follow().hazards] == [first.id, second.id]
    engine.dispose()
    assert follower.follow().hazards == []


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_long_transaction_in_another_database_holds_nothing_up(database, desk):
    follower = Follower(database)
    with new_database() as elsewhere:
        engine = writing_engine(elsewhere)
        with engine.connect() as foreign:
            foreign.exec_driver_sql("select txid_current()")
            hazard = desk.do(report_hazard, wang, report(), NOW).dossier.hazard
            settled(database)
            assert [each.id for each in follower.follow().hazards] == [hazard.id]
        engine.dispose()


def test_who_has_little_to_follow_is_led_past_what_is_not_theirs(database, desk):
    place = database.ask(head).place
    for _ in range(7):
        desk.do(report_hazard, wang, report(), NOW)
    mine = desk.do(report_hazard, zhou, report(community=THERE.code), NOW).dossier.hazard
    desk.do(report_hazard, wang, report(), NOW)
    settled(database)
    reach = scope(qian, "hazard.see")
    page = database.ask(lambda repository: changed(repository, reach, head(repository), place, 2))
    assert [each.id for each in page.hazards] == [mine.id]
    page = database.ask(lambda repository: changed(repository, reach, head(repository), page.place, 2))
    assert (page.hazards, page.gone, page.place, page.more) == ([], [], database.ask(head).place, False)


def test_an_action_that_was_refused_leaves_no_change(database, desk):
    follower = Follower(database)
    desk.do(report_hazard, wang, report(), NOW)
    with pytest.raises(ValueError, match="no"):
        asyncio.run(database.transact(_fails))
    settled(database)
    assert len(follower.follow().hazards) == 1
    assert follower.follow().hazards == []


def _fails(_):
    raise ValueError("no")


def test_old_changes_are_forgotten_and_the_place_of_the_last_one_is_known(database, desk, url):
    early = Follower(database).place
    for _ in range(3):
        desk.do(report_hazard, wang, report(), NOW)
    engine = writing_engine(url)
    today = shanghai_date(datetime.now(UTC))
    with engine.begin() as connection:
        last = connection.execute(changes.select().order_by(changes.c.id.desc()).limit(1)).one()
        old = {"day": last.day - KEPT.days - 1}
        connection.execute(update(changes).where(changes.c.id < last.id).values(old))
    engine.dispose()
    settled(database)
    assert desk.do(forget, today, 1) == 1
    assert desk.do(forget, today, 500) == 1
    assert desk.do(forget, today + timedelta(days=1), 500) == 0
    feed, place, _ = database.ask(head)
    assert place == Place(last.transaction_id, last.id)
    assert early < feed.forgotten < place
    assert [each.id for each in database.ask(lambda repository: passing(repository, early, 10))[0]] == [last.id]
    assert desk.do(forget, today + KEPT + timedelta(days=2), 500) == 1
    quiet = database.ask(head)  # an office in which nothing has happened for longer than changes are kept
    assert quiet.place == quiet.newest == quiet.feed.forgotten == place
