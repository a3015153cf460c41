"""Bytes without a row go away, and nothing that has one ever does, whatever happens in between."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from inspections.errors import Missing
from inspections.photos.actions.intake import receive_photos
from storage.photos.folder_store import PhotoFolder
from storage.photos.names import original, orphan, shown
from storage.photos.sample_images import draw
from storage.photos.store import read_original
from storage.upkeep.orphans import sweep_orphans
from tests.builders.office import NOW, wang

PICTURE = draw("orphan", "EB-01", NOW)


@pytest.fixture
def store(tmp_path):
    return PhotoFolder(tmp_path / "photos")


def kept(store):
    with store.receive() as incoming:
        incoming.write(PICTURE)
        store.keep(incoming, original(incoming.sha256))
        return incoming.described(NOW)


def sweep(desk, store, **later):
    return sweep_orphans(desk.database, store, datetime.now(UTC) + timedelta(**later))


def names(store):
    return [each.name for each in store.stored()]


def age(store, *names_of, days):
    then = time.time() - days * 86_400
    for name in names_of:
        os.utime(store._folder / name, (then, then))


def test_bytes_without_a_row_are_gone_after_two_days(desk, store):
    photo = kept(store)
    store.put(shown(photo.sha256, 320), b"picture")
    assert sweep(desk, store, hours=23) == 0
    assert sweep(desk, store, hours=25) == 2
    assert names(store) == [orphan(photo.sha256)]
    assert sweep(desk, store, hours=23) == 0  # its time began anew
    assert sweep(desk, store, hours=25) == 1
    assert names(store) == []


def test_a_photo_with_a_row_stays_with_its_pictures(desk, store):
    photo = kept(store)
    store.put(shown(photo.sha256, 320), b"picture")
    desk.do(receive_photos, wang, [photo], NOW)
    assert sweep(desk, store, days=1000) == 0
    assert len(names(store)) == 2


def test_bytes_that_are_sent_again_while_they_are_swept_are_not_lost(desk, store):
    """The upload is kept just before the sweep moves it, and committed just after."""
    photo = kept(store)
    age(store, original(photo.sha256), days=2)
    assert sweep(desk, store) == 1
    desk.do(receive_photos, wang, [photo], NOW)
    with pytest.raises(Missing):
        store.read(original(photo.sha256))
    assert read_original(store, photo.sha256) == PICTURE
    assert sweep(desk, store, hours=25) == 1
    assert names(store) == [original(photo.sha256)]
    assert store.read(original(photo.sha256)) == PICTURE
