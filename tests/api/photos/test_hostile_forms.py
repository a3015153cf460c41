"""A hostile form costs a server little memory, gets a 4xx, leaves nothing behind and stops nobody else."""

import gzip
import hashlib
import json
import signal
import socket
import sys
from contextlib import closing

import psutil
import pytest

from storage.photos.sample_images import draw_sample_photo
from tests.builders.api import MONDAY, body
from tests.builders.process import Process
from tests.builders.waiting import PATIENCE

PICTURE = draw_sample_photo("hostile form", "EB-01", MONDAY)
REPORT = json.dumps(body(photos=[])).encode()
MIB = 1 << 20


def part(name, content=b"", *more):
    head = b"\r\n".join([b'Content-Disposition: form-data; name="' + name + b'"', *more])
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def photo(filename):
    return (
        b'--b\r\nContent-Disposition: form-data; name="photo"; filename=' + filename + b"\r\n\r\n" + PICTURE + b"\r\n"
    )


GOOD = part(b"report", REPORT)
END = b"--b--\r\n"
NESTED = b"--c\r\n" * 1000 + part(b"report", REPORT).replace(b"--b", b"--c") + b"--c--\r\n"
FORMS = {
    "thousands of parts": (GOOD + part(b"photo", PICTURE) * 5000 + END, 422),
    "thousands of empty parts": (part(b"") * 5000 + END, 422),
    "thousands of headers": (part(b"report", REPORT, *[b"X-A: 1"] * 5000) + END, 413),
    "a header folded a thousand times": (part(b"report", REPORT, b"X-A: 1", *[b" " + b"2" * 50] * 1000) + END, 413),
    "a header without end": (b"--b\r\nX-A: " + b"1" * MIB, 413),
    "a boundary that never comes": (b"x" * MIB, 400),
    "half boundaries": (GOOD + part(b"photo", b"\r\n--" * 200_000), 400),
    "no end": (GOOD, 400),
    "no end of the last part": (GOOD[:-2], 400),
    "only an end": (END, 422),
    "a form within a form": (part(b"report", NESTED, b"Content-Type: multipart/mixed; boundary=c") + END, 400),
    "an empty name": (part(b"", REPORT) + END, 422),
    "a name of 4 kB": (part(b"n" * 4000, REPORT) + END, 422),
    "a name with a line end": (part(b"report%0D%0AX: 1", REPORT) + END, 422),
    "a name with a NUL": (part(b"report\0", REPORT) + END, 422),
    "the same field twice": (GOOD + GOOD + END, 422),
    "a field for the charset": (part(b"_charset_", b"utf-7") + GOOD + END, 422),
    "utf-7": (part(b"report", b"+AHs-", b"Content-Type: text/plain; charset=utf-7") + END, 400),
    "utf-16": (
        part(b"report", REPORT.decode().encode("utf-16"), b"Content-Type: text/plain; charset=utf-16") + END,
        400,
    ),
    "a part in base64": (part(b"report", b"e30=", b"Content-Transfer-Encoding: base64") + END, 400),
    "a part with a length that lies": (part(b"report", REPORT, b"Content-Length: 5") + END, 400),
    "a part with a negative length": (part(b"report", REPORT, b"Content-Length: -5") + END, 400),
    "a part with a length of a million digits": (part(b"report", REPORT, b"Content-Length: " + b"9" * MIB) + END, 413),
    "a deep report": (part(b"report", b'{"a":' * 100_000) + END, 422),
    "a report of a million digits": (part(b"report", b'{"quantity":' + b"9" * 900_000 + b"}") + END, 422),
    "a filename of 10 kB": (GOOD + photo(b'"' + b"a" * 10_000 + b'.jpg"') + END, 413),
}
HARMLESS_NAMES = {
    "a path": b'"../../../../tmp/anxun-was-here.jpg"',
    "a path of Windows": rb'"C:\..\..\anxun-was-here.jpg"',
    "a NUL": b'"a\0.jpg"',
    "a line end": b'"a%0D%0AX-Injected: 1.jpg"',
    "an absolute path": b'"/etc/passwd"',
    "another charset": b"\"a\"; filename*=utf-7''%2B2D3eAC",
}


def files_below(folder):
    return sorted(each.name for each in folder.rglob("*") if each.is_file())


def send(api, raw, path="/hazards", boundary="b", **headers):
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}", **headers}
    return api.call("inspector", "POST", path, content=raw, headers=kind)


def check_refusal(answer, status):
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("name", FORMS)
def test_a_hostile_form_is_refused_and_leaves_nothing(api, name):
    raw, status = FORMS[name]
    check_refusal(send(api, raw), status)
    assert files_below(api.folder / "photos") == []
    assert api.get("officer", "/hazards").json()["items"] == []


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_a_file_name_decides_nothing(api, name):
    answer = send(api, GOOD + photo(HARMLESS_NAMES[name]) + END)
    assert answer.status_code == 201, answer.text
    digest = hashlib.sha256(PICTURE).hexdigest()
    assert [each["sha256"] for each in answer.json()["hazard"]["photos"]] == [digest]
    assert "x-injected" not in answer.headers
    named = [each for each in files_below(api.folder.parent) if "anxun-was-here" in each or "passwd" in each]
    assert not named


@pytest.mark.parametrize("boundary", ["", "b" * 71, "b" * 100_000, '"b\\"b"; boundary=c'])
def test_a_boundary_that_no_program_writes_is_refused(api, boundary):
    """RFC 2046, 5.1.1: a boundary has 1 to 70 characters. The parser keeps as many bytes as it is long."""
    line = b"--" + boundary.encode() + b"\r\n"
    raw = line + GOOD.partition(b"\r\n")[2] + line[:-2] + b"--\r\n"
    check_refusal(send(api, raw, boundary=boundary), 400)
    longest = "b" * 70
    whole = (GOOD + photo(b'"a.jpg"') + END).replace(b"--b", b"--" + longest.encode())
    assert send(api, whole, boundary=longest).status_code == 201


def test_a_compressed_form_is_not_expanded(api):
    bomb = gzip.compress(GOOD + part(b"photo", bytes(50 * MIB)) + END)
    check_refusal(send(api, bomb, **{"Content-Encoding": "gzip"}), 400)
    picture = gzip.compress(PICTURE)
    answer = api.call(
        "inspector",
        "PUT",
        f"/photos/{hashlib.sha256(picture).hexdigest()}",
        content=picture,
        headers={"Content-Encoding": "gzip"},
    )
    check_refusal(answer, 415)


# against a real server, whose memory is watched ----------------------------------------------------------------------


class Attacker:
    """Sends forms as an inspector over connections of its own, byte by byte as an attacker writes them."""

    def __init__(self, server):
        self.server = server
        with closing(server.client()) as client:
            self.token = client.headers["Authorization"]

    def head(self, *more, boundary="b"):
        lines = (
            "POST /api/v1/hazards HTTP/1.1",
            "Host: x",
            f"Authorization: {self.token}",
            f"Content-Type: multipart/form-data; boundary={boundary}",
            *more,
        )
        return "\r\n".join([*lines, "", ""]).encode()

    def send(self, head, chunks):
        """Sends as much as the server takes; returns the first line of its answer, empty where it only hangs up."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as connection:
            try:
                connection.sendall(head)
                for chunk in chunks:
                    connection.sendall(chunk)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has answered already
            try:
                return connection.recv(65536).partition(b"\r\n")[0]
            except OSError:
                return b""


def chunk_body(pieces, extension=b""):
    for piece in pieces:
        yield b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
    yield b"0\r\n\r\n"


def memory(server):
    return psutil.Process(server.process.pid).memory_info().rss


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_large_hostile_forms_cost_a_server_little_memory(tmp_path):
    server = Process(tmp_path / "data").start()
    attacker = Attacker(server)
    megabyte = bytes(MIB)
    streams = {
        "a field of 100 MB": [b'--b\r\nContent-Disposition: form-data; name="report"\r\n\r\n', *[megabyte] * 100],
        "a preamble of 100 MB": [megabyte] * 100,
        "an epilogue of 100 MB": [GOOD + END, *[megabyte] * 100],
        "a header of 100 MB": [b"--b\r\nX: ", *[megabyte] * 100],
        "twenty photos of 20 MB": [part(b"photo", megabyte * 19)] * 20,
        "a photo of 100 MB": [b'--b\r\nContent-Disposition: form-data; name="photo"\r\n\r\n', *[megabyte] * 100],
        "a million parts": [part(b"photo", b"x") * 1000] * 1000,
    }
    answers = {}
    try:
        attacker.send(attacker.head("Transfer-Encoding: chunked"), chunk_body([GOOD + photo(b'"a.jpg"') + END]))
        before = memory(server)
        for name, pieces in streams.items():
            answers[name] = attacker.send(attacker.head("Transfer-Encoding: chunked"), chunk_body(pieces))
            assert memory(server) - before < 64 * MIB, name
        answers["huge chunk extensions"] = attacker.send(
            attacker.head("Transfer-Encoding: chunked"), chunk_body([b"x"] * 1000, b";" + b"e" * 100_000)
        )
        answers["a long boundary, a byte at a time"] = attacker.send(
            attacker.head("Transfer-Encoding: chunked", boundary="b" * 200_000), chunk_body([b"x"] * 20_000)
        )
        for length in ("1", "-1", "99999999999999999999999", "1e3", "5, 6", "18446744073709551615"):
            answers[f"Content-Length {length}"] = attacker.send(
                attacker.head(f"Content-Length: {length}"), [GOOD + photo(b'"a.jpg"') + END]
            )
        answers["two lengths"] = attacker.send(attacker.head("Content-Length: 5", "Content-Length: 900"), [GOOD + END])
        answers["a length and chunks"] = attacker.send(
            attacker.head("Content-Length: 5", "Transfer-Encoding: chunked"), chunk_body([b"x"])
        )
        assert memory(server) - before < 64 * MIB
        wrong = {name: line for name, line in answers.items() if line and not line.startswith(b"HTTP/1.1 4")}
        assert not wrong
        assert not list((server.folder / "photos" / "incoming").iterdir())
        with closing(server.client()) as client:
            sent = {"report": json.dumps(body(photos=[]))}
            assert client.post("/hazards", data=sent, files={"photo": ("a.jpg", PICTURE)}).status_code == 201
    finally:
        server.stop(signal.SIGKILL)
