"""A backup of any database is restored into any other, row by row and photo by photo."""

import asyncio
from contextlib import contextmanager

import pytest

from inspections.hazards.records import Hazard
from inspections.remediation.actions.reporting import report_hazard
from inspections.remediation.actions.steps import take_step
from inspections.remediation.steps import Accept, Merge
from storage.database import open_database
from storage.photos.folder_store import PhotoFolder
from storage.photos.names import original_name
from storage.photos.sample_images import draw_sample_photo
from storage.schema import TABLE_OF
from storage.statistics.metrics import Filters, count_hazards
from storage.sync.change_log import FEED_TABLES
from storage.upkeep.backup import NonEmptyTarget, backup, restore
from storage.upkeep.verification import verify
from tests.builders.office import HERE, NOW, li, new_id, wang
from tests.builders.postgres import new_database
from tests.builders.reports import report


def ignore_progress(*_):
    """Ignores the progress."""


@pytest.fixture
def store(tmp_path):
    return PhotoFolder(tmp_path / "photos")


@pytest.fixture
def stored_photos(desk, store):
    """Stores three photos and two hazards, the first merged into the second, which is read later."""
    photos = []
    for name in "abc":
        with store.open_incoming_file() as incoming:
            incoming.write(draw_sample_photo(name, "EB-01", NOW))
            store.save(incoming, original_name(incoming.sha256))
            photos.append(incoming.inspect_photo(NOW))
    first, second = (desk.do(report_hazard, wang, report(), NOW, photos).reported.hazard for _ in range(2))
    desk.do(take_step, li, second.id, Accept(id=new_id(), version=1), NOW)
    desk.do(take_step, li, first.id, Merge(id=new_id(), version=1, into=second.id), NOW)
    return photos


def all_records(database):
    """Returns every record, in an order that does not depend on the database."""
    kinds = [kind for kind, table in TABLE_OF.items() if table not in FEED_TABLES]
    return database.read_sync(
        lambda repository: {kind: sorted(map(repr, repository.select(kind, TABLE_OF[kind].select()))) for kind in kinds}
    )


@contextmanager
def new_target(kind, folder):
    if kind == "sqlite":
        yield f"sqlite:///{folder}/restored/anxun.db"
    else:
        with new_database() as url:
            yield url


@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
@pytest.mark.usefixtures("stored_photos")
def test_a_restored_database_equals_the_original(desk, url, store, tmp_path, into):
    far = []
    assert list(backup(url, store, tmp_path / "copy", lambda *now: far.append(now))) == []
    assert far[-1] == (3, 3)
    restored = PhotoFolder(tmp_path / "restored" / "photos")
    with new_target(into, tmp_path) as target:
        assert list(restore(tmp_path / "copy", target, restored, ignore_progress)) == []
        again = open_database(target)
        assert all_records(again) == all_records(desk.database)
        assert list(verify(again, restored, ignore_progress)) == []
        assert [
            each.merged_into for each in again.read_sync(lambda r: r.select(Hazard, TABLE_OF[Hazard].select()))
        ].count(None) == 1
        asyncio.run(again.close())
        with pytest.raises(NonEmptyTarget, match="the database is there already"):
            list(restore(tmp_path / "copy", target, PhotoFolder(tmp_path / "third"), ignore_progress))


def test_a_lost_photo_does_not_stop_the_backup_of_the_others(url, stored_photos, store, tmp_path):
    gone, changed, whole = (photo.sha256 for photo in stored_photos)
    store.remove(original_name(gone))
    assert list(backup(url, store, tmp_path / "copy", ignore_progress)) == [("photo is missing", gone)]
    broken = tmp_path / "copy" / "photos" / original_name(changed)
    broken.write_bytes(b"something else")
    restored = PhotoFolder(tmp_path / "restored" / "photos")
    target = f"sqlite:///{tmp_path}/restored/anxun.db"
    found = {finding.what for finding in restore(tmp_path / "copy", target, restored, ignore_progress)}
    assert found == {"photo is missing in the backup", "photo is not what it was"}
    assert [each.name for each in restored.list_files()] == [original_name(whole)]


@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
@pytest.mark.usefixtures("stored_photos")
def test_a_restored_database_continues_its_counts(desk, url, store, tmp_path, into):
    for _ in range(8):  # more than an action is retried
        desk.do(report_hazard, wang, report(), NOW)
    assert list(backup(url, store, tmp_path / "copy", ignore_progress)) == []
    restored = PhotoFolder(tmp_path / "restored" / "photos")
    with new_target(into, tmp_path) as target:
        assert list(restore(tmp_path / "copy", target, restored, ignore_progress)) == []
        again = open_database(target)
        for _ in range(3):
            asyncio.run(again.transact(lambda repository: report_hazard(repository, wang, report(), NOW)))
        found = again.read_sync(lambda repository: count_hazards(repository, "community", [HERE.code], Filters(), NOW))
        assert found[HERE.code].numbers()["received"] == 13
        assert list(verify(again, restored, ignore_progress)) == []
        asyncio.run(again.close())
