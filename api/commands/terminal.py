"""What commands share: the settings, and how they speak to whoever sits at the terminal."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.settings import Settings, load
from storage.engine.findings import Finding

console = Console(highlight=False)


def settings() -> Settings:
    return load(os.environ)


def report(found: list[Finding], well: str) -> None:
    """Prints each finding on a line, and ends with 1 as exit status where there is any."""
    for what, where in found:
        console.print(f"{what}: {where}", soft_wrap=True)
    console.print(f"{len(found)} findings" if found else well)
    sys.exit(1 if found else 0)


@contextmanager
def progress(words: str) -> Generator[Callable[[int, int], None]]:
    """A bar; what is given back is told how much of how much is done."""
    with Progress(TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
