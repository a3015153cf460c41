"""Proves that the real server answers mutate requests without a fault of its own, and keeps running.

Good requests of every kind are recorded against a running server, mutated byte by byte and value by value, and sent
over sockets of their own. The seed makes a run repeatable: a failure names the request that made it.
"""

import os
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from tests.builders.postgres import new_database
from tests.builders.process import Process
from tests.builders.requests import Message, build_requests
from tests.builders.waiting import PATIENCE

MUTATIONS_IN_A_RUN = 2_600
"""A run sends so many mutations on each database."""
MUTATIONS_IN_A_DRILL = int(os.environ.get("ANXUN_MUTATIONS", "1000000"))
LANES = 4

VALUES = [
    *(b"null", b"true", b"-1", b"0", b"1e400", b"9" * 400, b"-0.0", b"NaN", b"[]", b"{}", b"[" * 3000, b'""'),
    *(b'"\\u0000"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff\xfe"', b'"' + b"x" * 70_000 + b'"', b'"\\u202e"'),
    *(b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59-12:00"', b'"2026-11-23T09:00:00+99:99"'),
    *(b'"00000000-0000-0000-0000-000000000000"', b'"' + b"0" * 64 + b'"', b'"\'; drop table hazards; --"'),
]
LINES = [
    *(b"Content-Type: application/json; charset=nonsense", b"Content-Type: multipart/form-data", b"Content-Type: \xff"),
    *(b"Content-Type: multipart/form-data; boundary=" + b"b" * 300, b"Content-Encoding: gzip", b"Expect: 100-continue"),
    *(b"Accept: ;;;,,,", b"Accept: application/geo+json", b"Range: bytes=9-1,--", b"If-None-Match: \xe9", b"X: \x00"),
    *(b"Authorization: Bearer \xff", b"Authorization: Bearer", b"Tus-Resumable: 9", b"Upload-Length: -1"),
    *(b"Upload-Offset: 99999999999999999999999", b"Upload-Metadata: a b c,,", b"Upload-Checksum: md5 x"),
    *(b"X-HTTP-Method-Override: \xff", b"X-Forwarded-For: ::::", b"Last-Event-ID: \xff", b"Content-Length: 10, 11"),
    *(b"Host: a b", b"Host: a:b", b"Host: \xe9"),
]


def mutate(chance, good):
    """Return the raw bytes of a good request with one to three mutations."""
    lines, content, length = list(good.lines), good.body, None
    for _ in range(chance.randint(1, 3)):
        kind = chance.random()
        if content and kind < 0.35:
            content = _replace_value(chance, content)
        elif content and kind < 0.6:
            content = _change_bytes(chance, content)
        elif kind < 0.75:
            lines[0] = _change_bytes(chance, lines[0])
        elif kind < 0.9:
            lines.insert(chance.randint(1, len(lines)), chance.choice(LINES))
        elif kind < 0.97:
            at = chance.randrange(1, len(lines))
            lines[at] = _change_bytes(chance, lines[at])
        else:
            length = max(0, len(content) + chance.choice([-5, -1, 1, 10**6, 10**12]))
    return Message(lines, content).raw(length)


def _replace_value(chance, content):
    """Put another value in the place of one value of a JSON body, or of as many bytes of any other body."""
    ends = [at for at, byte in enumerate(content[:20_000]) if byte in b",:}]"]
    if len(ends) < 2:
        return chance.choice(VALUES)
    at = chance.randrange(len(ends) - 1)
    return content[: ends[at] + 1] + chance.choice(VALUES) + content[ends[at + 1] :]


def _change_bytes(chance, content):
    at, many = chance.randrange(len(content) + 1), chance.choice([1, 1, 2, 8, 64])
    match chance.randrange(5):
        case 0:
            return content[:at] + content[at + many :]
        case 1:
            return content[:at] + chance.randbytes(many) + content[at:]
        case 2:
            return content[:at] + content[at : at + many] * 2 + content[at + many :]
        case 3:
            return (
                content[:at]
                + chance.choice([b"\x00", b"\xff", b"\xed\xa0\x80", b"%00", b"%ff", b"%", b"\r\n", b"//", b"../"])
                + content[at:]
            )
        case _:
            return (
                content[:at]
                + bytes(byte ^ 1 << chance.randrange(8) for byte in content[at : at + many])
                + content[at + many :]
            )


def send_raw(port, raw, waits=PATIENCE):
    """Send bytes; return the status, or None if the server closed the connection on bad HTTP or waits for more.

    `waits`: after so many seconds without an answer it is told that there is no more.
    """
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as there:
        with suppress(OSError):  # the server may close before it has read all
            there.sendall(raw)
        answer = b""
        with suppress(ConnectionError):
            there.settimeout(waits)
            try:
                while b"\r\n" not in answer and (more := there.recv(65536)):
                    answer += more
            except (
                TimeoutError
            ):  # the server waits for the rest of a longer body, or streams: tell it that there is none
                there.shutdown(socket.SHUT_WR)
                there.settimeout(PATIENCE)
                while b"\r\n" not in answer and (more := there.recv(65536)):
                    answer += more
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def send_mutations(process, number, seed):
    """Send so many mutations and return how often each status came; fail on the first fault."""
    good = build_requests(process)
    came = [send_raw(process.port, each.raw()) for each in good]
    assert [status for status in came if status not in {200, 201, 204}] == [401, 409]  # no token; an old version

    def one(at):
        chance = random.Random(f"{seed} {at}")  # noqa: S311  # so that it can be repeated
        raw = mutate(chance, chance.choice(good))
        came = send_raw(process.port, raw, waits=1)
        assert came is None or came < 500, (came, at, raw[:3000])
        return came

    with ThreadPoolExecutor(LANES) as lanes:
        return Counter(lanes.map(one, range(number)))


def check_mutations(process, number, seed):
    officer = process.client("officer")
    came = send_mutations(process, number, seed)
    assert sum(came.values()) == number
    assert came[400] + came[422] > number // 10  # many mutations reach the validation
    assert came[200] + came[201] > number // 100  # some mutations are still valid
    assert process.process.poll() is None
    with closing(officer):  # it signed in before: sign-ins are slowed down by now
        assert process.renew(officer).get("/hazards").status_code == 200
    assert b'"event": "fault"' not in process.log.read_bytes()
    assert b"Traceback" not in process.log.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def process(request, tmp_path):
    if request.param == "sqlite":
        started = Process(tmp_path / "data").start()
        yield started
        started.stop()
        return
    with new_database() as url:
        started = Process(tmp_path / "data", ANXUN_DATABASE=url).start()
        yield started
        started.stop()


def test_mutated_requests_cause_no_fault(process):
    check_mutations(process, MUTATIONS_IN_A_RUN, "default")


@pytest.mark.drill
def test_a_million_mutated_requests_cause_no_fault(process):
    check_mutations(process, MUTATIONS_IN_A_DRILL // 2, "drill")
