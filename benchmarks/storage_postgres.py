"""PostgreSQL: a database of our own there, and a transaction for each report, as it is without groups."""

import asyncio
import secrets
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks.storage_writing import Window, Work, write
from inspections.remediation.actions.reporting import Reported
from storage.database import CONTENTS
from storage.engine.postgres import CONNECTIONS, NumberBlocks, PostgresDatabase, postgres_engine
from storage.engine.reference import Reference
from storage.engine.rows import CoreRows
from storage.repository import Action, Repository
from storage.schema import SCHEMA

_SERVER = "postgresql://postgres@127.0.0.1:5432"


class Ours(NamedTuple):
    """`process`: the server's, where it runs on this machine, so that its CPU can be told from other work; else 0."""

    url: str
    process: int


class Absent(Exception):
    """No PostgreSQL answers; says why."""


@contextmanager
def own_database() -> Generator[Ours]:
    """A new database, dropped however the run ends. Raises Absent."""
    name = f"anxun_bench_{secrets.token_hex(4)}"
    try:
        connected = psycopg.connect(f"{_SERVER}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        raise Absent(str(error).splitlines()[0]) from error
    with connected as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield Ours(f"{_SERVER}/{name}", _parent(server.info.backend_pid))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _parent(backend: int) -> int:
    try:
        status = Path(f"/proc/{backend}/status").read_text()
    except OSError:
        return 0
    return int(status.split("PPid:")[1].split()[0]) if "postgres" in status.splitlines()[0] else 0


def _emptied(url: str) -> None:
    """Every window begins without reports."""
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE hazards CASCADE")


async def grouped(url: str, work: Work) -> Window:
    _emptied(url)
    database = PostgresDatabase(url, CONTENTS)
    try:
        return await write(database.transact, work)
    finally:
        await database.close()


async def one_by_one(url: str, work: Work) -> Window:
    """The same actions and the same rows over as many connections, a commit for each."""
    _emptied(url)
    engine = postgres_engine(url)
    numbers = NumberBlocks(engine)
    with engine.connect() as connection:
        reference = Reference(connection, SCHEMA)

    def once(action: Action[Reported]) -> Reported:
        with engine.begin() as connection:
            repository = Repository(connection, CONTENTS, reference, CoreRows(connection, SCHEMA), numbers.next)
            change = action(repository)
            repository.write(change)
            repository.finish()
        return change.answer

    with ThreadPoolExecutor(CONNECTIONS) as threads:

        async def transact(action: Action[Reported]) -> Reported:
            return await asyncio.get_running_loop().run_in_executor(threads, once, action)

        try:
            return await write(transact, work)
        finally:
            engine.dispose()
