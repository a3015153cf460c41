"""What reads a file ends by itself where it takes more than it may."""

import subprocess
import sys

import pytest

from storage.process_limits import READING, TOO_MUCH, took_too_much

HELD = "from storage.process_limits import Limits, keep_within; keep_within(Limits({memory}, {seconds}, 10)); {work}"


def ended(work, memory=READING.memory, seconds=READING.cpu_seconds):
    code = HELD.format(memory=memory, seconds=seconds, work=work)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False).returncode


def test_what_stays_within_its_limits_ends_well():
    assert ended("bytes(100_000_000)") == 0
    assert not took_too_much(0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere address space is not limited")
def test_more_memory_is_not_given():
    assert ended("bytes(600_000_000)") == 1  # a MemoryError, which the programs answer with TOO_MUCH
    assert took_too_much(TOO_MUCH)


def test_out_of_time_the_system_ends_it():
    status = ended("exec('while True: pass')", seconds=1)
    assert status < 0
    assert took_too_much(status)
    assert took_too_much(None)
    assert not took_too_much(1)
