"""Proves how the real process behaves on stores that are remote, unreachable, damaged or read-only."""

import hashlib
import os
import shutil
import subprocess

import pytest

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, body
from tests.builders.commands import anxun
from tests.builders.postgres import administer, cut_connections, new_database
from tests.builders.process import ANXUN, Process
from tests.builders.s3 import s3_server
from tests.builders.waiting import poll_until

PICTURE = draw_sample_photo("far away", "EB-01", MONDAY)
DIGEST = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture(params=["moto", "radosgw"])
def bucket(request):
    with s3_server(request.param) as server:
        yield server


def process_on(bucket, folder):
    return Process(folder, ANXUN_PHOTOS=f"s3://{bucket.bucket}/office", **bucket.environment)


def test_photos_in_a_bucket_are_stored_served_backed_up_and_restored(bucket, tmp_path):
    server = process_on(bucket, tmp_path / "data").start()
    phone = server.client()
    assert phone.put(f"/photos/{DIGEST}", content=PICTURE).status_code == 201
    assert phone.post("/hazards", json=body(photos=[{"sha256": DIGEST, "stage": "before"}])).status_code == 201
    poll_until(lambda: phone.head(f"/photos/{DIGEST}").headers["anxun-photo-state"] == "developed")
    assert phone.get(f"/photos/{DIGEST}").content == PICTURE
    assert phone.get(f"/photos/{DIGEST}", headers={"Range": "bytes=100-199"}).content == PICTURE[100:200]
    assert phone.get(f"/photos/{DIGEST}", params={"size": 1280}).headers["content-type"] == "image/jpeg"
    assert phone.get(f"/photos/{'0' * 64}").status_code == 404
    phone.close()
    assert "everything is whole" in anxun(server, "verify")
    anxun(server, "backup", str(tmp_path / "copy"))
    assert server.stop() == 0
    near = Process(tmp_path / "near" / "data")
    near.folder.parent.mkdir()
    anxun(near, "restore", str(tmp_path / "copy"))
    assert "everything is whole" in anxun(near, "verify")
    far = Process(tmp_path / "far" / "data", ANXUN_PHOTOS=f"s3://{bucket.bucket}/second", **bucket.environment)
    anxun(far, "restore", str(tmp_path / "copy"))
    assert "everything is whole" in anxun(far, "verify")


def test_a_lost_bucket_gives_photos_503_leaves_reports_working_and_recovers(tmp_path):
    with s3_server("moto") as bucket:
        server = process_on(bucket, tmp_path / "data").start()
        phone = server.client()
        bucket.remove_bucket()
        refused = phone.put(f"/photos/{DIGEST}", content=PICTURE)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert phone.post("/hazards", json=body(photos=[{"sha256": DIGEST, "stage": "before"}])).status_code == 201
        bucket.make_bucket()
        assert phone.put(f"/photos/{DIGEST}", content=PICTURE).status_code == 201
        phone.close()
        assert list((tmp_path / "data" / "incoming").iterdir()) == []
        assert server.stop() == 0


def start_error(process, *before):
    """Start a server that must refuse; return its message. `before`: the words before the command."""
    done = subprocess.run(
        [*before, ANXUN, "serve"], env=process.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_a_bucket_without_keys_or_server_is_refused_at_the_start(tmp_path):
    nameless = Process(tmp_path / "data", ANXUN_PHOTOS="s3://office", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert "need AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in start_error(nameless)
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": "https://127.0.0.1:1"}
    nowhere = Process(tmp_path / "data", ANXUN_PHOTOS="s3://office", **keys)
    assert "s3://office: " in start_error(nowhere)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    process = Process(tmp_path / "data")
    process.folder.mkdir()
    (process.folder / "anxun.db").write_bytes(PICTURE)
    assert "file is not a database" in start_error(process)
    assert (process.folder / "anxun.db").read_bytes() == PICTURE


def test_verify_detects_a_database_with_broken_pages(tmp_path):
    process = Process(tmp_path / "data").start()
    process.stop()
    file = process.folder / "anxun.db"
    pages = bytearray(file.read_bytes())
    for at in range(4096 * 3, len(pages), 4096):
        pages[at : at + 64] = bytes(64)
    file.write_bytes(pages)
    done = subprocess.run([ANXUN, "verify"], env=process.environment, capture_output=True, text=True, check=False)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert "database is damaged" in done.stdout or "malformed" in done.stderr


def test_a_folder_that_cannot_be_written_is_refused_at_the_start(tmp_path):
    process = Process(tmp_path / "data").start()
    process.stop()
    without_rights = []
    if os.getuid() == 0:  # root may write anywhere, unless that right is given up
        if not (setpriv := shutil.which("setpriv")):
            pytest.skip("root without setpriv")
        without_rights = [setpriv, "--bounding-set=-dac_override"]
    (process.folder / "anxun.lock").unlink()
    process.folder.chmod(0o555)
    assert "Permission denied" in start_error(process, *without_rights)
    process.folder.chmod(0o755)
    assert process.start().stop() == 0
    for file in process.folder.glob("anxun.db*"):
        file.chmod(0o444)
    assert "readonly database" in start_error(process, *without_rights)


def test_a_lost_database_gives_503_and_recovers(tmp_path):
    """The database refuses new connections, and the open ones are cut."""
    with new_database() as url:
        process = Process(tmp_path / "data", ANXUN_DATABASE=url).start()
        name = url.rpartition("/")[2]
        phone = process.client()
        administer(f"alter database {name} allow_connections false")
        cut_connections(name)
        for answer in (phone.post("/hazards", json=body()), phone.get("/hazards")):
            assert (answer.status_code, answer.json()["code"]) == (503, "store.unavailable")
            assert answer.headers["retry-after"] == "2"
        administer(f"alter database {name} allow_connections true")
        sent = body()
        poll_until(lambda: phone.post("/hazards", json=sent).status_code in {200, 201})
        phone.close()
        assert process.stop() == 0
