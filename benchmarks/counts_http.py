"""Measures statistics over HTTP as a dashboard reads them, beside FastAPI, and a full ledger beside other requests."""

import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import quantiles
from threading import Event

import psycopg
from sqlalchemy import Engine, update

from benchmarks.counts_data import COMMUNITIES
from benchmarks.feed import FeedServer
from benchmarks.figures import Figure, Run, console
from benchmarks.measure import cpu_seconds
from benchmarks.photos_memory import memory_mebibytes
from benchmarks.sides import BENCH_BIN, Anxun, BenchmarkError, FastApi, Server
from benchmarks.storage_postgres import create_database
from inspections.accounts.people import Grant, Role
from storage.accounts.tables import people

LOOKS = 60
ROUNDS = 3
ALONE_SECONDS = 8.0
_PAUSE_SECONDS = 0.01
_SETTLED_SECONDS = 180
_IDLE_SECONDS = 0.1
_PIECE = 1 << 18


class StatisticsServer(FeedServer):
    """A server on a filled store; its analyst may see all communities."""

    _password = "of nobody"  # that of the office which a Store starts with

    def __init__(self, folder: Path, url: str, engine: Engine) -> None:
        super().__init__(folder, url)
        with engine.begin() as connection:
            everywhere = (Grant(Role.ANALYST, ""),)
            connection.execute(update(people).where(people.c.username == "analyst").values(grants=everywhere))

    def start_without_requests(self) -> None:
        super().start_without_requests()
        self.bearer = {"Authorization": f"Bearer {self.sign_in('analyst')}"}
        self._wait_for_idle_server()

    def _wait_for_idle_server(self) -> None:
        """Waits until the server has finished its work after the start (yesterday's digest), which is not measured."""
        until, spent = time.monotonic() + _SETTLED_SECONDS, -1.0
        while time.monotonic() < until and (now := cpu_seconds(self.process_id)) - spent > _IDLE_SECONDS:
            spent = now
            time.sleep(1)


class FastApiStatistics(FastApi):
    """FastAPI with the same numbers of reports and communities, as unevenly spread; it receives no reports."""

    def __init__(self, folder: Path, database: str, rows: int) -> None:
        super().__init__(folder, [], database)
        self._rows, self._database = rows, f"postgresql://postgres@127.0.0.1:5432/{database}"

    def prepare_requests(self) -> None:
        self.media = self.folder / "media"
        self.media.mkdir()

    def fill(self) -> None:
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO communities (name) SELECT 'more-' || n FROM generate_series(51, %s) AS n", [COMMUNITIES]
            )
            connection.execute(
                """INSERT INTO reports (id, community_id, category, severity, description, lat, lon, created_at)
                SELECT gen_random_uuid()::text, 1 + (random() * random() * random() * %s)::int, 'EB-01', 2,
                       '楼梯间给电动车充电，电线从二楼窗口拉下', 30.7622, 120.7511, now()
                FROM generate_series(1, %s)""",
                [COMMUNITIES - 1, self._rows],
            )
            connection.execute("VACUUM (ANALYZE)")


@contextmanager
def _run_server(side: Anxun | FastApiStatistics) -> Generator[None]:
    try:
        side.start_without_requests() if isinstance(side, Anxun) else side.start()
        yield
    finally:
        side.stop()


def _unique_format_query(number: int) -> str:
    """Returns `format=json`, which is the default, in one of 1024 percent-encoded spellings that no cache has."""
    name = (f"%{ord(each):x}" if number >> at & 1 else each for at, each in enumerate("format"))
    value = (f"%{ord(each):x}" if number >> at & 1 else each for at, each in enumerate("json", 6))
    return f"{''.join(name)}={''.join(value)}"


class _Client:
    """One connection that repeats requests."""

    def __init__(self, side: Server, **headers: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", side.port, timeout=60)
        self._headers = headers
        self._another = count(1)

    def get(self, path: str, **more: str) -> tuple[float, str]:
        """Requests the path. Returns the milliseconds until the whole response has arrived, and its ETag."""
        begun = time.perf_counter()
        self._connection.request("GET", path, headers={**self._headers, **more})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in {200, 304}:
            raise BenchmarkError(f"{path}: {answer.status} {content[:200]!r}")
        return (time.perf_counter() - begun) * 1000, answer.headers.get("ETag", "")

    def p95(self, path: str, *, anew: bool = False, **more: str) -> float:
        """Returns the 95th percentile. `anew`: each request spells its query differently, so that none is cached."""
        self._connection.close()  # the server closed it meanwhile; the next request reconnects
        joined = f"{path}{'&' if '?' in path else '?'}"
        paths = [f"{joined}{_unique_format_query(next(self._another))}" if anew else path for _ in range(LOOKS)]
        return quantiles([self.get(each, **more)[0] for each in paths], n=100)[94]

    def close(self) -> None:
        self._connection.close()


_ALL = "/api/v1/statistics/communities"


def measure_looks(run: Run, name: str, side: StatisticsServer) -> None:
    """Measures what a dashboard requests: recounted, cached and unchanged (304)."""
    with closing(_Client(side, **side.bearer)) as client:
        _, tag = client.get(_ALL)
        run.figures += [
            Figure(f"{name}: all communities over HTTP, p95 ms", [client.p95(_ALL, anew=True)], []),
            Figure(f"{name}: … repeated, nothing changed, p95 ms", [client.p95(_ALL)], []),
            Figure(f"{name}: a 304 over HTTP, p95 ms", [client.p95(_ALL, **{"If-None-Match": tag})], []),
        ]


def compare_with_fastapi(run: Run, folder: Path, side: StatisticsServer, rows: int) -> None:
    """Compares all communities with FastAPI, both on PostgreSQL. FastAPI's /stats returns what `received` is."""
    if not (BENCH_BIN / "uvicorn").exists():
        console.print("[bold yellow]Without FastAPI:[/] it is set up by: bash benchmarks/run.sh --quick")
        return
    with create_database() as database:
        rival = FastApiStatistics(folder / "fastapi", database.url.rpartition("/")[2], rows)
        with _run_server(rival):
            rival.fill()
            with closing(_Client(side, **side.bearer)) as ours, closing(_Client(rival)) as theirs:
                sides: dict[str, Callable[[], float]] = {
                    "the same figure": lambda: ours.p95(f"{_ALL}?fields=received", anew=True),
                    "every figure": lambda: ours.p95(_ALL, anew=True),
                    "nothing changed": lambda: ours.p95(_ALL),
                    "FastAPI": lambda: theirs.p95("/stats"),
                }
                turns = run.take_turns("all communities, beside FastAPI", ROUNDS, sides)
    for how in ("the same figure", "every figure", "nothing changed"):
        heading = f"PostgreSQL: all communities over HTTP, {how}, beside FastAPI's /stats, p95 ms"
        run.figures.append(Figure(heading, turns[how], turns["FastAPI"], most=0.1))


def measure_ledger(run: Run, name: str, side: StatisticsServer, rows: int) -> None:
    """Measures reading the whole ledger as CSV, and GET /me by another person meanwhile."""
    with closing(_Client(side, **side.bearer)) as other:
        until = time.monotonic() + ALONE_SECONDS
        alone = _request_waits(other, lambda: time.monotonic() > until)
        idle, most, done = memory_mebibytes(side, "VmRSS"), [0.0], Event()
        with ThreadPoolExecutor(2) as threads:
            taken = threads.submit(_read_ledger, side, done)
            watched = threads.submit(_watch_memory, side, done, most)
            beside = _request_waits(other, done.is_set)
            lines, seconds = taken.result()
            watched.result()
    if lines < rows:
        run.failures.append(f"{name}: a ledger of {lines:,} lines, of {rows:,}")
    run.figures += [
        Figure(f"{name}: ledger as CSV, lines/s", [lines / seconds], [], least=50_000),
        Figure(f"{name}: … MiB above idle, all processes", [most[0] - idle], [], most=64),
        Figure(f"{name}: … GET /me meanwhile, p99 ms", [_p99(beside)], [_p99(alone)], most=2),
    ]


def _request_waits(client: _Client, over: Callable[[], bool]) -> list[float]:
    waits: list[float] = []
    while not over():
        waits.append(client.get("/api/v1/me")[0])
        time.sleep(_PAUSE_SECONDS)
    return waits


def _p99(waits: list[float]) -> float:
    return quantiles(waits, n=100)[98]


def _watch_memory(side: StatisticsServer, done: Event, most: list[float]) -> None:
    while not done.wait(0.1):
        most[0] = max(most[0], memory_mebibytes(side, "VmRSS"))


def _read_ledger(side: StatisticsServer, done: Event) -> tuple[int, float]:
    """Reads the ledger. Returns the number of lines, without the title, and the seconds."""
    connection = HTTPConnection("127.0.0.1", side.port, timeout=120)
    begun, lines = time.perf_counter(), -1
    try:
        connection.request("GET", "/api/v1/ledger.csv", headers=side.bearer)
        answer = connection.getresponse()
        if answer.status != 200:
            raise BenchmarkError(f"ledger: {answer.status} {answer.read()[:200]!r}")
        while piece := answer.read(_PIECE):
            lines += piece.count(b"\n")
        return lines, time.perf_counter() - begun
    finally:
        connection.close()
        done.set()


def measure_server(run: Run, folder: Path, name: str, store: tuple[str, Engine], rows: int) -> None:
    """Measures a running server. `store`: the database's URL, and an engine that may write to it."""
    side = StatisticsServer(folder / f"served-{name}", *store)
    with _run_server(side), run.watch_machine(f"{name}, served"):
        measure_looks(run, name, side)
        measure_ledger(run, name, side, rows)
        if name == "PostgreSQL":
            compare_with_fastapi(run, folder, side, rows)
