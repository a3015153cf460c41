import errno
import os
from pathlib import Path

import pytest

from inspections.errors import Damaged, Unavailable, Unsupported
from storage import photo_store
from storage.photo_store import DiskFull, PhotoStore
from tests.storage.test_pictures import NOW, picture


@pytest.fixture
def store(tmp_path):
    return PhotoStore(tmp_path / "photos")


def keep(store, data):
    with store.receive() as incoming:
        for at in range(0, len(data), 1000):
            incoming.write(data[at : at + 1000])
        described = incoming.described(NOW)
        store.keep(incoming)
        return described


def left_over(store):
    return list((store._folder / "incoming").iterdir())


def test_kept_bytes_lie_under_their_digest_byte_for_byte(store):
    data = picture()
    kept = keep(store, data)
    assert (kept.size, kept.format) == (len(data), "jpeg")
    assert store.original(kept.sha256).read_bytes() == data
    assert left_over(store) == []


def test_the_same_bytes_twice_are_one_file(store):
    assert keep(store, picture()) == keep(store, picture())


@pytest.mark.parametrize(("data", "refusal"), [(b"text", Unsupported), (picture()[:900], Damaged), (b"", Damaged)])
def test_what_is_refused_leaves_nothing_behind(store, data, refusal):
    with pytest.raises(refusal):
        keep(store, data)
    assert left_over(store) == []
    assert [each for each in store._folder.rglob("*") if each.is_file()] == []


def test_a_phone_that_hangs_up_leaves_nothing_behind(store):
    def hang_up():
        with store.receive() as incoming:
            incoming.write(b"half a photo")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        hang_up()
    assert left_over(store) == []


def test_what_a_crash_left_is_swept_a_day_later_and_what_still_comes_in_is_not(store):
    crashed = store._folder / "incoming" / "crashed"
    crashed.write_bytes(b"half a photo")
    assert left_over(PhotoStore(store._folder)) == [crashed]
    os.utime(crashed, (0, 0))
    assert len(left_over(store)) == 1
    assert left_over(PhotoStore(store._folder)) == []


def test_file_and_folders_reach_the_disk_before_the_answer(store, monkeypatch):
    flushed = []
    real = os.fsync

    def fsync(descriptor):
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    kept = keep(store, picture())
    assert flushed[0].startswith(str(store._folder / "incoming"))
    assert flushed[1:] == [str(store.original(kept.sha256).parent)]
    PhotoStore(store._folder / "new")
    assert flushed[2:] == [str(store._folder / "new"), str(store._folder)]


@pytest.mark.parametrize(("code", "refusal"), [(errno.ENOSPC, DiskFull), (errno.EIO, Unavailable)])
def test_what_the_disk_refuses_is_said_and_leaves_nothing_behind(store, monkeypatch, code, refusal):
    def refuse(_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", refuse)
        with pytest.raises(refusal) as refused:
            keep(store, picture())
    assert type(refused.value) is refusal
    assert [each for each in store._folder.rglob("*") if each.is_file()] == []
    assert keep(store, picture()).format == "jpeg"


def test_below_the_floor_of_free_space_no_photo_is_begun(store, monkeypatch):
    monkeypatch.setattr(photo_store, "FREE_FLOOR_BYTES", 1 << 60)
    with pytest.raises(DiskFull):
        store.receive()
    assert left_over(store) == []
