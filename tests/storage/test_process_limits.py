"""A process that reads a file ends when it exceeds its limits of memory or time."""

import subprocess
import sys

import pytest

from storage.process_limits import EXIT_OVER_LIMIT, READING, has_exceeded_limits

CODE = "from storage.process_limits import Limits, apply_limits; apply_limits(Limits({memory}, {seconds}, 10)); {work}"


def exit_status(work, memory=READING.memory, seconds=READING.cpu_seconds):
    code = CODE.format(memory=memory, seconds=seconds, work=work)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


def test_a_process_within_its_limits_succeeds():
    assert exit_status("bytes(100_000_000)") == 0
    assert not has_exceeded_limits(0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere address space is not limited")
def test_a_process_over_its_memory_limit_fails():
    assert exit_status("bytes(600_000_000)") == 1  # a MemoryError, which the programs answer with EXIT_OVER_LIMIT
    assert has_exceeded_limits(EXIT_OVER_LIMIT)


def test_the_system_ends_a_process_over_its_time_limit():
    status = exit_status("exec('while True: pass')", seconds=1)
    assert status < 0
    assert has_exceeded_limits(status)
    assert has_exceeded_limits(None)
    assert not has_exceeded_limits(1)
