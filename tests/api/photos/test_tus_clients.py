"""Foreign tus clients, tus-js-client and tuspy, upload to the real process over a line that fails them.

What comes twice is counted on the way, byte by byte: the line knows of each PATCH where in the upload it is.
Where there is no node, no npm, or no way to the package registry, the stories of tus-js-client are skipped, visibly.
"""

import hashlib
import io
import json
import random
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from tusclient.client import TusClient

from api.photos.tus import PIECE_BYTES
from storage.photos.sample_images import draw
from tests.builders.api import MONDAY, body
from tests.builders.process import Process

TUS = Path(__file__).parents[2] / "tus"
VERSION = {"Tus-Resumable": "1.0.0"}
OCTETS = {**VERSION, "Content-Type": "application/offset+octet-stream"}
LENGTH = 3_500_000
CHUNK = 256 * 1024
RETRIES, RETRY_SECONDS = 80, 0.1
"""Enough to be still there when a killed server is back."""
PATIENCE_SECONDS = 1.5
AT_ONCE = 64 * 1024
OFFLINE = {
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTFOUND",
    "ERR_SOCKET_TIMEOUT",
    "ETIMEDOUT",
}


def photo(seed):
    """A JPEG of a real one's size: behind its end stands what no other seed gives, as motion photos have it."""
    picture = draw(seed, "EB-01", MONDAY)
    return picture + random.Random(seed).randbytes(LENGTH - len(picture))  # noqa: S311  # a filler, not a secret


def eventually(happens):
    end = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.01)


class Office:
    """The real process, an inspector who speaks to it directly, and what a photo's upload leaves in its folder."""

    def __init__(self, process):
        self.process = process
        self.inspector = process.client()
        self.left_behind = set()

    def close(self):
        self.inspector.close()

    @property
    def token(self):
        return self.inspector.headers["Authorization"]

    def offset(self, path):
        answer = self.inspector.head(path, headers=VERSION)
        assert answer.status_code == 200
        return int(answer.headers["upload-offset"])

    def begun(self, length=LENGTH):
        answer = self.inspector.post("/uploads", headers={**VERSION, "Upload-Length": str(length)})
        assert answer.status_code == 201
        return answer.headers["location"].removeprefix("/api/v1")

    def patch(self, path, offset, content):
        return self.inspector.patch(path, headers={**OCTETS, "Upload-Offset": str(offset)}, content=content)

    def half_sent(self, path, offset, length, content):
        """A PATCH of `length` bytes of which only `content` is sent; answers the connection."""
        phone = socket.create_connection(("127.0.0.1", self.process.port))
        headers = {**OCTETS, "Authorization": self.token, "Upload-Offset": str(offset), "Content-Length": str(length)}
        lines = [f"PATCH /api/v1{path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
        phone.sendall("\r\n".join((*lines, "", "")).encode() + content)
        return phone

    def in_pieces(self):
        return {path.name for path in (self.process.folder / "photos" / "pieces").iterdir()}

    def coming_in(self):
        """The files of running uploads; those that a killed server left are swept a day later."""
        return {path.name for path in (self.process.folder / "photos" / "incoming").iterdir()} - self.left_behind

    def killed(self):
        self.process.stop(signal.SIGKILL)
        self.left_behind |= self.coming_in()

    def nothing_left(self):
        """Asked in this order: a piece leaves `incoming` for `pieces`."""
        return not self.coming_in() and not self.in_pieces()

    def check_kept(self, picture):
        digest = hashlib.sha256(picture).hexdigest()
        original = self.inspector.get(f"/photos/{digest}")
        assert original.status_code == 200
        assert hashlib.sha256(original.content).hexdigest() == digest
        answer = self.inspector.post("/hazards", json=body(photos=[{"sha256": digest, "stage": "before"}]))
        assert (answer.status_code, answer.json()["hazard"]["missing_photos"]) == (201, [])


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    process = Process(tmp_path_factory.mktemp("tus") / "data")
    yield process.start()
    if process.process.poll() is None:
        process.stop(signal.SIGKILL)


@pytest.fixture
def office(process):
    office = Office(process)
    office.left_behind = office.coming_in()
    yield office
    office.close()


# The line


class Mishap(NamedTuple):
    """What happens when the upload's byte `at` has passed: a method of `Call`."""

    at: int
    kind: str


class Line:
    """What lies between a phone and the server. Its mishaps come one after another.

    `patient`: nobody else hears of a mishap before the server has kept what it can of what had come.
    """

    def __init__(self, office, mishaps, *, patient):
        self.office, self.patient = office, patient
        self.mishaps = deque(Mishap(*each) for each in mishaps)
        self.furthest = 0
        self.again = [0]
        """Bytes that came to the server once more: before any mishap, after the first, after the second, …"""
        self.swallowed = 0
        self._listens = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api/v1/uploads"
        self._calls = []
        self._threads = []

    def __enter__(self):
        self.thread(self._accept)
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        for call in self._calls:
            call.end()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        self._listener.close()
        for call in self._calls:
            call.server.close()

    def thread(self, does, *arguments):
        self._threads.append(threading.Thread(target=does, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self):
        with suppress(OSError):
            while True:
                phone, _ = self._listener.accept()
                if not self._listens:
                    phone.close()
                    continue
                call = Call(self, phone, socket.create_connection(("127.0.0.1", self.office.process.port)))
                self._calls.append(call)
                self.thread(call.up)
                self.thread(call.down)

    def killed(self):
        self._listens = False
        self.office.killed()
        self.thread(self._started)

    def _started(self):
        self.office.process.start()
        self._listens = True

    def count(self, position, size):
        self.again[-1] += max(0, min(self.furthest, position + size) - position)
        self.furthest = max(self.furthest, position + size)

    def settled(self, path, position, lost=0):
        """Waits until the server has kept what came, but for less than `lost` bytes."""
        eventually(lambda: position - self.office.offset(path) <= max(lost - 1, 0))


class Call:
    """One connection of a phone."""

    def __init__(self, line, phone, server):
        self.line, self.phone, self.server = line, phone, server
        self._hangs = False

    def up(self):
        """From the phone to the server, until a mishap or the phone's own end."""
        with self.phone, self.phone.makefile("rb") as said:
            while head := self._head(said):
                with suppress(OSError):  # the server was killed
                    self.server.sendall(head)
                if not self._body(said, head):
                    return
        self.end()

    def _head(self, said):
        lines = []
        with suppress(OSError):
            while line := said.readline():
                lines.append(line)
                if line == b"\r\n":
                    return b"".join(lines)
        return b""

    def _body(self, said, head):
        """True if all of it went on."""
        request, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        path = request.split()[1].removeprefix("/api/v1")
        left, position = int(headers.get("content-length", 0)), int(headers.get("upload-offset", 0))
        mishaps = self.line.mishaps
        while left:
            room = mishaps[0].at - position if mishaps and mishaps[0].at > position else AT_ONCE
            part = self._read(said, min(left, room, AT_ONCE))
            if not part:
                return True
            with suppress(OSError):
                self.server.sendall(part)
            self.line.count(position, len(part))
            position, left = position + len(part), left - len(part)
            if mishaps and mishaps[0].at == position:
                self.line.again.append(0)
                getattr(self, mishaps.popleft().kind)(path, position, said)
                return False
        return True

    def _read(self, said, most):
        with suppress(OSError):
            return said.read1(most)
        return b""

    def down(self):
        with suppress(OSError):
            while (answer := self.server.recv(AT_ONCE)) and not self._hangs:
                self.phone.sendall(answer)
        if not self._hangs:
            with suppress(OSError):
                self.phone.shutdown(socket.SHUT_RDWR)

    def end(self):
        for end in (self.server, self.phone):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    # mishaps

    def cut(self, path, position, _):
        """Both ends hear of it, what was on its way arrives."""
        self._hangs = True
        self.server.shutdown(socket.SHUT_RDWR)
        if self.line.patient:
            self.line.settled(path, position)
        self._told()

    def vanish(self, path, position, said):
        """Neither end hears of it. What the phone says then is said to nobody."""
        self._half_open(path, position)
        while part := self._read(said, AT_ONCE):
            self.line.swallowed += len(part)

    def stand_still(self, _path, _position, said):
        """Nothing more goes on, until the server says something about it."""
        while self._read(said, AT_ONCE):
            pass

    def lose(self, path, position, _):
        """Only the phone hears of it, as when it changes from one network to another."""
        self._half_open(path, position)
        self._told()

    def kill(self, path, position, _):
        """The server is killed, and started again while the phone tries."""
        self._half_open(path, position)
        self.line.killed()
        self._told()

    def _half_open(self, path, position):
        self._hangs = True
        if self.line.patient:
            self.line.settled(path, position, lost=PIECE_BYTES)

    def _told(self):
        self.phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# The clients


@pytest.fixture(scope="session")
def javascript(tmp_path_factory):
    """A folder with tus-js-client and our script."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("tus-js-client")
    for name in ("package.json", "package-lock.json", ".npmrc", "upload.mjs"):
        shutil.copy(TUS / name, folder)
    options = ("--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")
    install = ["npm", "ci", *options, "--fetch-retries=1", "--fetch-timeout=20000"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode and any(f"code {word}" in done.stderr for word in OFFLINE):
        pytest.skip("no package registry can be reached")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def tus_js_client(javascript, tmp_path):
    def upload(line, picture, chunk, patience=PATIENCE_SECONDS):
        file = tmp_path / "photo.jpg"
        file.write_bytes(picture)
        how = {
            "file": str(file),
            "endpoint": line.url,
            "token": line.office.token,
            "chunkSize": chunk,
            "patience": patience * 1000,
            "retries": RETRIES,
            "retryDelay": RETRY_SECONDS * 1000,
        }
        node = ["node", "upload.mjs", json.dumps(how)]
        done = subprocess.run(node, cwd=javascript, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return upload


@pytest.fixture
def tuspy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # requests would believe the environment's proxy

    def upload(line, picture, chunk):
        client = TusClient(line.url, headers={"Authorization": line.office.token})
        how = {"chunk_size": chunk} if chunk else {}
        uploader = client.uploader(
            file_stream=io.BytesIO(picture),  # a file that it opens by its name it leaves open
            metadata={"filename": "楼道.jpg"},
            retries=RETRIES,
            retry_delay=RETRY_SECONDS,
            **how,
        )
        uploader.upload()
        return uploader.request.response_headers["anxun-photo"]

    return upload


GIVES_UP = {"tus_js_client": "vanish", "tuspy": "lose"}
"""tuspy waits for an answer for ever: its phone has to hear that the connection is gone."""


@pytest.mark.parametrize("client", GIVES_UP)
def test_a_photo_in_one_request_loses_less_than_a_piece_where_the_server_does_not_hear_of_the_end(
    request, office, client
):
    upload, picture = request.getfixturevalue(client), photo(f"{client} in one")
    mishaps = [
        (600_000, "cut"),
        (1_900_000, GIVES_UP[client]),
        (2_100_000, "cut"),
        (2_900_000, "kill"),
        (LENGTH, "cut"),
    ]
    with Line(office, mishaps, patient=True) as line:
        said = upload(line, picture, None)
    assert said == hashlib.sha256(picture).hexdigest()
    assert not line.mishaps
    before, first, half_open, second, killed, last = line.again
    assert (before, first, second, last) == (0, 0, 0, 0)
    assert half_open < PIECE_BYTES
    assert killed < PIECE_BYTES
    office.check_kept(picture)
    eventually(office.nothing_left)


@pytest.mark.parametrize("client", GIVES_UP)
def test_a_photo_in_chunks_loses_at_most_a_chunk_even_where_the_phone_is_back_before_the_server_has_noticed(
    request, office, client
):
    upload, picture = request.getfixturevalue(client), photo(f"{client} in chunks")
    mishaps = [
        (400_000, "kill"),
        (900_000, "cut"),
        (1_500_000, GIVES_UP[client]),
        (2_000_000, "cut"),
        (2_700_000, "cut"),
        (LENGTH, "cut"),
    ]
    with Line(office, mishaps, patient=False) as line:
        said = upload(line, picture, CHUNK)
    assert said == hashlib.sha256(picture).hexdigest()
    assert not line.mishaps
    assert max(line.again) <= CHUNK
    assert line.swallowed <= CHUNK
    office.check_kept(picture)
    eventually(office.nothing_left)


@pytest.mark.drill
def test_a_phone_that_stands_still_and_hears_so_goes_on_by_itself(office, tus_js_client):
    picture = photo("stands still")
    with Line(office, [(1_500_000, "stand_still")], patient=False) as line:
        said = tus_js_client(line, picture, CHUNK, patience=40)
    assert said == hashlib.sha256(picture).hexdigest()
    assert not line.mishaps
    office.check_kept(picture)
    eventually(office.nothing_left)


# Single requests


def test_a_long_patch_that_is_cut_keeps_every_byte_that_came(office):
    picture, sent = photo("cut"), 2_200_000
    path = office.begun()
    office.half_sent(path, 0, 2_500_000, picture[:sent]).close()
    eventually(lambda: office.offset(path) == sent)
    assert office.patch(path, sent, picture[sent:]).status_code == 204
    office.check_kept(picture)
    eventually(office.nothing_left)  # the small picture comes in too


def test_a_killed_server_keeps_the_full_pieces_of_a_long_patch(office):
    picture, sent = photo("killed"), 2_400_000
    path = office.begun()
    with office.half_sent(path, 0, 2_500_000, picture[:sent]):
        eventually(lambda: sent - office.offset(path) < PIECE_BYTES)
        before = office.offset(path)
        office.killed()
    office.process.start()
    assert office.offset(path) == before
    assert len(office.in_pieces()) == 2
    assert office.patch(path, before, picture[before:]).headers["anxun-photo"] == hashlib.sha256(picture).hexdigest()
    office.check_kept(picture)
    eventually(office.nothing_left)  # the small picture comes in too


def test_of_two_that_bring_the_last_piece_the_slower_hears_that_the_photo_is_whole(office):
    """The upload is still there to be asked, whoever missed the answer."""
    picture, most = photo("twice"), LENGTH - PIECE_BYTES // 2
    path = office.begun()
    assert office.patch(path, 0, picture[:most]).status_code == 204
    with office.half_sent(path, most, LENGTH - most, picture[most:-9]) as slower:
        eventually(office.coming_in)
        assert office.patch(path, most, picture[most:]).status_code == 204
        slower.sendall(picture[-9:])
        assert slower.recv(AT_ONCE).startswith(b"HTTP/1.1 409")
    assert office.offset(path) == LENGTH
    office.check_kept(picture)
    eventually(office.nothing_left)


def test_who_gives_an_upload_up_leaves_nothing_though_a_connection_still_hangs(office):
    path = office.begun()
    with office.half_sent(path, 0, LENGTH, photo("given up")[:1000]):
        eventually(office.coming_in)
        assert office.inspector.delete(path, headers=VERSION).status_code == 204
    eventually(lambda: not office.coming_in())
    eventually(office.nothing_left)
