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
from storage.photos.names import original
from storage.photos.sample_images import draw
from storage.schema import TABLE_OF
from storage.statistics.metrics import Filters, counts
from storage.sync.change_log import FEED
from storage.upkeep.backup import Occupied, backup, restore
from storage.upkeep.verification import verify
from tests.builders.office import HERE, NOW, li, new_id, wang
from tests.builders.postgres import new_database
from tests.builders.reports import report


def quiet(*_):
    """Nobody looks at the progress."""


@pytest.fixture
def store(tmp_path):
    return PhotoFolder(tmp_path / "photos")


@pytest.fixture
def kept(desk, store):
    """Two hazards, one merged into the other although its row is the later one to be read; three photos."""
    photos = []
    for name in "abc":
        with store.receive() as incoming:
            incoming.write(draw(name, "EB-01", NOW))
            store.keep(incoming, original(incoming.sha256))
            photos.append(incoming.described(NOW))
    first, second = (desk.do(report_hazard, wang, report(), NOW, photos).dossier.hazard for _ in range(2))
    desk.do(take_step, li, second.id, Accept(id=new_id(), version=1), NOW)
    desk.do(take_step, li, first.id, Merge(id=new_id(), version=1, into=second.id), NOW)
    return photos


def everything(database):
    """Every record, whatever order the database gives them in."""
    kinds = [kind for kind, table in TABLE_OF.items() if table not in FEED]
    return database.ask(
        lambda repository: {kind: sorted(map(repr, repository.select(kind, TABLE_OF[kind].select()))) for kind in kinds}
    )


@contextmanager
def empty(kind, folder):
    if kind == "sqlite":
        yield f"sqlite:///{folder}/restored/anxun.db"
    else:
        with new_database() as url:
            yield url


@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
@pytest.mark.usefixtures("kept")
def test_what_is_restored_is_what_was_backed_up(desk, url, store, tmp_path, into):
    far = []
    assert list(backup(url, store, tmp_path / "copy", lambda *now: far.append(now))) == []
    assert far[-1] == (3, 3)
    restored = PhotoFolder(tmp_path / "restored" / "photos")
    with empty(into, tmp_path) as target:
        assert list(restore(tmp_path / "copy", target, restored, quiet)) == []
        again = open_database(target)
        assert everything(again) == everything(desk.database)
        assert list(verify(again, restored, quiet)) == []
        assert [each.merged_into for each in again.ask(lambda r: r.select(Hazard, TABLE_OF[Hazard].select()))].count(
            None
        ) == 1
        asyncio.run(again.close())
        with pytest.raises(Occupied, match="the database is there already"):
            list(restore(tmp_path / "copy", target, PhotoFolder(tmp_path / "third"), quiet))


def test_a_photo_that_is_lost_does_not_cost_the_others(url, kept, store, tmp_path):
    gone, changed, whole = (photo.sha256 for photo in kept)
    store.remove(original(gone))
    assert list(backup(url, store, tmp_path / "copy", quiet)) == [("photo is missing", gone)]
    broken = tmp_path / "copy" / "photos" / original(changed)
    broken.write_bytes(b"something else")
    restored = PhotoFolder(tmp_path / "restored" / "photos")
    target = f"sqlite:///{tmp_path}/restored/anxun.db"
    found = {finding.what for finding in restore(tmp_path / "copy", target, restored, quiet)}
    assert found == {"photo is missing in the backup", "photo is not what it was"}
    assert [each.name for each in restored.stored()] == [original(whole)]


@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
@pytest.mark.usefixtures("kept")
def test_what_was_restored_goes_on_counting(desk, url, store, tmp_path, into):
    for _ in range(8):  # more than anybody tries again
        desk.do(report_hazard, wang, report(), NOW)
    assert list(backup(url, store, tmp_path / "copy", quiet)) == []
    restored = PhotoFolder(tmp_path / "restored" / "photos")
    with empty(into, tmp_path) as target:
        assert list(restore(tmp_path / "copy", target, restored, quiet)) == []
        again = open_database(target)
        for _ in range(3):
            asyncio.run(again.transact(lambda repository: report_hazard(repository, wang, report(), NOW)))
        found = again.ask(lambda repository: counts(repository, "community", [HERE.code], Filters(), NOW))
        assert found[HERE.code].numbers()["received"] == 13
        assert list(verify(again, restored, quiet)) == []
        asyncio.run(again.close())
