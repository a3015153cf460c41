"""Proves that the tus clients tus-js-client and tuspy upload to the real process over a line that fails.

The line counts each byte that is sent twice: it knows the offset of each PATCH in the upload.
Without its npm packages and a registry, the tests of tus-js-client are skipped, visibly.
"""

import hashlib
import io
import json
import random
import signal
import socket
import struct
import subprocess
import threading
from collections import deque
from contextlib import suppress
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from tusclient.client import TusClient

from api.photos.tus import PIECE_BYTES
from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, body
from tests.builders.cleanup import launch
from tests.builders.node_packages import NODE
from tests.builders.process import Process
from tests.builders.proxy import stripping_proxy
from tests.builders.waiting import PATIENCE, poll_until

VERSION = {"Tus-Resumable": "1.0.0"}
OCTETS = {**VERSION, "Content-Type": "application/offset+octet-stream"}
LENGTH = 3_500_000
CHUNK = 256 * 1024
RETRIES, RETRY_SECONDS = 10 * PATIENCE, 0.1
"""A client with so many retries is still there when a killed server is back."""
AT_ONCE = 64 * 1024


def photo(seed):
    """Return a JPEG of a real one's size; the bytes after its end, as in motion photos, are unique to the seed."""
    picture = draw_sample_photo(seed, "EB-01", MONDAY)
    return picture + random.Random(seed).randbytes(LENGTH - len(picture))  # noqa: S311  # a filler, not a secret


class Office:
    """The real process, an inspector's direct client, and the files that a photo's upload leaves in its folder."""

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

    def create_upload(self, length=LENGTH):
        answer = self.inspector.post("/uploads", headers={**VERSION, "Upload-Length": str(length)})
        assert answer.status_code == 201
        return answer.headers["location"].removeprefix("/api/v1")

    def patch(self, path, offset, content):
        return self.inspector.patch(path, headers={**OCTETS, "Upload-Offset": str(offset)}, content=content)

    def send_half(self, path, offset, length, content):
        """Send only `content` of a PATCH of `length` bytes; return the connection."""
        phone = socket.create_connection(("127.0.0.1", self.process.port))
        headers = {**OCTETS, "Authorization": self.token, "Upload-Offset": str(offset), "Content-Length": str(length)}
        lines = [f"PATCH /api/v1{path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
        phone.sendall("\r\n".join((*lines, "", "")).encode() + content)
        return phone

    def piece_files(self):
        return {path.name for path in (self.process.folder / "photos" / "pieces").iterdir()}

    def incoming_files(self):
        """Return the files of running uploads; those that a killed server left are swept a day later."""
        return {path.name for path in (self.process.folder / "photos" / "incoming").iterdir()} - self.left_behind

    def kill_server(self):
        self.process.stop(signal.SIGKILL)
        self.left_behind |= self.incoming_files()

    def has_no_files(self):
        """Look at `incoming` first: a piece moves from there to `pieces`."""
        return not self.incoming_files() and not self.piece_files()

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
    office.left_behind = office.incoming_files()
    yield office
    office.close()


# The line


class Mishap(NamedTuple):
    """A fault after the upload's byte `at` has passed; `kind` is a method of `Call`."""

    at: int
    kind: str


class Line:
    """A network line between a phone and the server. Its mishaps come one after another.

    `patient`: a mishap reaches the other end only after the server has stored what it can of the bytes before it.
    """

    def __init__(self, office, mishaps, *, patient):
        self.office, self.patient = office, patient
        self.mishaps = deque(Mishap(*each) for each in mishaps)
        self.furthest = 0
        self.again = [0]
        """Counts the bytes that came to the server twice: before any mishap, after the first, after the second, …"""
        self.swallowed = 0
        self.phone = None
        """The process that sends, where it can be told to give a connection up."""
        self._listens = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api/v1/uploads"
        self._calls = []
        self._threads = []

    def __enter__(self):
        self.start_thread(self._accept)
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        for call in self._calls:
            call.end()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        self._listener.close()
        for call in self._calls:
            call.server.close()

    def start_thread(self, does, *arguments):
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
                self.start_thread(call.up)
                self.start_thread(call.down)

    def kill_server(self):
        self._listens = False
        self.office.kill_server()
        self.start_thread(self._restart_server)

    def _restart_server(self):
        self.office.process.start()
        self._listens = True

    def count(self, position, size):
        self.again[-1] += max(0, min(self.furthest, position + size) - position)
        self.furthest = max(self.furthest, position + size)

    def wait_until_stored(self, path, position, lost=0):
        """Wait until the server has stored the bytes that came, except fewer than `lost`."""
        poll_until(lambda: position - self.office.offset(path) <= max(lost - 1, 0))


class Call:
    """One connection of a phone."""

    def __init__(self, line, phone, server):
        self.line, self.phone, self.server = line, phone, server
        self._hangs = False

    def up(self):
        """Pass bytes from the phone to the server, until a mishap or the phone's own end."""
        with self.phone, self.phone.makefile("rb") as stream:
            while head := self._head(stream):
                with suppress(OSError):  # the server was killed
                    self.server.sendall(head)
                if not self._body(stream, head):
                    return
        self.end()

    def _head(self, stream):
        lines = []
        with suppress(OSError):
            while line := stream.readline():
                lines.append(line)
                if line == b"\r\n":
                    return b"".join(lines)
        return b""

    def _body(self, stream, head):
        """Pass a body on; return True if all of it went on."""
        request, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        path = request.split()[1].removeprefix("/api/v1")
        left, position = int(headers.get("content-length", 0)), int(headers.get("upload-offset", 0))
        mishaps = self.line.mishaps
        while left:
            room = mishaps[0].at - position if mishaps and mishaps[0].at > position else AT_ONCE
            part = self._read(stream, min(left, room, AT_ONCE))
            if not part:
                return True
            with suppress(OSError):
                self.server.sendall(part)
            self.line.count(position, len(part))
            position, left = position + len(part), left - len(part)
            if mishaps and mishaps[0].at == position:
                self.line.again.append(0)
                getattr(self, mishaps.popleft().kind)(path, position, stream)
                return False
        return True

    def _read(self, stream, most):
        with suppress(OSError):
            return stream.read1(most)
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
        """Cut the connection so that both ends notice; the bytes on their way arrive."""
        self._hangs = True
        self.server.shutdown(socket.SHUT_RDWR)
        if self.line.patient:
            self.line.wait_until_stored(path, position)
        self._reset_phone()

    def vanish(self, path, position, stream):
        """Lose the connection so that neither end notices.

        What the phone sends then, until it gives the connection up, is swallowed.
        """
        self._half_open(path, position)
        self.line.phone.send_signal(signal.SIGUSR2)
        while part := self._read(stream, AT_ONCE):
            self.line.swallowed += len(part)

    def stand_still(self, _path, _position, stream):
        """Pass nothing on, until the server answers to that."""
        while self._read(stream, AT_ONCE):
            pass

    def lose(self, path, position, _):
        """Lose the connection so that only the phone notices, as when it changes its network."""
        self._half_open(path, position)
        self._reset_phone()

    def kill(self, path, position, _):
        """Kill the server, and start it again while the phone retries."""
        self._half_open(path, position)
        self.line.kill_server()
        self._reset_phone()

    def _half_open(self, path, position):
        self._hangs = True
        if self.line.patient:
            self.line.wait_until_stored(path, position, lost=PIECE_BYTES)

    def _reset_phone(self):
        self.phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# The clients


@pytest.fixture
def tus_js_client(node_packages, tmp_path):
    def upload(line, picture, chunk):
        file = tmp_path / "photo.jpg"
        file.write_bytes(picture)
        how = {
            "file": str(file),
            "endpoint": line.url,
            "token": line.office.token,
            "chunkSize": chunk,
            "retries": RETRIES,
            "retryDelay": RETRY_SECONDS * 1000,
        }
        node = [NODE, "tus_upload.mjs", json.dumps(how)]
        line.phone = launch(node, cwd=node_packages, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        output, complaints = line.phone.communicate()
        assert line.phone.returncode == 0, complaints
        return output.strip()

    return upload


@pytest.fixture
def tuspy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # otherwise requests would use the environment's proxy

    def upload(line, picture, chunk):
        client = TusClient(line.url, headers={"Authorization": line.office.token})
        how = {"chunk_size": chunk} if chunk else {}
        uploader = client.uploader(
            file_stream=io.BytesIO(picture),  # tuspy leaves a file open that it opens by name
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
def test_a_photo_in_one_request_resends_less_than_a_piece_after_a_fault(request, office, client):
    upload, picture = request.getfixturevalue(client), photo(f"{client} in one")
    mishaps = [
        (600_000, "cut"),
        (1_900_000, GIVES_UP[client]),
        (2_100_000, "cut"),
        (2_900_000, "kill"),
        (LENGTH, "cut"),
    ]
    with Line(office, mishaps, patient=True) as line:
        digest = upload(line, picture, None)
    assert digest == hashlib.sha256(picture).hexdigest()
    assert not line.mishaps
    before, first, half_open, second, killed, last = line.again
    assert (before, first, second, last) == (0, 0, 0, 0)
    assert half_open < PIECE_BYTES
    assert killed < PIECE_BYTES
    office.check_kept(picture)
    poll_until(office.has_no_files)


@pytest.mark.parametrize("client", GIVES_UP)
def test_a_photo_in_chunks_resends_at_most_a_chunk_after_a_fault(request, office, client):
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
        digest = upload(line, picture, CHUNK)
    assert digest == hashlib.sha256(picture).hexdigest()
    assert not line.mishaps
    assert max(line.again) <= CHUNK
    assert line.swallowed <= CHUNK
    office.check_kept(picture)
    poll_until(office.has_no_files)


@pytest.mark.drill
def test_a_stalled_phone_resumes_by_itself_after_the_server_s_answer(office, tus_js_client):
    picture = photo("stands still")
    with Line(office, [(1_500_000, "stand_still")], patient=False) as line:
        digest = tus_js_client(line, picture, CHUNK)
    assert digest == hashlib.sha256(picture).hexdigest()
    assert not line.mishaps
    office.check_kept(picture)
    poll_until(office.has_no_files)


@pytest.mark.parametrize("client", GIVES_UP)
def test_a_client_uploads_through_a_proxy_that_removes_a_path(request, tmp_path, client):
    """It continues at the `Location` of its upload, which is below that path too."""
    upload, picture = request.getfixturevalue(client), photo(f"{client} behind a path")
    with stripping_proxy("/aq/xinjia") as proxy:
        server = Process(tmp_path / "data", ANXUN_PUBLIC_URL=proxy.address)
        proxy.behind = server.port
        office = Office(server.start())
        line = SimpleNamespace(url=f"{proxy.address}/api/v1/uploads", office=office)
        assert upload(line, picture, CHUNK) == hashlib.sha256(picture).hexdigest()
        office.check_kept(picture)
        office.close()
        server.stop()


# Single requests


def test_a_long_patch_that_is_cut_keeps_every_byte_that_came(office):
    picture, sent = photo("cut"), 2_200_000
    path = office.create_upload()
    office.send_half(path, 0, 2_500_000, picture[:sent]).close()
    poll_until(lambda: office.offset(path) == sent)
    assert office.patch(path, sent, picture[sent:]).status_code == 204
    office.check_kept(picture)
    poll_until(office.has_no_files)  # the small variant passes through `incoming` too


def test_a_killed_server_keeps_the_full_pieces_of_a_long_patch(office):
    picture, sent = photo("killed"), 2_400_000
    path = office.create_upload()
    with office.send_half(path, 0, 2_500_000, picture[:sent]):
        poll_until(lambda: sent - office.offset(path) < PIECE_BYTES)
        before = office.offset(path)
        office.kill_server()
    office.process.start()
    assert office.offset(path) == before
    assert len(office.piece_files()) == 2
    assert office.patch(path, before, picture[before:]).headers["anxun-photo"] == hashlib.sha256(picture).hexdigest()
    office.check_kept(picture)
    poll_until(office.has_no_files)  # the small variant passes through `incoming` too


def test_the_slower_of_two_senders_of_the_last_piece_gets_409(office):
    """The upload stays, so that a client that missed the answer can ask for its offset."""
    picture, most = photo("twice"), LENGTH - PIECE_BYTES // 2
    path = office.create_upload()
    assert office.patch(path, 0, picture[:most]).status_code == 204
    with office.send_half(path, most, LENGTH - most, picture[most:-9]) as slower:
        poll_until(office.incoming_files)
        assert office.patch(path, most, picture[most:]).status_code == 204
        slower.sendall(picture[-9:])
        assert slower.recv(AT_ONCE).startswith(b"HTTP/1.1 409")
    assert office.offset(path) == LENGTH
    office.check_kept(picture)
    poll_until(office.has_no_files)


def test_a_deleted_upload_leaves_no_files_though_a_connection_still_hangs(office):
    path = office.create_upload()
    with office.send_half(path, 0, LENGTH, photo("given up")[:1000]):
        poll_until(office.incoming_files)
        assert office.inspector.delete(path, headers=VERSION).status_code == 204
    poll_until(lambda: not office.incoming_files())
    poll_until(office.has_no_files)
