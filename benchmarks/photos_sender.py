"""Sends photos at little cost: each goes to the kernel in one call, and its digest is computed from a prefix."""

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

from benchmarks.sides import BenchmarkError

_TOKEN_BYTES = 16
_ANSWER_SECONDS = 120


class Picture:
    """A photo whose copies differ by random bytes at the end; the digest of the bytes before is computed once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._digest = sha256(data)

    @property
    def size(self) -> int:
        return len(self.data) + _TOKEN_BYTES

    def unique_copy(self) -> tuple[str, bytes]:
        """Returns the digest and the last bytes of a new copy."""
        token = os.urandom(_TOKEN_BYTES)
        digest = self._digest.copy()
        digest.update(token)
        return digest.hexdigest(), token


class Connection:
    """A signed-in client with one connection."""

    def __init__(self, port: int, bearer: str) -> None:
        self._bearer = bearer
        self._socket = socket.create_connection(("127.0.0.1", port))
        # the kernel keeps the time limit: one of Python would add a poll to each call and split the writes
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _ANSWER_SECONDS, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def upload(self, picture: Picture) -> None:
        """Uploads a new copy. Raises BenchmarkError for a status other than 2xx, OSError, HTTPException."""
        digest, token = picture.unique_copy()
        self._send([self._head(digest, picture), picture.data, token])
        answer = HTTPResponse(self._socket, method="PUT")
        answer.begin()
        content = answer.read()
        if not 200 <= answer.status < 300:
            raise BenchmarkError(f"{answer.status} {content[:200]!r}")

    def upload_part(self, picture: Picture, part: float) -> int:
        """Sends only the given part of a photo and returns its bytes."""
        sent = int(picture.size * part)
        self._send([self._head(picture.unique_copy()[0], picture), memoryview(picture.data)[:sent]])
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


class UploadResult(NamedTuple):
    """The uploads of all clients together, until the last response."""

    photos: int
    megabytes: float
    seconds: float
    errors: list[str]

    @property
    def rate(self) -> float:
        return self.megabytes / self.seconds


def upload_photos(
    port: int, bearer: str, pictures: list[Picture], clients: int, seconds: float, each: int = 0
) -> UploadResult:
    """Uploads photos by `clients` threads for `seconds`. `each`: the maximum per client; 0 for no maximum."""
    begun = time.perf_counter()

    def client(number: int) -> tuple[list[int], str]:
        sizes: list[int] = []
        try:
            with closing(Connection(port, bearer)) as connection:
                while time.perf_counter() - begun < seconds and (not each or len(sizes) < each):
                    picture = pictures[(number + len(sizes)) % len(pictures)]
                    connection.upload(picture)
                    sizes.append(picture.size)
        except (BenchmarkError, OSError, HTTPException) as error:
            return sizes, f"photo {len(sizes) + 1} of client {number}: {error!r}"
        return sizes, ""

    with ThreadPoolExecutor(clients) as threads:
        done = list(threads.map(client, range(clients)))
    taken = time.perf_counter() - begun
    photos = [size for sizes, _ in done for size in sizes]
    return UploadResult(len(photos), sum(photos) / 1e6, taken, [error for _, error in done if error])
