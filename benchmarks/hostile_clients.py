"""Hostile clients that occupy a server's resources; `benchmarks.hostile` runs them in a separate process.

    python -m benchmarks.hostile_clients PORT BEARER SECONDS

Prints, as JSON, the connections opened, those ended by the server, and the responses by status.
"""

import heapq
import json
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count

IDLE, SLOW, READERS = 5_000, 1_000, 1_024
METHODS_EACH_SECOND = 50
METHOD_BYTES = 60_000
_LETTER_SECONDS = 5.0
_AGAIN_SECONDS = 15.0
"""Delay until a refused reader tries again, whatever the response says."""
_CONNECTS_AT_ONCE = 20


class HostileClients:
    """All hostile clients in one loop of sockets and scheduled tasks."""

    def __init__(self, port: int, bearer: str) -> None:
        self._address = ("127.0.0.1", port)
        self._reader = f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode()
        self._selector = selectors.DefaultSelector()
        self._tasks: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._methods = _unknown_methods()
        self.seen: Counter[str] = Counter()

    def run(self, seconds: float) -> None:
        begun = time.monotonic()
        for kinds, opened in (
            (IDLE, self._open_idle_socket),
            (SLOW, self._open_slow_socket),
            (READERS, self._open_reader),
        ):
            for number in range(kinds):  # spread over the first five seconds
                self._schedule(begun + number * 5 / kinds, opened)
        for number in range(int(seconds * METHODS_EACH_SECOND)):
            self._schedule(begun + number / METHODS_EACH_SECOND, self._open_method)
        while (now := time.monotonic()) < begun + seconds:
            for _ in range(_CONNECTS_AT_ONCE):
                if not self._tasks or self._tasks[0][0] > now:
                    break
                heapq.heappop(self._tasks)[2]()
            due = self._tasks[0][0] - time.monotonic() if self._tasks else 1.0
            for key, _ in self._selector.select(max(0.0, min(1.0, due))):
                key.data()

    def _schedule(self, at: float, turn: Callable[[], None]) -> None:
        heapq.heappush(self._tasks, (at, next(self._numbers), turn))

    def _open(self, name: str, sent: bytes, ended: Callable[[], None]) -> socket.socket:
        """Connects, sends, and calls `ended` when the server has closed the connection."""
        self.seen[f"{name} opened"] += 1
        stranger = socket.create_connection(self._address)
        stranger.settimeout(0)
        self._selector.register(stranger, selectors.EVENT_READ, lambda: self._read(stranger, name, ended))
        with suppress(BlockingIOError, OSError):
            stranger.send(sent)
        return stranger

    def _read(self, stranger: socket.socket, name: str, ended: Callable[[], None]) -> None:
        try:
            came = stranger.recv(65536)
        except OSError:
            came = b""
        if came.startswith(b"HTTP/1.1 "):
            self.seen[f"{name} {came[9:12].decode()}"] += 1
        if not came or came.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")):
            self.seen[f"{name} ended"] += not came
            self._selector.unregister(stranger)
            stranger.close()
            ended()

    def _open_idle_socket(self) -> None:
        self._open("idle", b"", self._open_idle_socket)

    def _open_slow_socket(self) -> None:
        stranger = self._open("slow", b"GET /health/live HTTP/1.1\r\nX-Slow: ", self._open_slow_socket)
        self._schedule(time.monotonic() + _LETTER_SECONDS, lambda: self._send_letter(stranger))

    def _send_letter(self, stranger: socket.socket) -> None:
        if stranger.fileno() < 0:
            return
        with suppress(OSError):
            stranger.send(b"x")
        self._schedule(time.monotonic() + _LETTER_SECONDS, lambda: self._send_letter(stranger))

    def _open_reader(self) -> None:
        self._open("reader", self._reader, lambda: self._schedule(time.monotonic() + _AGAIN_SECONDS, self._open_reader))

    def _open_method(self) -> None:
        self._open("method", next(self._methods) + b" / HTTP/1.1\r\nHost: x\r\n\r\n", lambda: None)

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # a socket
        self._selector.close()


def _unknown_methods() -> Iterator[bytes]:
    """Yields unknown HTTP methods, each of them different."""
    for number in count():
        yield f"X{number}".encode().ljust(METHOD_BYTES, b"X")


def main() -> None:
    port, bearer, seconds = sys.argv[1:]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with closing(HostileClients(int(port), bearer)) as clients:
        clients.run(float(seconds))
        print(json.dumps(clients.seen))


if __name__ == "__main__":
    main()
