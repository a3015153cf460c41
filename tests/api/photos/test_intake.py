"""Proves that photos of phones and of attackers are accepted or refused, and that nothing is left behind."""

import csv
import hashlib
import io
import resource
import signal
import sqlite3
import struct
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from PIL import Image

from storage.photos.formats import ACCEPTED_FORMATS
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, body, on_both, problem
from tests.builders.pictures import png_of
from tests.builders.process import Process
from tests.builders.small_pictures import largest_picture, small_webp
from tests.builders.waiting import poll_until


def put(api, data, who="inspector"):
    digest = hashlib.sha256(data).hexdigest()
    return digest, api.call(who, "PUT", f"/photos/{digest}", content=data)


def wait_for_processing(api, digest, who="inspector"):
    """Return the photo's state once it has been processed, or has proved damaged."""

    def state():
        return api.call(who, "HEAD", f"/photos/{digest}").headers["anxun-photo-state"]

    poll_until(lambda: state() != "received", lambda: "neither developed nor damaged")
    return state()


def stored_files(api):
    return sorted(each.name for each in (api.folder / "photos").rglob("*") if each.is_file())


def read_manifest(folder):
    return list(csv.DictReader((folder / "MANIFEST.csv").read_text().splitlines()))


def test_every_broken_file_is_taken_or_refused_as_its_manifest_says(api, samples):
    for row in read_manifest(samples / "photos_bad"):
        before = stored_files(api)
        digest, answer = put(api, (samples / "photos_bad" / row["file"]).read_bytes())
        if row["expect"] == "taken":
            assert answer.status_code == 201, row["file"]
            assert wait_for_processing(api, digest) == "developed", row["file"]
        elif answer.status_code == 201:
            assert wait_for_processing(api, digest) == "damaged", row["file"]
        else:
            assert answer.status_code in {413, 415, 422}, row["file"]
            assert answer.headers["content-type"] == "application/problem+json"
            assert stored_files(api) == before, row["file"]


@on_both
def test_odd_photos_are_served_upright_and_their_coordinates_are_read(api, samples):
    rows = read_manifest(samples / "photos")
    assert len(rows) == 19
    sent = {}
    for row in rows:
        digest, answer = put(api, (samples / "photos" / row["file"]).read_bytes())
        assert answer.status_code == 201, (row["file"], answer.text)
        sent[row["file"]] = digest
    photos = [{"sha256": digest, "stage": "before"} for digest in sent.values()]
    hazard = api.report("inspector", photos=photos)
    assert hazard["missing_photos"] == []
    assert {wait_for_processing(api, digest) for digest in sent.values()} == {"developed"}
    shown = {photo["sha256"]: photo for photo in api.get("officer", f"/hazards/{hazard['id']}").json()["photos"]}
    for row in rows:
        seen = shown[sent[row["file"]]]
        place = seen["point"] and (round(seen["point"]["lat"], 3), round(seen["point"]["lon"], 3))
        real = row["has_gps"] == "yes" and row["lat"] not in {"nan", "0.0"}
        assert place == ((round(float(row["lat"]), 3), round(float(row["lon"]), 3)) if real else None), row["file"]
        small = api.get("officer", f"/photos/{sent[row['file']]}?size=320").content
        picture = Image.open(io.BytesIO(small))
        assert (picture.format, dict(picture.getexif())) == ("JPEG", {})
        name = row["file"]
        if name.startswith(("Landscape", "Portrait")):
            assert (picture.width > picture.height) == name.startswith("Landscape"), name


def test_a_photo_with_broken_pixels_is_reported_damaged_and_missing(api):
    """Every chunk is sound and none is missing, but their content is no picture."""
    broken = png_of(b"garbage")
    digest, answer = put(api, broken)
    assert answer.headers["anxun-photo-state"] == "received"
    hazard = api.report("inspector", photos=[{"sha256": digest, "stage": "before"}])
    assert wait_for_processing(api, digest) == "damaged"
    seen = api.get("officer", f"/hazards/{hazard['id']}").json()
    assert (seen["missing_photos"], seen["photos"][0]["state"]) == ([digest], "damaged")
    problem(put(api, broken)[1], 422, "photo.damaged")
    problem(api.get("officer", f"/photos/{digest}?size=320"), 422, "photo.damaged")


@on_both
def test_phones_that_send_the_same_photo_at_once_store_it_once(api):
    data = draw_sample_photo("two phones", "EB-01", MONDAY)
    answers = []
    people = ["inspector", "officer", "handler", "supervisor"] * 2
    threads = [threading.Thread(target=lambda who=who: answers.append(put(api, data, who)[1])) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201] * 4
    assert wait_for_processing(api, hashlib.sha256(data).hexdigest()) == "developed"
    originals = [name for name in stored_files(api) if not name.endswith(".jpg")]
    assert originals == [hashlib.sha256(data).hexdigest()]


@contextmanager
def limit_file_size(size):
    """Let no file grow beyond this size, as a full disk does to a photo, and to nothing smaller."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_in_the_middle_of_a_photo_refuses_only_that_photo(api):
    large = draw_sample_photo("large", "EB-01", MONDAY) + bytes(9_000_000)
    database = (api.folder / "anxun.db").stat().st_size
    with limit_file_size(database + 6_000_000):
        problem(put(api, large)[1], 507, "store.full")
        assert stored_files(api) == []
        assert api.post("inspector", "/hazards", body()).status_code == 201
        small = draw_sample_photo("small", "EB-01", MONDAY)
        assert put(api, small)[1].status_code == 201
    assert put(api, large)[1].status_code == 201


def make_slow_pictures(number):
    """Return small files of 24 megapixels that differ in the bytes after their end."""
    out = io.BytesIO()
    Image.radial_gradient("L").resize((4900, 4900)).convert("RGB").save(out, "PNG", compress_level=1)
    return [out.getvalue() + bytes([at]) * 16 for at in range(number)]


def count_unprocessed(folder):
    """Count the photos that the database lists as not processed yet."""
    with closing(sqlite3.connect(folder / "anxun.db")) as database:
        return database.execute("select count(*) from photos where state = 'received'").fetchone()[0]


def test_photos_left_by_a_killed_server_are_processed_after_the_restart(tmp_path):
    process = Process(tmp_path / "data").start()
    pictures = make_slow_pictures(10)
    with closing(process.client()) as client:
        for data in pictures:
            digest = hashlib.sha256(data).hexdigest()
            assert client.put(f"/photos/{digest}", content=data).status_code == 201
    poll_until(lambda: count_unprocessed(process.folder) < len(pictures))
    process.stop(signal.SIGKILL)
    assert 0 < count_unprocessed(process.folder) < len(pictures)  # otherwise the kill proves nothing
    process.start()
    poll_until(lambda: count_unprocessed(process.folder) == 0)
    process.stop()


def peak_memory(process):
    """Sum the peak memory, in MiB, of a process and those it started, each in its own worst moment."""
    tree, found = [process], 0.0
    while tree:
        folder = Path("/proc") / str(tree.pop())
        tree += [int(child) for task in folder.glob("task/*/children") for child in task.read_text().split()]
        found += int((folder / "status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return found


def peak_memory_of_uploads(folder, senders, pictures):
    """Return a server's peak memory, in MiB, after each sender has sent its own picture and all are processed."""
    process = Process(folder / "data", ANXUN_UPLOADS_AT_ONCE=senders).start()
    with closing(process.client()) as client, ThreadPoolExecutor(senders) as threads:

        def send(at):
            data = pictures[at % len(pictures)] + struct.pack(">I4sI", 12, b"free", at)  # a unique end
            digest = hashlib.sha256(data).hexdigest()
            return client.put(f"/photos/{digest}", content=data).status_code

        assert set(threads.map(send, range(senders))) == {201}
    poll_until(lambda: count_unprocessed(process.folder) == 0)
    found = peak_memory(process.process.pid)
    process.stop()
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_six_senders_of_large_pictures_in_small_files_fit_in_512_mib(tmp_path):
    assert peak_memory_of_uploads(tmp_path, 6, [small_webp(4100, 4100)]) < 512


@pytest.mark.drill
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
@pytest.mark.parametrize("kind", ["webp", "avif", "heif", "all"])
def test_thirty_senders_of_large_pictures_fit_in_512_mib(kind, tmp_path):
    made = {"webp": small_webp(4100, 4100)} | {
        name: largest_picture(name)
        for name in ("jpeg", "png", "avif", "heif")
        if name in ACCEPTED_FORMATS and kind in {name, "all"}
    }
    assert peak_memory_of_uploads(tmp_path, 30, [*made.values()] if kind == "all" else [made[kind]]) < 512
