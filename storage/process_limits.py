"""What a process may take that reads or writes one file for somebody: whatever the file is, requests go on."""

import os
import resource
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_NICENESS = 10
_FIRST_TO_GO = Path("/proc/self/oom_score_adj")


class Limits(NamedTuple):
    """Bytes of address space, and seconds: of the processor, and by the clock for whoever waits for the process."""

    memory: int
    cpu_seconds: int
    seconds: int


READING = Limits(512 << 20, 20, 30)
"""Measured: 10,000 lines in 20 columns take 1.4 s and 70 MiB as a workbook of 1 MB, 150 MiB where they say 30 MB of
words, 230 MiB as a CSV file of 12 MB; 190,000 corners of outlines, in BD-09, 4.8 s. Libraries count too."""

WRITING = Limits(1 << 30, 1200, 3600)
"""Of a ledger, which is written line by line: a million lines as a workbook take 140 s of the processor
and 50 MiB, besides what the database takes."""

TOO_MUCH = 4
"""The exit status of a process that ran out of memory, or saw that it would. Out of time the system ends it."""


def keep_within(limits: Limits) -> None:
    """From here on this process steps back, ends where it takes more, and is the first to where memory is short."""
    os.nice(_NICENESS)
    with suppress(OSError):  # Linux alone has it
        _FIRST_TO_GO.write_text("1000")
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))


def took_too_much(status: int | None) -> bool:
    """Whether a process ended so, by its exit status; None: it has not ended, and is out of time by the clock."""
    return status is None or status < 0 or status == TOO_MUCH
