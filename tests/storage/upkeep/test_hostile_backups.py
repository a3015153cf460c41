"""A restore takes nothing from a hostile folder but the database and the photos that it names by their digests."""

import os
import signal
import sqlite3
from contextlib import closing, contextmanager

import pytest

from inspections.photos.records import PHOTO_BYTES
from inspections.remediation.actions.reporting import report_hazard
from storage.migration import WrongSchema
from storage.photos.folder_store import PhotoFolder
from storage.photos.names import original_name
from storage.photos.sample_images import draw_sample_photo
from storage.upkeep.backup import DATABASE, UnreadableBackup, backup, restore
from tests.builders.office import NOW, wang
from tests.builders.reports import report
from tests.builders.waiting import PATIENCE


def ignore_progress(*_):
    """Ignores the progress."""


@contextmanager
def limit_wait():
    """Ends a read that waits for ever, as of a pipe."""

    def give_up(*_):
        raise TimeoutError("the restore waits")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE // 10)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def copy(desk, url, tmp_path):
    """Backs up an office with two photos; returns the folder."""
    store, photos = PhotoFolder(tmp_path / "photos"), []
    for name in "ab":
        with store.open_incoming_file() as incoming:
            incoming.write(draw_sample_photo(name, "EB-01", NOW))
            store.save(incoming, original_name(incoming.sha256))
            photos.append(incoming.inspect_photo(NOW))
    desk.do(report_hazard, wang, report(), NOW, photos)
    assert list(backup(url, store, tmp_path / "copy", ignore_progress)) == []
    return tmp_path / "copy"


def digests(copy):
    with closing(sqlite3.connect(copy / DATABASE)) as database:
        return [row[0] for row in database.execute("select sha256 from photos order by sha256")]


def change_database(copy, statement, *values):
    with closing(sqlite3.connect(copy / DATABASE)) as database:
        database.execute(statement, values)
        database.commit()


def restore_copy(copy, tmp_path):
    """Restores; returns what was found, and the names of the restored photos."""
    store, target = PhotoFolder(tmp_path / "restored" / "photos"), tmp_path / "restored" / "anxun.db"
    with limit_wait():
        found = [each.what for each in restore(copy, f"sqlite:///{target}", store, ignore_progress)]
    return found, [each.name for each in store.list_files()]


def replace_by_pipe(path):
    os.mkfifo(path)


def replace_by_device(path):
    path.symlink_to("/dev/zero")


def replace_by_folder(path):
    path.mkdir()


def replace_by_link(path):
    secret = path.parents[2] / "secret"
    secret.write_bytes(b"of another account")
    path.symlink_to(secret)


def replace_by_loop(path):
    path.symlink_to(path)


def replace_by_sparse_file(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


def replace_by_large_file(path):
    path.write_bytes(bytes(PHOTO_BYTES + 1))


SPOILED = {
    each.__name__.removeprefix("replace_by_"): each
    for each in (
        replace_by_pipe,
        replace_by_device,
        replace_by_folder,
        replace_by_link,
        replace_by_loop,
        replace_by_sparse_file,
        replace_by_large_file,
    )
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_photo_that_is_no_photo_is_reported_and_the_others_are_restored(copy, tmp_path, kind):
    spoiled, whole = digests(copy)
    path = copy / "photos" / original_name(spoiled)
    path.unlink()
    SPOILED[kind](path)
    found, restored = restore_copy(copy, tmp_path)
    assert found in (["photo is not what it was"], ["photo is missing in the backup"])
    assert restored == [original_name(whole)]


@pytest.mark.parametrize("name", ["../../../secret", "/etc/passwd", "..", "", "a" * 64, "photos/x.jpg"])
def test_a_name_that_leads_out_of_the_backup_restores_nothing(copy, tmp_path, name):
    (tmp_path / "secret").write_bytes(b"of another account")
    spoiled, whole = digests(copy)
    change_database(copy, "update photos set sha256 = ? where sha256 = ?", name, spoiled)
    found, restored = restore_copy(copy, tmp_path)
    assert len(found) == 1
    assert restored == [original_name(whole)]
    taken = [each for each in (tmp_path / "restored").rglob("*") if each.is_file()]
    assert sorted(each.name for each in taken) == sorted(["anxun.db", whole])


def test_hard_links_are_restored_as_files_of_their_own_and_no_mode_is_taken_over(copy, tmp_path):
    for name in digests(copy):
        path = copy / "photos" / original_name(name)
        os.link(path, copy / name)
        path.chmod(0o6777)
    (copy / DATABASE).chmod(0o6777)
    (copy / "extra").write_bytes(b"not part of a backup")
    assert restore_copy(copy, tmp_path)[0] == []
    files = [each for each in (tmp_path / "restored").rglob("*") if each.is_file()]
    assert len(files) == 3
    assert {(each.stat().st_nlink, each.stat().st_mode & 0o7111) for each in files} == {(1, 0)}


def spoil_database(copy, kind):
    path = copy / DATABASE
    path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "text":
            path.write_text("no database" * 1000)
        case "another program":
            with closing(sqlite3.connect(path)) as database:
                database.execute("create table photos (sha256 text, state text)")


@pytest.mark.parametrize("kind", ["pipe", "device", "text", "another program"])
def test_a_folder_without_our_database_is_refused_before_anything_is_written(copy, tmp_path, kind):
    spoil_database(copy, kind)
    with pytest.raises((FileNotFoundError, UnreadableBackup), match="is no backup of anxun"):
        restore_copy(copy, tmp_path)
    assert not (tmp_path / "restored" / "anxun.db").exists()


def test_a_backup_of_a_newer_program_is_refused_before_its_photos_are_restored(copy, tmp_path):
    change_database(copy, "update alembic_version set version_num = '9999'")
    with pytest.raises(WrongSchema):
        restore_copy(copy, tmp_path)
    assert not list(PhotoFolder(tmp_path / "restored" / "photos").list_files())
    assert not (tmp_path / "restored" / "anxun.db").exists()


@pytest.mark.usefixtures("copy")
def test_a_backup_follows_no_link_that_stands_in_its_way(url, tmp_path):
    """`<target>.part` is where a backup is built; a link of that name must not lead it elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "second.part").symlink_to(elsewhere)
    with pytest.raises(FileExistsError):
        list(backup(url, PhotoFolder(tmp_path / "photos"), tmp_path / "second", ignore_progress))
    assert not list(elsewhere.iterdir())
