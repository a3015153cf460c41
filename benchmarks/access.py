"""Measures authentication, and how a server copes with slow clients, large uploads and endless bodies.

Authentication is measured in this process: the same handler behind a public route and behind one that requires a
token, in turn. The other parts start a server each.
"""

import argparse
import asyncio
import socket
import sys
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from typing import Any

from litestar import get

from api.accounts.guard import check_routes
from api.accounts.sign_in.authentication import AttemptOrigin, Authenticator
from api.app import build_app, utc_now
from api.demo.office import load_office
from api.http.client_address import parse_network
from api.settings import Settings
from benchmarks.figures import Figure, Run, run_benchmark
from benchmarks.photos_memory import large_picture, memory_mebibytes, run_fresh_server
from benchmarks.photos_sender import upload_photos
from benchmarks.sides import Anxun, BenchmarkError
from storage.database import open_database
from storage.migration import migrate
from storage.photos.sample_images import draw_sample_photo

REQUESTS, ROUNDS = 5_000, 5
SLOW, HEALTHY = 1_000, 2_000
PHOTOS, PHOTO_BYTES = 64, 19_990_000
ENDLESS_BYTES, CHUNK = 10_000_000_000, 1 << 20
_PASSWORD = "a password for this benchmark"  # the office exists only during this run


def authentication(run: Run, folder: Path) -> None:
    with run.watch_machine("authentication"):
        above = asyncio.run(_measure_authentication(folder))
    run.figures.append(Figure("signed in compared with public: additional CPU µs", above, [], most=40))


async def _measure_authentication(folder: Path) -> list[float]:
    """Returns, for each round, the CPU microseconds that a signed-in request costs more than a public one."""
    settings = Settings(data=str(folder), tick_seconds=60)
    migrate(settings.database_url)
    database = open_database(settings.database_url)
    await load_office(database, _PASSWORD)
    await database.close()
    app = build_app(settings, background_work=False)

    async def answer() -> dict[str, str]:
        return {"status": "live"}

    for path, action in (("/public", "public"), ("/signed-in", "me")):
        app.register(get(path, opt={"action": action})(answer))
    check_routes(app)
    async with app.lifespan():
        authenticator = app.state.context.part(Authenticator)
        _, tokens = await authenticator.open_with_password(
            "inspector", _PASSWORD, "benchmark", AttemptOrigin(parse_network(""))
        )
        public, signed_in = _scope("/public"), _scope("/signed-in", tokens.access)
        rounds = [[await _cpu_per_request(app, scope) for scope in (public, signed_in)] for _ in range(ROUNDS + 1)]
    return [above - below for below, above in rounds[1:]]  # the first round warms up


def _scope(path: str, token: str = "") -> dict[str, Any]:
    bearer = [(b"authorization", f"Bearer {token}".encode())] if token else []
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *bearer],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


async def _cpu_per_request(app: Any, scope: dict[str, Any]) -> float:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    statuses: set[int] = set()

    async def send(message: dict[str, Any]) -> None:
        statuses.add(message.get("status", 200))

    begun = time.process_time()
    for _ in range(REQUESTS):
        await app({**scope, "headers": list(scope["headers"])}, receive, send)
    taken = time.process_time() - begun
    if statuses != {200}:
        raise BenchmarkError(f"answers {statuses}")
    return taken / REQUESTS * 1e6


def slow_connections(run: Run, folder: Path) -> None:
    """Measures one normal client alone and beside a thousand that send one byte a second."""
    with run_fresh_server(folder / "slow") as server:
        bearer = server.sign_in()
        alone = _list_p99(server, bearer)
        with run.watch_machine(f"{SLOW} slow connections", server.process_id), _slow_clients(server, bearer):
            run.figures.append(
                Figure(f"p99 beside {SLOW} slow connections: ms", [_list_p99(server, bearer)], [], most=200)
            )
        run.figures.append(Figure("p99 alone: ms", [alone], []))


@contextmanager
def _slow_clients(server: Anxun, bearer: str) -> Generator[None]:
    """Opens slow clients: half never finish their headers, half never finish a photo; each sends one byte a second."""
    ended = threading.Event()
    head = f"PUT /api/v1/photos/{'0' * 64} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n"
    with ExitStack() as stack:
        connections = (socket.create_connection(("127.0.0.1", server.port)) for _ in range(SLOW))
        clients = [stack.enter_context(closing(each)) for each in connections]
        for number, client in enumerate(clients):
            client.sendall((head + ("X-Slow: " if number % 2 else "Content-Length: 9999999\r\n\r\n")).encode())

        def drip() -> None:
            while not ended.wait(1.0):
                for client in clients:
                    try:
                        client.send(b"x")
                    except OSError:  # the server has closed the connection, as it should
                        continue

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            yield
        finally:
            ended.set()
            dripping.join()


def _list_p99(server: Anxun, bearer: str) -> float:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        times: list[float] = []
        for _ in range(HEALTHY):
            begun = time.perf_counter()
            client.request("GET", "/api/v1/hazards?limit=10", headers={"Authorization": f"Bearer {bearer}"})
            answer = client.getresponse()
            answer.read()
            if answer.status != 200:
                raise BenchmarkError(f"answered {answer.status}")
            times.append((time.perf_counter() - begun) * 1000)
    return quantiles(times, n=100)[98]


def large_uploads(run: Run, folder: Path) -> None:
    drawn = folder / "drawn.jpg"
    drawn.write_bytes(draw_sample_photo("benchmark", "EB-01", utc_now()))
    picture = large_picture(drawn, PHOTO_BYTES)
    with (
        run_fresh_server(folder / "large") as server,
        run.watch_machine(f"{PHOTOS} photos of 20 MB", server.process_id),
    ):
        sent = upload_photos(server.port, server.sign_in(), [picture], PHOTOS, 120, each=1)
        run.failures += sent.errors
        heading = f"{PHOTOS} photos of 20 MB at once, peak: MiB"
        run.figures.append(Figure(heading, [memory_mebibytes(server, "VmHWM")], [], most=300))


def endless_body(run: Run, folder: Path) -> None:
    """Sends chunked bodies of 10 GB as a photo and as a report; the server must refuse both at its limit."""
    with run_fresh_server(folder / "endless") as server, run.watch_machine("10 GB chunked", server.process_id):
        bearer = server.sign_in()
        before = memory_mebibytes(server, "VmHWM")
        routes = (("PUT", f"/api/v1/photos/{'0' * 64}"), ("POST", "/api/v1/hazards"))
        sent = [_send_endless_body(server, bearer, *route) for route in routes]
        run.figures.append(
            Figure("10 GB chunked: MiB more at the peak", [memory_mebibytes(server, "VmHWM") - before], [], most=64)
        )
        run.figures.append(Figure("10 GB chunked: MB sent before it was refused", [max(sent) / 1e6], []))


def _send_endless_body(server: Anxun, bearer: str, method: str, path: str) -> int:
    """Returns the bytes sent until the server closed the connection. Raises BenchmarkError if it took all of them."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as client:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n"
        client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk, sent = f"{CHUNK:x}\r\n".encode() + bytes(CHUNK) + b"\r\n", 0
        try:
            while sent < ENDLESS_BYTES:
                client.sendall(chunk)
                sent += CHUNK
        except OSError:  # the server has closed the connection
            return sent
    raise BenchmarkError(f"{path} took {sent} bytes")


def run_parts(run: Run, folder: Path) -> None:
    for part in (authentication, slow_connections, large_uploads, endless_body):
        here = folder / part.__name__
        here.mkdir()
        part(run, here)


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    return run_benchmark("Access", "access", run_parts)


if __name__ == "__main__":
    sys.exit(main())
