"""Creates PostgreSQL databases for benchmarks, and writes reports there in groups or in single transactions."""

import asyncio
import secrets
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks.storage_writer import Window, Work, write_reports
from inspections.remediation.actions.reporting import ReportResult
from storage.database import DEFINITION
from storage.engine.postgres import CONNECTIONS, NumberBlocks, PostgresDatabase, postgres_engine
from storage.engine.postgres_rows import PostgresRows
from storage.engine.reference import ReferenceData
from storage.repository import Action, Repository
from storage.schema import SCHEMA

_SERVER = "postgresql://postgres@127.0.0.1:5432"


class BenchmarkDatabase(NamedTuple):
    """A benchmark's database. `process`: the server's id if it runs here, to separate its CPU time; else 0."""

    url: str
    process: int


class PostgresUnavailable(Exception):
    """PostgreSQL does not answer; the message tells why."""


@contextmanager
def create_database() -> Generator[BenchmarkDatabase]:
    """Creates a database and drops it after the block, also after a failure. Raises PostgresUnavailable."""
    name = f"anxun_bench_{secrets.token_hex(4)}"
    try:
        connected = psycopg.connect(f"{_SERVER}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        raise PostgresUnavailable(str(error).splitlines()[0]) from error
    with connected as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield BenchmarkDatabase(f"{_SERVER}/{name}", _server_process(server.info.backend_pid))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _server_process(backend: int) -> int:
    try:
        status = Path(f"/proc/{backend}/status").read_text()
    except OSError:
        return 0
    return int(status.split("PPid:")[1].split()[0]) if "postgres" in status.splitlines()[0] else 0


def _delete_reports(url: str) -> None:
    """Deletes all reports, so that every window starts without any."""
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE hazards CASCADE")


async def write_in_groups(url: str, work: Work) -> Window:
    _delete_reports(url)
    database = PostgresDatabase(url, DEFINITION)
    try:
        return await write_reports(database.transact, work)
    finally:
        await database.close()


async def write_singly(url: str, work: Work) -> Window:
    """Runs the same actions over as many connections, with one transaction per report."""
    _delete_reports(url)
    engine = postgres_engine(url)
    numbers = NumberBlocks(engine)
    with engine.connect() as connection:
        reference = ReferenceData(connection, SCHEMA)

    def commit_report(action: Action[ReportResult]) -> ReportResult:
        with engine.begin() as connection:
            repository = Repository(
                connection, DEFINITION, reference, PostgresRows(connection, SCHEMA), numbers.next_number
            )
            change = action(repository)
            repository.write(change)
            repository.finish()
        return change.answer

    with ThreadPoolExecutor(CONNECTIONS) as threads:

        async def transact(action: Action[ReportResult]) -> ReportResult:
            return await asyncio.get_running_loop().run_in_executor(threads, commit_report, action)

        try:
            return await write_reports(transact, work)
        finally:
            engine.dispose()
