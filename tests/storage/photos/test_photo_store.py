"""One contract over a folder and S3 stores; and what each of them alone has to get right."""

import errno
import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inspections.errors import Damaged, Missing, Unavailable, Unsupported
from storage.photos import incoming
from storage.photos.bucket_store import NoBucket, PhotoBucket
from storage.photos.folder_store import PhotoFolder
from storage.photos.incoming import DiskFull
from storage.photos.names import original, orphan, shown
from storage.photos.store import open_photos
from tests.builders.pictures import NOW, picture
from tests.builders.postgres import free_port
from tests.builders.s3 import s3_server

KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


@pytest.fixture(scope="module")
def servers():
    """S3 servers by their kind, started once where a test asks for them."""
    started = {}
    with ExitStack() as stack:

        def server(kind):
            if kind not in started:
                started[kind] = stack.enter_context(s3_server(kind))
            return started[kind].with_new_bucket()

        yield server


@pytest.fixture
def allowed(monkeypatch):
    """What says to any S3 client where the server is and who asks."""

    def allow(server, **more):
        for name, value in (server.environment | more).items():
            monkeypatch.setenv(name, value)

    return allow


@pytest.fixture(params=["folder", "moto", "radosgw"])
def store(request, tmp_path, servers, allowed):
    if request.param == "folder":
        return open_photos(str(tmp_path / "photos"), tmp_path)
    server = servers(request.param)
    allowed(server)
    return open_photos(f"s3://{server.bucket}/office", tmp_path / "incoming")


@pytest.fixture
def folder(tmp_path):
    return PhotoFolder(tmp_path / "photos")


def keep(store, data):
    with store.receive() as incoming:
        for at in range(0, len(data), 1000):
            incoming.write(data[at : at + 1000])
        described = incoming.described(NOW)
        store.keep(incoming, original(incoming.sha256))
        return described


def left_over(store):
    return list(store._aside._folder.iterdir())


def names(store):
    return sorted(each.name for each in store.stored())


def test_kept_bytes_lie_under_their_digest_byte_for_byte(store):
    data = picture()
    kept = keep(store, data)
    assert (kept.size, kept.format) == (len(data), "jpeg")
    assert store.read(original(kept.sha256)) == data
    assert store.read(original(kept.sha256), 100, 50) == data[100:150]
    assert store.read(original(kept.sha256), 100) == data[100:]
    assert left_over(store) == []


def test_the_same_bytes_twice_are_one_file(store):
    assert keep(store, picture()) == keep(store, picture())
    assert len(names(store)) == 1


def test_what_is_not_there_is_missing(store):
    for name in (original("0" * 64), shown("0" * 64, 320)):
        with pytest.raises(Missing):
            store.read(name)
        with pytest.raises(Missing):
            store.read(name, 0, 10)
        store.remove(name)
        store.move(name, orphan("0" * 64))
    assert names(store) == []


def test_everything_that_is_kept_is_listed_with_its_time_and_can_be_moved_and_removed(store):
    digest = keep(store, picture()).sha256
    store.put(shown(digest, 320), b"first")
    store.put(shown(digest, 320), b"small")
    assert store.read(shown(digest, 320)) == b"small"
    assert names(store) == [original(digest), shown(digest, 320)]
    assert all(abs((datetime.now(UTC) - each.at).total_seconds()) < 60 for each in store.stored())
    assert {each.sha256 for each in store.stored()} == {digest}
    store.move(original(digest), orphan(digest))
    store.remove(shown(digest, 320))
    assert names(store) == [orphan(digest)]
    assert store.read(orphan(digest)) == picture()
    assert {each.sha256 for each in store.stored()} == {digest}


@pytest.mark.parametrize(("data", "refusal"), [(b"text", Unsupported), (picture()[:900], Damaged), (b"", Damaged)])
def test_what_is_refused_leaves_nothing_behind(store, data, refusal):
    with pytest.raises(refusal):
        keep(store, data)
    assert left_over(store) == names(store) == []


def test_a_phone_that_hangs_up_leaves_nothing_behind(store):
    def hang_up():
        with store.receive() as incoming:
            incoming.write(b"half a photo")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        hang_up()
    assert left_over(store) == names(store) == []


def test_what_a_crash_left_is_swept_a_day_later_and_what_still_comes_in_is_not(folder):
    crashed = folder._folder / "incoming" / "crashed"
    crashed.write_bytes(b"half a photo")
    assert left_over(PhotoFolder(folder._folder)) == [crashed]
    os.utime(crashed, (0, 0))
    assert len(left_over(folder)) == 1
    assert left_over(PhotoFolder(folder._folder)) == []


def test_file_and_folders_reach_the_disk_before_the_answer(folder, monkeypatch):
    flushed = []
    real = os.fsync

    def fsync(descriptor):
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    kept = keep(folder, picture())
    assert flushed[0].startswith(str(folder._folder / "incoming"))
    assert flushed[1:] == [str((folder._folder / original(kept.sha256)).parent)]
    PhotoFolder(folder._folder / "new")
    assert flushed[2:] == [str(folder._folder / "new"), str(folder._folder)]


@pytest.mark.parametrize(("code", "refusal"), [(errno.ENOSPC, DiskFull), (errno.EIO, Unavailable)])
def test_what_the_disk_refuses_is_said_and_leaves_nothing_behind(folder, monkeypatch, code, refusal):
    def refuse(_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", refuse)
        with pytest.raises(refusal) as refused:
            keep(folder, picture())
    assert type(refused.value) is refusal
    assert left_over(folder) == names(folder) == []
    assert keep(folder, picture()).format == "jpeg"


def test_below_the_floor_of_free_space_no_photo_is_begun(store, monkeypatch):
    monkeypatch.setattr(incoming, "FREE_FLOOR_BYTES", 1 << 60)
    with pytest.raises(DiskFull):
        store.receive()
    assert left_over(store) == []


def test_a_full_bucket_refuses_photos_and_still_shows_them(servers, allowed, tmp_path):
    server = servers("radosgw")
    allowed(server)
    store = PhotoBucket(f"s3://{server.bucket}", tmp_path)
    kept = keep(store, picture())
    with server.full(), pytest.raises(DiskFull):
        keep(store, picture())
    assert store.read(original(kept.sha256)) == picture()
    assert keep(store, picture()) == kept


def test_a_bucket_that_goes_away_is_unavailable_and_never_a_missing_photo(servers, allowed, tmp_path):
    server = servers("moto")
    allowed(server)
    store = PhotoBucket(f"s3://{server.bucket}", tmp_path)
    server.remove_bucket()
    for ask in (lambda: keep(store, picture()), lambda: store.read("x"), lambda: list(store.stored())):
        with pytest.raises(Unavailable):
            ask()


def test_a_bucket_that_is_not_there_or_not_ours_is_refused_at_the_start(servers, allowed, tmp_path):
    server = servers("radosgw")
    allowed(server)
    with pytest.raises(NoBucket, match="NoSuchBucket"):
        PhotoBucket("s3://not-there", tmp_path)
    allowed(server, AWS_SECRET_ACCESS_KEY="wrong")
    with pytest.raises(NoBucket, match="403"):
        PhotoBucket(f"s3://{server.bucket}", tmp_path)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "need AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        (KEYS | {"AWS_ENDPOINT_URL": "store:9000"}, "is no address"),
        (KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:{port}"}, "HTTP error"),
    ],
)
def test_access_that_is_not_said_or_leads_nowhere_is_refused_at_the_start(tmp_path, monkeypatch, environment, words):
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(port=free_port()))
    with pytest.raises(NoBucket, match=words):
        PhotoBucket("s3://office", tmp_path)
