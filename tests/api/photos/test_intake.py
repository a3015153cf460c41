"""Photos as phones and hostile hands send them: taken or refused, and nothing left behind."""

import csv
import hashlib
import io
import resource
import signal
import sqlite3
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from PIL import Image

from storage.photos.formats import TAKEN
from storage.photos.sample_images import draw
from tests.builders.api import MONDAY, body, on_both, problem
from tests.builders.pictures import png_of
from tests.builders.process import Process
from tests.builders.small_pictures import promised, small_webp


def put(api, data, who="inspector"):
    digest = hashlib.sha256(data).hexdigest()
    return digest, api.call(who, "PUT", f"/photos/{digest}", content=data)


def settled(api, digest, who="inspector"):
    """The photo's state once it has been developed, or has proved damaged."""
    for _ in range(400):
        answer = api.call(who, "HEAD", f"/photos/{digest}")
        if answer.headers["anxun-photo-state"] != "received":
            return answer.headers["anxun-photo-state"]
        time.sleep(0.05)
    return pytest.fail("neither developed nor damaged")


def files(api):
    return sorted(each.name for each in (api.folder / "photos").rglob("*") if each.is_file())


def manifest(folder):
    return list(csv.DictReader((folder / "MANIFEST.csv").read_text().splitlines()))


def test_every_broken_file_is_taken_or_refused_as_its_manifest_says(api, samples):
    for row in manifest(samples / "photos_bad"):
        before = files(api)
        digest, answer = put(api, (samples / "photos_bad" / row["file"]).read_bytes())
        if row["expect"] == "taken":
            assert answer.status_code == 201, row["file"]
            assert settled(api, digest) == "developed", row["file"]
        elif answer.status_code == 201:
            assert settled(api, digest) == "damaged", row["file"]
        else:
            assert answer.status_code in {413, 415, 422}, row["file"]
            assert answer.headers["content-type"] == "application/problem+json"
            assert files(api) == before, row["file"]


@on_both
def test_the_odd_pictures_come_out_upright_and_their_places_are_read(api, samples):
    rows = manifest(samples / "photos")
    assert len(rows) == 19
    sent = {}
    for row in rows:
        digest, answer = put(api, (samples / "photos" / row["file"]).read_bytes())
        assert answer.status_code == 201, (row["file"], answer.text)
        sent[row["file"]] = digest
    photos = [{"sha256": digest, "stage": "before"} for digest in sent.values()]
    hazard = api.report("inspector", photos=photos)
    assert hazard["missing_photos"] == []
    assert {settled(api, digest) for digest in sent.values()} == {"developed"}
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


def test_a_picture_whose_pixels_prove_broken_is_missing_again_and_said_to_be(api):
    """Every chunk is sound and none is missing, and what they hold is no picture."""
    broken = png_of(b"garbage")
    digest, answer = put(api, broken)
    assert answer.headers["anxun-photo-state"] == "received"
    hazard = api.report("inspector", photos=[{"sha256": digest, "stage": "before"}])
    assert settled(api, digest) == "damaged"
    seen = api.get("officer", f"/hazards/{hazard['id']}").json()
    assert (seen["missing_photos"], seen["photos"][0]["state"]) == ([digest], "damaged")
    problem(put(api, broken)[1], 422, "photo.damaged")
    problem(api.get("officer", f"/photos/{digest}?size=320"), 422, "photo.damaged")


@on_both
def test_two_phones_with_the_same_photo_at_once(api):
    data = draw("two phones", "EB-01", MONDAY)
    answers = []
    people = ["inspector", "officer", "handler", "supervisor"] * 2
    threads = [threading.Thread(target=lambda who=who: answers.append(put(api, data, who)[1])) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201] * 4
    assert settled(api, hashlib.sha256(data).hexdigest()) == "developed"
    originals = [name for name in files(api) if not name.endswith(".jpg")]
    assert originals == [hashlib.sha256(data).hexdigest()]


@contextmanager
def room_for(size):
    """No file may grow beyond this: what a full disk does to a photo, and to nothing smaller."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_in_the_middle_of_a_photo(api):
    large = draw("large", "EB-01", MONDAY) + bytes(9_000_000)
    database = (api.folder / "anxun.db").stat().st_size
    with room_for(database + 6_000_000):
        problem(put(api, large)[1], 507, "store.full")
        assert files(api) == []
        assert api.post("inspector", "/hazards", body()).status_code == 201
        small = draw("small", "EB-01", MONDAY)
        assert put(api, small)[1].status_code == 201
    assert put(api, large)[1].status_code == 201


def slow_to_decode(number):
    """Small files of 24 megapixels, each other than the last by what stands behind its end."""
    out = io.BytesIO()
    Image.radial_gradient("L").resize((4900, 4900)).convert("RGB").save(out, "PNG", compress_level=1)
    return [out.getvalue() + bytes([at]) * 16 for at in range(number)]


def waiting_in(folder):
    """How many photos are still to be developed, as the database says."""
    with closing(sqlite3.connect(folder / "anxun.db")) as database:
        return database.execute("select count(*) from photos where state = 'received'").fetchone()[0]


def test_killed_with_developing_half_done_the_rest_is_developed_after_the_restart(tmp_path):
    process = Process(tmp_path / "data").start()
    pictures = slow_to_decode(10)
    with closing(process.client()) as client:
        for data in pictures:
            digest = hashlib.sha256(data).hexdigest()
            assert client.put(f"/photos/{digest}", content=data).status_code == 201
    until = time.monotonic() + 30
    while waiting_in(process.folder) == len(pictures) and time.monotonic() < until:
        time.sleep(0.01)
    process.stop(signal.SIGKILL)
    assert 0 < waiting_in(process.folder) < len(pictures)  # or the kill proves nothing
    process.start()
    until = time.monotonic() + 60
    while waiting_in(process.folder) and time.monotonic() < until:
        time.sleep(0.1)
    process.stop()
    assert waiting_in(process.folder) == 0


def most_held(process):
    """MiB that a process and those it started have held at most, each in its own worst moment."""
    tree, found = [process], 0.0
    while tree:
        folder = Path("/proc") / str(tree.pop())
        tree += [int(child) for task in folder.glob("task/*/children") for child in task.read_text().split()]
        found += int((folder / "status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return found


def many_large_pictures(folder, senders, pictures):
    """MiB that a server has held at most after so many have sent pictures, each his own, and all are developed."""
    process = Process(folder / "data", ANXUN_UPLOADS_AT_ONCE=senders).start()
    with closing(process.client()) as client, ThreadPoolExecutor(senders) as threads:

        def send(at):
            data = pictures[at % len(pictures)] + struct.pack(">I4sI", 12, b"free", at)  # behind its end: another one
            digest = hashlib.sha256(data).hexdigest()
            return client.put(f"/photos/{digest}", content=data, timeout=60).status_code

        assert set(threads.map(send, range(senders))) == {201}
    until = time.monotonic() + 120
    while waiting_in(process.folder) and time.monotonic() < until:
        time.sleep(0.1)
    assert waiting_in(process.folder) == 0
    found = most_held(process.process.pid)
    process.stop()
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_some_senders_of_small_files_of_large_pictures_fit_in_512_mib(tmp_path):
    assert many_large_pictures(tmp_path, 6, [small_webp(4100, 4100)]) < 512


@pytest.mark.drill
@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
@pytest.mark.parametrize("kind", ["webp", "avif", "heif", "all"])
def test_thirty_senders_of_large_pictures_fit_in_512_mib(kind, tmp_path):
    made = {"webp": small_webp(4100, 4100)} | {
        name: promised(name) for name in ("jpeg", "png", "avif", "heif") if name in TAKEN and kind in {name, "all"}
    }
    assert many_large_pictures(tmp_path, 30, [*made.values()] if kind == "all" else [made[kind]]) < 512
