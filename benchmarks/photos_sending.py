"""Photos sent by threads that cost little: the kernel takes each photo whole, and its digest is known beforehand."""

import os
import socket
import struct
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from typing import NamedTuple

from benchmarks.sides import Broken

_TOKEN_BYTES = 16
_ANSWER_SECONDS = 120


class Picture:
    """Random bytes behind its end make every copy another photo; the digest of all before them is made once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._digest = sha256(data)

    @property
    def size(self) -> int:
        return len(self.data) + _TOKEN_BYTES

    def fresh(self) -> tuple[str, bytes]:
        """The digest of a photo that nobody has sent before, and its last bytes."""
        token = os.urandom(_TOKEN_BYTES)
        digest = self._digest.copy()
        digest.update(token)
        return digest.hexdigest(), token


class Connection:
    """One client, signed in."""

    def __init__(self, port: int, bearer: str) -> None:
        self._bearer = bearer
        self._socket = socket.create_connection(("127.0.0.1", port))
        # a time limit of Python's own would make each call a poll and a small write: let the kernel keep it
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _ANSWER_SECONDS, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def put(self, picture: Picture) -> None:
        """Raises Broken for any answer but a 2xx, OSError or HTTPException for none."""
        digest, token = picture.fresh()
        self._send([self._head(digest, picture), picture.data, token])
        answer = HTTPResponse(self._socket, method="PUT")
        answer.begin()
        said = answer.read()
        if not 200 <= answer.status < 300:
            raise Broken(f"{answer.status} {said[:200]!r}")

    def begin(self, picture: Picture, part: float) -> int:
        """Sends a part of a photo and no more; answers how many bytes of it."""
        sent = int(picture.size * part)
        self._send([self._head(picture.fresh()[0], picture), memoryview(picture.data)[:sent]])
        return sent

    def _head(self, digest: str, picture: Picture) -> bytes:
        return (
            f"PUT /api/v1/photos/{digest} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {picture.size}\r\nAuthorization: Bearer {self._bearer}\r\n\r\n"
        ).encode()

    def _send(self, pieces: Sequence[bytes | memoryview]) -> None:
        views = [memoryview(piece) for piece in pieces]
        while views:
            sent = self._socket.sendmsg(views)
            while views and sent >= len(views[0]):
                sent -= len(views.pop(0))
            if views:
                views[0] = views[0][sent:]

    def close(self) -> None:
        self._socket.close()


class Sent(NamedTuple):
    """What all clients together did, until the last answer."""

    photos: int
    megabytes: float
    seconds: float
    errors: list[str]

    @property
    def rate(self) -> float:
        return self.megabytes / self.seconds


def flood(port: int, bearer: str, pictures: list[Picture], clients: int, seconds: float, each: int = 0) -> Sent:
    """Every client sends one photo after the other; `each`: how many at most, 0 for no bound but the time."""
    begun = time.perf_counter()

    def client(number: int) -> tuple[list[int], str]:
        sizes: list[int] = []
        try:
            with closing(Connection(port, bearer)) as connection:
                while time.perf_counter() - begun < seconds and (not each or len(sizes) < each):
                    picture = pictures[(number + len(sizes)) % len(pictures)]
                    connection.put(picture)
                    sizes.append(picture.size)
        except (Broken, OSError, HTTPException) as error:
            return sizes, f"photo {len(sizes) + 1} of client {number}: {error!r}"
        return sizes, ""

    with ThreadPoolExecutor(clients) as threads:
        done = list(threads.map(client, range(clients)))
    taken = time.perf_counter() - begun
    photos = [size for sizes, _ in done for size in sizes]
    return Sent(len(photos), sum(photos) / 1e6, taken, [error for _, error in done if error])
