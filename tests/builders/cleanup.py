"""Ends the processes that a test or a run has started, however the test or the run ends.

Every process below a run carries the run's mark in its environment. A watcher beside the run reads from a pipe that
closes with it, then ends what still carries the mark and drops the databases whose connection has gone.
"""

import contextlib
import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psutil

MARK = "TESTED_BY"
_launched = []


def launch(command, *, instead_of=None, **options):
    """Starts a process, which is killed at the end of the test that started it.

    `instead_of`: a process that has ended, whose place the new one takes.
    """
    process = subprocess.Popen(command, **options)
    if instead_of in _launched:
        _launched[_launched.index(instead_of)] = process
    else:
        _launched.append(process)
    return process


@contextmanager
def launched_processes_end():
    """Kills the processes that were launched in the block and still run at its end, with their children."""
    before = len(_launched)
    try:
        yield
    finally:
        for process in _launched[before:]:
            with process:  # waits, and closes what we read from it
                if process.poll() is None:
                    _kill([*psutil.Process(process.pid).children(recursive=True), process])
        del _launched[before:]


def watch():
    """Marks the future children of this process. Returns the watcher, whose input closes when this process ends."""
    mark = secrets.token_hex(8)
    command = [sys.executable, "-m", "tests.builders.cleanup", mark]
    watcher = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, start_new_session=True)
    os.environ[MARK] = f"{os.environ.get(MARK, '')} {mark}".strip()  # a run within a run carries both
    return watcher


def unmarked():
    """Returns an environment without the mark, for a process that is ended in another way."""
    return {name: value for name, value in os.environ.items() if name != MARK}


def marked():
    """Returns the mark, for tests that make an environment of their own."""
    return {MARK: os.environ[MARK]}


def _kill(processes):
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _carriers(mark):
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if mark in process.environ().get(MARK, "").split():
                found.append(process)
    return found


def _clean_up_after(mark):
    sys.stdin.read()
    while found := _carriers(mark):  # again, for what they have started meanwhile
        _kill(found)
        psutil.wait_procs(found, timeout=1)
    from tests.builders.postgres import drop_databases_left_behind  # noqa: PLC0415  # imports psycopg, which a quick end does not need

    drop_databases_left_behind()


if __name__ == "__main__":
    _clean_up_after(sys.argv[1])
