"""Limits of time and memory for a process that reads or writes one file, so that no file can stop the server."""

import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_NICENESS = 10
_OOM_SCORE_FILE = Path("/proc/self/oom_score_adj")


class Limits(NamedTuple):
    """Bytes of address space, seconds of CPU time, and seconds after which the parent stops waiting."""

    memory: int
    cpu_seconds: int
    seconds: int


READING = Limits(512 << 20, 20, 30)
"""Limits for parsing. Measured, with libraries: 10,000 lines in 20 columns take 1.4 s and 70 MiB as a workbook of 1 MB,
150 MiB with 30 MB of text, 230 MiB as a CSV file of 12 MB; 190,000 outline vertices in BD-09 take 4.8 s."""

WRITING = Limits(1 << 30, 1200, 3600)
"""Limits for writing a ledger line by line: a million lines as a workbook take 140 s of CPU time and 50 MiB, without
the database."""

EXIT_OVER_LIMIT = 4
"""Exit status of a process that ran out of memory or foresees it. The kernel kills a process out of CPU time."""


def apply_limits(limits: Limits) -> None:
    """Applies the limits to this process, lowers its priority, and makes it the first victim of the OOM killer."""
    os.nice(_NICENESS)
    with suppress(OSError):  # exists only on Linux
        _OOM_SCORE_FILE.write_text("1000")
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))


def has_exceeded_limits(status: int | None) -> bool:
    """Whether a process exceeded its limits, by its exit status; None means that it still runs after its time."""
    return status is None or status < 0 or status == EXIT_OVER_LIMIT
