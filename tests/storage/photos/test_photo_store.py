"""A folder and S3 buckets keep one contract, and each handles the failures of its own kind."""

import errno
import os
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inspections.errors import DamagedPhoto, NotFound, Unavailable, UnsupportedFormat
from storage.photos import incoming
from storage.photos.bucket_store import BucketError, PhotoBucket
from storage.photos.folder_store import PhotoFolder
from storage.photos.incoming import DiskFull
from storage.photos.names import original_name, orphan_name, preview_name
from storage.photos.store import open_photo_store
from tests.builders.pictures import NOW, picture
from tests.builders.postgres import free_port
from tests.builders.s3 import s3_server

KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


@pytest.fixture(scope="module")
def servers():
    """Starts S3 servers by their kind, each once, when a test asks for it."""
    started = {}
    with ExitStack() as stack:

        def server(kind):
            if kind not in started:
                started[kind] = stack.enter_context(s3_server(kind))
            return started[kind].with_new_bucket()

        yield server


@pytest.fixture
def configure_client(monkeypatch):
    """Sets the address and the keys of a server for every S3 client."""

    def allow(server, **more):
        for name, value in (server.environment | more).items():
            monkeypatch.setenv(name, value)

    return allow


@pytest.fixture(params=["folder", "moto", "radosgw"])
def store(request, tmp_path, servers, configure_client):
    if request.param == "folder":
        return open_photo_store(str(tmp_path / "photos"), tmp_path)
    server = servers(request.param)
    configure_client(server)
    return open_photo_store(f"s3://{server.bucket}/office", tmp_path / "incoming")


@pytest.fixture
def folder(tmp_path):
    return PhotoFolder(tmp_path / "photos")


def keep(store, data):
    with store.open_incoming_file() as incoming:
        for at in range(0, len(data), 1000):
            incoming.write(data[at : at + 1000])
        described = incoming.inspect_photo(NOW)
        store.save(incoming, original_name(incoming.sha256))
        return described


def incoming_files(store):
    return list(store._incoming_folder._folder.iterdir())


def names(store):
    return sorted(each.name for each in store.list_files())


def test_a_photo_is_stored_under_its_digest_byte_for_byte(store):
    data = picture()
    kept = keep(store, data)
    assert (kept.size, kept.format) == (len(data), "jpeg")
    assert store.read(original_name(kept.sha256)) == data
    assert store.read(original_name(kept.sha256), 100, 50) == data[100:150]
    assert store.read(original_name(kept.sha256), 100) == data[100:]
    assert incoming_files(store) == []


def test_a_photo_saved_twice_makes_one_file(store):
    assert keep(store, picture()) == keep(store, picture())
    assert len(names(store)) == 1


def test_reading_a_missing_file_raises_not_found(store):
    for name in (original_name("0" * 64), preview_name("0" * 64, 320)):
        with pytest.raises(NotFound):
            store.read(name)
        with pytest.raises(NotFound):
            store.read(name, 0, 10)
        store.remove(name)
        store.move(name, orphan_name("0" * 64))
    assert names(store) == []


def test_stored_files_are_listed_moved_and_removed(store):
    digest = keep(store, picture()).sha256
    store.save_preview(preview_name(digest, 320), b"first")
    store.save_preview(preview_name(digest, 320), b"small")
    assert store.read(preview_name(digest, 320)) == b"small"
    assert names(store) == [original_name(digest), preview_name(digest, 320)]
    assert all(abs((datetime.now(UTC) - each.at).total_seconds()) < 60 for each in store.list_files())
    assert {each.sha256 for each in store.list_files()} == {digest}
    store.move(original_name(digest), orphan_name(digest))
    store.remove(preview_name(digest, 320))
    assert names(store) == [orphan_name(digest)]
    assert store.read(orphan_name(digest)) == picture()
    assert {each.sha256 for each in store.list_files()} == {digest}


@pytest.mark.parametrize(
    ("data", "refusal"), [(b"text", UnsupportedFormat), (picture()[:900], DamagedPhoto), (b"", DamagedPhoto)]
)
def test_a_refused_photo_leaves_no_file(store, data, refusal):
    with pytest.raises(refusal):
        keep(store, data)
    assert incoming_files(store) == names(store) == []


def test_an_interrupted_upload_leaves_no_file(store):
    def hang_up():
        with store.open_incoming_file() as incoming:
            incoming.write(b"half a photo")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        hang_up()
    assert incoming_files(store) == names(store) == []


def test_a_file_left_by_a_crash_is_removed_a_day_later(folder):
    crashed = folder._folder / "incoming" / "crashed"
    crashed.write_bytes(b"half a photo")
    assert incoming_files(PhotoFolder(folder._folder)) == [crashed]
    os.utime(crashed, (0, 0))
    assert len(incoming_files(folder)) == 1
    assert incoming_files(PhotoFolder(folder._folder)) == []


def test_file_and_folders_are_flushed_before_the_answer(folder, monkeypatch):
    flushed = []
    real = os.fsync

    def fsync(descriptor):
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    kept = keep(folder, picture())
    assert flushed[0].startswith(str(folder._folder / "incoming"))
    assert flushed[1:] == [str((folder._folder / original_name(kept.sha256)).parent)]
    PhotoFolder(folder._folder / "new")
    assert flushed[2:] == [str(folder._folder / "new"), str(folder._folder)]


@pytest.mark.parametrize(("code", "refusal"), [(errno.ENOSPC, DiskFull), (errno.EIO, Unavailable)])
def test_a_disk_error_is_reported_and_leaves_no_file(folder, monkeypatch, code, refusal):
    def refuse(_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", refuse)
        with pytest.raises(refusal) as refused:
            keep(folder, picture())
    assert type(refused.value) is refusal
    assert incoming_files(folder) == names(folder) == []
    assert keep(folder, picture()).format == "jpeg"


def test_an_upload_needs_the_minimum_of_free_space(store, monkeypatch):
    monkeypatch.setattr(incoming, "FREE_FLOOR_BYTES", 1 << 60)
    with pytest.raises(DiskFull):
        store.open_incoming_file()
    assert incoming_files(store) == []


def test_a_full_bucket_refuses_new_photos_and_still_serves_stored_ones(servers, configure_client, tmp_path):
    server = servers("radosgw")
    configure_client(server)
    store = PhotoBucket(f"s3://{server.bucket}", tmp_path)
    kept = keep(store, picture())
    with server.full(), pytest.raises(DiskFull):
        keep(store, picture())
    assert store.read(original_name(kept.sha256)) == picture()
    assert keep(store, picture()) == kept


def test_a_removed_bucket_raises_unavailable_instead_of_not_found(servers, configure_client, tmp_path):
    server = servers("moto")
    configure_client(server)
    store = PhotoBucket(f"s3://{server.bucket}", tmp_path)
    server.remove_bucket()
    for ask in (lambda: keep(store, picture()), lambda: store.read("x"), lambda: list(store.list_files())):
        with pytest.raises(Unavailable):
            ask()


def test_a_missing_or_foreign_bucket_is_refused_at_the_start(servers, configure_client, tmp_path):
    server = servers("radosgw")
    configure_client(server)
    with pytest.raises(BucketError, match="NoSuchBucket"):
        PhotoBucket("s3://not-there", tmp_path)
    configure_client(server, AWS_SECRET_ACCESS_KEY="wrong")
    with pytest.raises(BucketError, match="403"):
        PhotoBucket(f"s3://{server.bucket}", tmp_path)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "need AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        (KEYS | {"AWS_ENDPOINT_URL": "store:9000"}, "is no address"),
        (KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:{port}"}, "HTTP error"),
    ],
)
def test_missing_or_wrong_access_settings_are_refused_at_the_start(tmp_path, monkeypatch, environment, words):
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(port=free_port()))
    with pytest.raises(BucketError, match=words):
        PhotoBucket("s3://office", tmp_path)
