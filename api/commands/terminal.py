"""Settings, progress bar and output of findings, shared by all commands."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.process.printable import escape_unprintable
from api.settings import Settings, load_settings
from storage.engine.findings import Finding

console = Console(highlight=False)


def print_line(words: str) -> None:
    """Prints words from the database, a file or another system on one line, as text and nothing else.

    Brackets are no markup of rich, and a terminal obeys no escape sequence in them (printable.py).
    """
    console.print(escape_unprintable(words), soft_wrap=True, markup=False)


def settings() -> Settings:
    return load_settings(os.environ)


def report_findings(found: list[Finding], well: str) -> None:
    """Prints each finding on a line and exits: with status 1 if there are any, else with `well` and status 0."""
    for what, where in found:
        print_line(f"{what}: {where}")
    console.print(f"{len(found)} findings" if found else well)
    sys.exit(1 if found else 0)


@contextmanager
def progress_bar(words: str) -> Generator[Callable[[int, int], None]]:
    """Shows a progress bar; yields the function that updates it with (done, total)."""
    with Progress(TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
