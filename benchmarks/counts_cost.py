"""Measures the cost of counters: the same reports into one community, with and without them."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import uvloop

from benchmarks import storage_postgres, storage_writer
from benchmarks.figures import Figure, Run
from benchmarks.storage_postgres import BenchmarkDatabase, write_in_groups
from benchmarks.storage_writer import WRITERS, Work, prepare_database, write_to_sqlite
from storage.database import DEFINITION
from storage.statistics.deltas import append_count_deltas

REPORTS = 100 * WRITERS
ROUNDS = 7


@contextmanager
def _disable_counting() -> Generator[None]:
    """Writes reports without their counters inside the block."""
    uncounted = DEFINITION._replace(
        change_hooks=[each for each in DEFINITION.change_hooks if each is not append_count_deltas]
    )
    with ExitStack() as stack:
        for module in (storage_writer, storage_postgres):
            stack.enter_context(patch.object(module, "DEFINITION", uncounted))
        yield


def compare_on_sqlite(run: Run, folder: Path) -> None:
    template = folder / "uncounted.db"
    work = uvloop.run(prepare_database(f"sqlite:///{template}", REPORTS))

    def write_reports() -> float:
        path = Path(tempfile.mkdtemp(dir=folder)) / "anxun.db"
        shutil.copy(template, path)
        os.sync()
        try:
            return 1000 / uvloop.run(write_to_sqlite(path, work)).rate
        finally:
            shutil.rmtree(path.parent)

    ours, floor = _compare_counting(run, "SQLite: reports, counted and not", write_reports)
    run.figures.append(Figure("SQLite: a report with counters beside one without, ms", ours, floor, most=1.25))


def compare_on_postgres(run: Run, database: BenchmarkDatabase) -> None:
    work: Work = uvloop.run(prepare_database(database.url, REPORTS))

    def write_reports() -> float:
        return uvloop.run(write_in_groups(database.url, work)).rate

    ours, floor = _compare_counting(run, "PostgreSQL: reports, counted and not", write_reports)
    heading = "PostgreSQL: reports/s into one community, beside reports without counters"
    run.figures.append(Figure(heading, ours, floor, least=0.7))


def _compare_counting(run: Run, name: str, write_reports: Callable[[], float]) -> tuple[list[float], list[float]]:
    def write_uncounted_reports() -> float:
        with _disable_counting():
            return write_reports()

    turns = run.take_turns(name, ROUNDS, {"counted": write_reports, "uncounted": write_uncounted_reports})
    return turns["counted"], turns["uncounted"]
