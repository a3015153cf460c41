"""Fix links and request counters are stored and counted the same way on every database."""

import asyncio
from functools import partial

import pytest
from alembic import command
from sqlalchemy import text

from inspections.accounts.throttling import PER_ADDRESS, WINDOW, AttemptCounter
from inspections.change import Change
from inspections.fix_links.actions.party_links import (
    count_link_request,
    delete_expired_counters,
    load_party_notice,
    make_link,
    revoke_link,
    submit_fix_by_link,
)
from inspections.fix_links.links import NewLink
from inspections.hazards.records import State
from inspections.photos.actions.intake import receive_photos
from inspections.photos.evidence import missing_digests
from inspections.photos.records import Stage, UploadReceipt
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Assign, SubmitFix
from storage.engine.connections import writing_engine
from storage.photos.folder_store import PhotoFolder
from storage.upkeep.verification import verify
from tests.builders.fix_links import SHOP, TOKEN
from tests.builders.migrations import move
from tests.builders.office import NOW, later, li, new_id, photo, photo_declaration, wang
from tests.builders.reports import report_new_hazard


@pytest.fixture
def hazard(desk):
    desk.do(receive_photos, wang, [photo("a")], NOW)
    hazard = report_new_hazard(desk, responsible_party=SHOP)
    for step in (Accept(id=new_id(), version=1), Assign(id=new_id(), version=2, lead="zhao")):
        hazard = desk.do(take_step, li, hazard.id, step, NOW).hazard
    return hazard


def create_link(desk, hazard, digest=TOKEN, now=NOW):
    return desk.do(make_link, li, hazard.id, NewLink(new_id()), digest, now).link


def use_link(desk, hazard, link):
    desk.do(receive_photos, link.sender, [photo("b")], NOW)
    step = SubmitFix(
        id=new_id(),
        version=hazard.version,
        method="清理",
        quantity_done=1,
        photos=(photo_declaration("b", Stage.AFTER),),
    )
    return desk.do(submit_fix_by_link, link.digest, step, NOW)


def links(desk, hazard):
    return desk.database.read_sync(lambda repository: repository.fix_links(hazard.id))


def test_a_link_is_stored_found_and_used(desk, hazard):
    first, second = create_link(desk, hazard), create_link(desk, hazard, "e" * 64, later(hours=1))
    assert links(desk, hazard) == [second, first]
    notice = desk.database.read_sync(lambda repository: load_party_notice(repository, TOKEN, NOW))
    assert (notice.link, [each.mention.sha256 for each in notice.before]) == (first, ["a" * 64])
    assert desk.database.read_sync(lambda repository: repository.fix_link_by_digest("0" * 64)) is None
    revoked = desk.do(revoke_link, li, hazard.id, second.id, NOW)
    done = use_link(desk, hazard, first)
    assert (done.hazard.state, missing_digests(done.photos)) == (State.PENDING_RECHECK, [])
    assert [each.used_at for each in links(desk, hazard)] == [None, NOW]
    assert links(desk, hazard)[0] == revoked


def test_concurrent_requests_are_all_counted(desk, hazard):
    """The first two are counted too, although both find no counter."""
    link = create_link(desk, hazard)

    async def run_together():
        action = partial(count_link_request, digest=TOKEN, address="x", now=NOW, counts="opened")
        return await asyncio.gather(*(desk.database.transact(action) for _ in range(8)))

    assert {each.id for each in asyncio.run(run_together())} == {link.id}
    assert links(desk, hazard)[0].opened == 8
    kept = desk.database.read_sync(lambda repository: repository.get(AttemptCounter, "address x"))
    assert kept == AttemptCounter("address x", NOW, 8)


def test_expired_counters_are_deleted(desk):
    desk.do(
        lambda _: Change(
            None, (AttemptCounter("address x", NOW, PER_ADDRESS), AttemptCounter("address y", later(minutes=5), 1))
        )
    )
    assert desk.do(delete_expired_counters, NOW + WINDOW, 10) == 0
    assert desk.do(delete_expired_counters, later(minutes=61), 10) == 1
    assert desk.database.read_sync(lambda repository: repository.get(AttemptCounter, "address y"))


def test_verify_reports_an_upload_by_an_unknown_link(desk, hazard, tmp_path):
    use_link(desk, hazard, create_link(desk, hazard))

    def photo_findings():
        store = PhotoFolder(tmp_path / "photos")
        return [each for each in verify(desk.database, store, lambda *_: None) if each.what.startswith("photos")]

    assert photo_findings() == []
    desk.do(lambda _: Change(None, (UploadReceipt("b" * 64, "link:" + "0" * 32, NOW),)))
    assert [each.where for each in photo_findings()] == ["link:" + "0" * 32]


def test_the_downgrade_drops_uploads_by_links(desk, url, hazard):
    use_link(desk, hazard, create_link(desk, hazard))
    engine = writing_engine(url)
    move(engine, command.downgrade, "0010")
    with engine.connect() as connection:
        assert connection.scalars(text("select username from receipts")).all() == ["wang"]
    move(engine, command.upgrade, "head")
    engine.dispose()
