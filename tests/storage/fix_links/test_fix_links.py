"""Links and tallies as they are kept, the same on every database."""

import asyncio
from functools import partial

import pytest
from alembic import command
from sqlalchemy import text

from inspections.accounts.throttling import PER_ADDRESS, WINDOW, Tally
from inspections.change import Change
from inspections.fix_links.actions import fix_by_link, forget_tallies, knock, make_link, noticed, revoke_link
from inspections.fix_links.links import NewLink
from inspections.hazards.records import State
from inspections.photos.actions.intake import receive_photos
from inspections.photos.evidence import missing
from inspections.photos.records import Receipt, Stage
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, SubmitFix
from storage.engine.connections import writing_engine
from storage.photos.folder_store import PhotoFolder
from storage.upkeep.verification import verify
from tests.builders.links import SHOP, TOKEN
from tests.builders.migrations import move
from tests.builders.office import NOW, later, li, mention, new_id, photo, wang
from tests.builders.reports import reported


@pytest.fixture
def hazard(desk):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    hazard = reported(desk, responsible_party=SHOP)
    for step in (Accept(id=new_id(), version=1), Assign(id=new_id(), version=2, lead="zhao")):
        hazard = desk.do(take_step, li, hazard.id, step, NOW).hazard
    return hazard


def make(desk, hazard, digest=TOKEN, now=NOW):
    return desk.do(make_link, li, hazard.id, NewLink(new_id()), digest, now).link


def used(desk, hazard, link):
    desk.do(receive_photos, link.sender, [photo("b")], NOW)
    step = SubmitFix(
        id=new_id(), version=hazard.version, method="清理", quantity_done=1, photos=(mention("b", Stage.AFTER),)
    )
    return desk.do(fix_by_link, link.digest, step, NOW)


def links(desk, hazard):
    return desk.database.ask(lambda repository: repository.fix_links(hazard.id))


def test_a_link_is_kept_found_and_used(desk, hazard):
    first, second = make(desk, hazard), make(desk, hazard, "e" * 64, later(hours=1))
    assert links(desk, hazard) == [second, first]
    notice = desk.database.ask(lambda repository: noticed(repository, TOKEN, NOW))
    assert (notice.link, [each.mention.sha256 for each in notice.before]) == (first, ["a" * 64])
    assert desk.database.ask(lambda repository: repository.fix_link_of("0" * 64)) is None
    revoked = desk.do(revoke_link, li, hazard.id, second.id, NOW)
    done = used(desk, hazard, first)
    assert (done.hazard.state, missing(done.shown)) == (State.PENDING_RECHECK, [])
    assert [each.used_at for each in links(desk, hazard)] == [None, NOW]
    assert links(desk, hazard)[0] == revoked


def test_knocks_that_come_at_the_same_time_are_all_counted(desk, hazard):
    """Also the first two, which both find no tally."""
    link = make(desk, hazard)

    async def together():
        action = partial(knock, digest=TOKEN, address="x", now=NOW, counts="opened")
        return await asyncio.gather(*(desk.database.transact(action) for _ in range(8)))

    assert {each.id for each in asyncio.run(together())} == {link.id}
    assert links(desk, hazard)[0].opened == 8
    kept = desk.database.ask(lambda repository: repository.kept(Tally, "address x"))
    assert kept == Tally("address x", NOW, 8)


def test_tallies_go_after_their_window(desk):
    desk.do(lambda _: Change(None, (Tally("address x", NOW, PER_ADDRESS), Tally("address y", later(minutes=5), 1))))
    assert desk.do(forget_tallies, NOW + WINDOW, 10) == 0
    assert desk.do(forget_tallies, later(minutes=61), 10) == 1
    assert desk.database.ask(lambda repository: repository.kept(Tally, "address y"))


def test_a_photo_that_nobody_sent_is_found(desk, hazard, tmp_path):
    used(desk, hazard, make(desk, hazard))

    def found():
        store = PhotoFolder(tmp_path / "photos")
        return [each for each in verify(desk.database, store, lambda *_: None) if each.what.startswith("photos")]

    assert found() == []
    desk.do(lambda _: Change(None, (Receipt("b" * 64, "link:" + "0" * 32, NOW),)))
    assert [each.where for each in found()] == ["link:" + "0" * 32]


def test_what_links_have_sent_has_no_room_in_the_older_schema(desk, url, hazard):
    used(desk, hazard, make(desk, hazard))
    engine = writing_engine(url)
    move(engine, command.downgrade, "0010")
    with engine.connect() as connection:
        assert connection.scalars(text("select username from receipts")).all() == ["wang"]
    move(engine, command.upgrade, "head")
    engine.dispose()
