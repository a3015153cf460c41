"""The sweep removes photo files without a row and never one that has a row, even during an upload."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from inspections.errors import NotFound
from inspections.photos.actions.intake import receive_photos
from storage.photos.folder_store import PhotoFolder
from storage.photos.names import original_name, orphan_name, preview_name
from storage.photos.sample_images import draw_sample_photo
from storage.photos.store import read_original
from storage.upkeep.orphans import sweep_orphans
from tests.builders.office import NOW, wang

PICTURE = draw_sample_photo("orphan", "EB-01", NOW)


@pytest.fixture
def store(tmp_path):
    return PhotoFolder(tmp_path / "photos")


def save_photo(store):
    with store.open_incoming_file() as incoming:
        incoming.write(PICTURE)
        store.save(incoming, original_name(incoming.sha256))
        return incoming.inspect_photo(NOW)


def sweep(desk, store, **later):
    return sweep_orphans(desk.database, store, datetime.now(UTC) + timedelta(**later))


def names(store):
    return [each.name for each in store.list_files()]


def set_age(store, *names_of, days):
    then = time.time() - days * 86_400
    for name in names_of:
        os.utime(store._folder / name, (then, then))


def test_files_without_a_row_are_removed_after_two_days(desk, store):
    photo = save_photo(store)
    store.save_preview(preview_name(photo.sha256, 320), b"picture")
    assert sweep(desk, store, hours=23) == 0
    assert sweep(desk, store, hours=25) == 2
    assert names(store) == [orphan_name(photo.sha256)]
    assert sweep(desk, store, hours=23) == 0  # the move restarted its time
    assert sweep(desk, store, hours=25) == 1
    assert names(store) == []


def test_a_photo_with_a_row_keeps_its_files(desk, store):
    photo = save_photo(store)
    store.save_preview(preview_name(photo.sha256, 320), b"picture")
    desk.do(receive_photos, wang, [photo], NOW)
    assert sweep(desk, store, days=1000) == 0
    assert len(names(store)) == 2


def test_a_photo_that_is_uploaded_again_during_the_sweep_is_not_lost(desk, store):
    """The upload is saved just before the sweep moves it, and committed just after."""
    photo = save_photo(store)
    set_age(store, original_name(photo.sha256), days=2)
    assert sweep(desk, store) == 1
    desk.do(receive_photos, wang, [photo], NOW)
    with pytest.raises(NotFound):
        store.read(original_name(photo.sha256))
    assert read_original(store, photo.sha256) == PICTURE
    assert sweep(desk, store, hours=25) == 1
    assert names(store) == [original_name(photo.sha256)]
    assert store.read(original_name(photo.sha256)) == PICTURE
