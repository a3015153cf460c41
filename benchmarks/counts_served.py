"""The figures as a dashboard pulls them, beside FastAPI's; and a ledger of everything while others are at work."""

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

from benchmarks.counts_filling import COMMUNITIES
from benchmarks.feed import Kept
from benchmarks.figures import Figure, Run, console
from benchmarks.measure import cpu_seconds
from benchmarks.photos_memory import held
from benchmarks.sides import BENCH_BIN, Anxun, Broken, FastApi, Side
from benchmarks.storage_postgres import own_database
from inspections.accounts.people import Grant, Role
from storage.accounts.tables import people

LOOKS = 60
ROUNDS = 3
ALONE_SECONDS = 8.0
_PAUSE_SECONDS = 0.01
_SETTLED_SECONDS = 180
_IDLE_SECONDS = 0.1
_PIECE = 1 << 18


class Served(Kept):
    """A filled store, served; its analyst sees all of it."""

    _password = "of nobody"  # of the office that a Store begins with

    def __init__(self, folder: Path, url: str, engine: Engine) -> None:
        super().__init__(folder, url)
        with engine.begin() as connection:
            everywhere = (Grant(Role.ANALYST, ""),)
            connection.execute(update(people).where(people.c.username == "analyst").values(grants=everywhere))

    def open(self) -> None:
        super().open()
        self.bearer = {"Authorization": f"Bearer {self.sign_in('analyst')}"}
        self._settle()

    def _settle(self) -> None:
        """What a server does by itself when it has begun (the digest of yesterday) is not what is measured."""
        until, spent = time.monotonic() + _SETTLED_SECONDS, -1.0
        while time.monotonic() < until and (now := cpu_seconds(self.process_id)) - spent > _IDLE_SECONDS:
            spent = now
            time.sleep(1)


class Counting(FastApi):
    """FastAPI with as many reports in as many communities, as uneven; nobody sends it anything."""

    def __init__(self, folder: Path, database: str, rows: int) -> None:
        super().__init__(folder, [], database)
        self._rows, self._database = rows, f"postgresql://postgres@127.0.0.1:5432/{database}"

    def prepare(self) -> None:
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
def _running(side: Anxun | Counting) -> Generator[None]:
    try:
        side.open() if isinstance(side, Anxun) else side.start()
        yield
    finally:
        side.stop()


def _spelt(number: int) -> str:
    """A query that asks for JSON, as is done without one, in one of 1024 spellings."""
    name = (f"%{ord(each):x}" if number >> at & 1 else each for at, each in enumerate("format"))
    value = (f"%{ord(each):x}" if number >> at & 1 else each for at, each in enumerate("json", 6))
    return f"{''.join(name)}={''.join(value)}"


class _Client:
    """One connection that asks again and again."""

    def __init__(self, side: Side, **headers: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", side.port, timeout=60)
        self._headers = headers
        self._another = count(1)

    def look(self, path: str, **more: str) -> tuple[float, str]:
        """Milliseconds until the whole answer is there, and its tag."""
        begun = time.perf_counter()
        self._connection.request("GET", path, headers={**self._headers, **more})
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status not in {200, 304}:
            raise Broken(f"{path}: {answer.status} {said[:200]!r}")
        return (time.perf_counter() - begun) * 1000, answer.headers.get("ETag", "")

    def p95(self, path: str, *, anew: bool = False, **more: str) -> float:
        """`anew`: each with a query of its own that asks the same, so that nothing is there that was said before."""
        self._connection.close()  # the server has, while the other side was asked; the next request opens it again
        joined = f"{path}{'&' if '?' in path else '?'}"
        paths = [f"{joined}{_spelt(next(self._another))}" if anew else path for _ in range(LOOKS)]
        return quantiles([self.look(each, **more)[0] for each in paths], n=100)[94]

    def close(self) -> None:
        self._connection.close()


_ALL = "/api/v1/statistics/communities"


def looks(run: Run, name: str, side: Served) -> None:
    """What a dashboard asks for, and what it has already."""
    with closing(_Client(side, **side.bearer)) as client:
        _, tag = client.look(_ALL)
        run.figures += [
            Figure(f"{name}: all communities over HTTP, p95 ms", [client.p95(_ALL, anew=True)], []),
            Figure(f"{name}: … the same again, nothing changed, p95 ms", [client.p95(_ALL)], []),
            Figure(f"{name}: a 304 over HTTP, p95 ms", [client.p95(_ALL, **{"If-None-Match": tag})], []),
        ]


def beside_fastapi(run: Run, folder: Path, side: Served, rows: int) -> None:
    """All communities, both on PostgreSQL. FastAPI's /stats answers what `received` is."""
    if not (BENCH_BIN / "uvicorn").exists():
        console.print("[bold yellow]Without FastAPI:[/] it is set up by: bash benchmarks/run.sh --quick")
        return
    with own_database() as database:
        rival = Counting(folder / "fastapi", database.url.rpartition("/")[2], rows)
        with _running(rival):
            rival.fill()
            with closing(_Client(side, **side.bearer)) as ours, closing(_Client(rival)) as theirs:
                sides: dict[str, Callable[[], float]] = {
                    "the same figure": lambda: ours.p95(f"{_ALL}?fields=received", anew=True),
                    "every figure": lambda: ours.p95(_ALL, anew=True),
                    "nothing changed": lambda: ours.p95(_ALL),
                    "FastAPI": lambda: theirs.p95("/stats"),
                }
                turns = run.by_turns("all communities, beside FastAPI", ROUNDS, sides)
    for how in ("the same figure", "every figure", "nothing changed"):
        heading = f"PostgreSQL: all communities over HTTP, {how}, beside FastAPI's /stats, p95 ms"
        run.figures.append(Figure(heading, turns[how], turns["FastAPI"], most=0.1))


def ledger(run: Run, name: str, side: Served, rows: int) -> None:
    """All lines as CSV, taken as fast as they come, while somebody else asks for their own account."""
    with closing(_Client(side, **side.bearer)) as other:
        until = time.monotonic() + ALONE_SECONDS
        alone = _waits(other, lambda: time.monotonic() > until)
        idle, most, done = held(side, "VmRSS"), [0.0], Event()
        with ThreadPoolExecutor(2) as threads:
            taken = threads.submit(_taken, side, done)
            watched = threads.submit(_watched, side, done, most)
            beside = _waits(other, done.is_set)
            lines, seconds = taken.result()
            watched.result()
    if lines < rows:
        run.failures.append(f"{name}: a ledger of {lines:,} lines, of {rows:,}")
    run.figures += [
        Figure(f"{name}: ledger as CSV, lines/s", [lines / seconds], [], least=50_000),
        Figure(f"{name}: … MiB over idle, all processes", [most[0] - idle], [], most=64),
        Figure(f"{name}: … GET /me meanwhile, p99 ms", [_p99(beside)], [_p99(alone)], most=2),
    ]


def _waits(client: _Client, over: Callable[[], bool]) -> list[float]:
    waits: list[float] = []
    while not over():
        waits.append(client.look("/api/v1/me")[0])
        time.sleep(_PAUSE_SECONDS)
    return waits


def _p99(waits: list[float]) -> float:
    return quantiles(waits, n=100)[98]


def _watched(side: Served, done: Event, most: list[float]) -> None:
    while not done.wait(0.1):
        most[0] = max(most[0], held(side, "VmRSS"))


def _taken(side: Served, done: Event) -> tuple[int, float]:
    """How many lines came below the titles, the last one not counted, and in what time."""
    connection = HTTPConnection("127.0.0.1", side.port, timeout=120)
    begun, lines = time.perf_counter(), -2
    try:
        connection.request("GET", "/api/v1/ledger.csv", headers=side.bearer)
        answer = connection.getresponse()
        if answer.status != 200:
            raise Broken(f"ledger: {answer.status} {answer.read()[:200]!r}")
        while piece := answer.read(_PIECE):
            lines += piece.count(b"\n")
        return lines, time.perf_counter() - begun
    finally:
        connection.close()
        done.set()


def served(run: Run, folder: Path, name: str, store: tuple[str, Engine], rows: int) -> None:
    """`store`: its address, and an engine that may write to it."""
    side = Served(folder / f"served-{name}", *store)
    with _running(side), run.watching(f"{name}, served"):
        looks(run, name, side)
        ledger(run, name, side, rows)
        if name == "PostgreSQL":
            beside_fastapi(run, folder, side, rows)
