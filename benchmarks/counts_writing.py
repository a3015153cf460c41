"""What it costs a report to be counted: the same reports into one community, with and without what is kept of it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import uvloop

from benchmarks.figures import Figure, Run
from benchmarks.storage_postgres import Ours, grouped
from benchmarks.storage_writing import WRITERS, Work, prepared, transacted
from storage.database import CONTENTS
from storage.statistics.deltas import count_changes

REPORTS = 100 * WRITERS
ROUNDS = 7


@contextmanager
def _uncounted() -> Generator[None]:
    """Reports are written, and nothing of what is counted."""
    uncounted = CONTENTS._replace(consequences=[each for each in CONTENTS.consequences if each is not count_changes])
    with patch("storage.database.CONTENTS", uncounted):
        yield


def into_sqlite(run: Run, folder: Path) -> None:
    template = folder / "uncounted.db"
    work = uvloop.run(prepared(f"sqlite:///{template}", REPORTS))

    def written() -> float:
        path = Path(tempfile.mkdtemp(dir=folder)) / "anxun.db"
        shutil.copy(template, path)
        os.sync()
        try:
            return 1000 / uvloop.run(transacted(path, work)).rate
        finally:
            shutil.rmtree(path.parent)

    ours, floor = _both(run, "SQLite: reports, counted and not", written)
    run.figures.append(Figure("SQLite: a report beside one that is not counted, ms", ours, floor, most=1.25))


def into_postgres(run: Run, database: Ours) -> None:
    work: Work = uvloop.run(prepared(database.url, REPORTS))

    def written() -> float:
        return uvloop.run(grouped(database.url, work)).rate

    ours, floor = _both(run, "PostgreSQL: reports, counted and not", written)
    heading = "PostgreSQL: reports/s into one community, beside such that are not counted"
    run.figures.append(Figure(heading, ours, floor, least=0.7))


def _both(run: Run, name: str, written: Callable[[], float]) -> tuple[list[float], list[float]]:
    def uncounted() -> float:
        with _uncounted():
            return written()

    turns = run.by_turns(name, ROUNDS, {"counted": written, "uncounted": uncounted})
    return turns["counted"], turns["uncounted"]
