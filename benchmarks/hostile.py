"""Measures a normal client beside hostile ones: idle sockets, slow headers, many readers, unknown methods."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import quantiles

from benchmarks.feed import Phone
from benchmarks.figures import Figure, Run, console, run_benchmark
from benchmarks.hostile_clients import IDLE, METHODS_EACH_SECOND, READERS, SLOW
from benchmarks.photos_memory import memory_mebibytes, run_fresh_server
from benchmarks.sides import ROOT, Anxun, BenchmarkError

ALONE_SECONDS = 60
HOSTILE_SECONDS = 600
_EACH_SECONDS = 0.05
_ENDS_SECONDS = 30


def measure_hostile_clients(run: Run, folder: Path, seconds: int) -> None:
    with run_fresh_server(folder / "hostile") as server:
        alone = list[float]()
        run.show_progress("alone", ALONE_SECONDS, _send_requests(Phone(server), alone, ALONE_SECONDS))
        before = memory_mebibytes(server, "VmRSS")
        beside, most = list[float](), [before]
        command = [
            sys.executable,
            "-m",
            "benchmarks.hostile_clients",
            str(server.port),
            server.sign_in(),
            str(seconds),
        ]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as clients:
            phone = Phone(server)
            run.show_progress(
                "beside hostile clients", seconds, _watch_memory(server, _send_requests(phone, beside, seconds), most)
            )
            output, _ = clients.communicate(timeout=_ENDS_SECONDS)
        if clients.returncode:
            raise BenchmarkError("the hostile clients ended too early")
        console.print(
            f"{len(alone)} requests alone, {len(beside)} beside hostile clients; {_describe_counts(json.loads(output))}"
        )
        company = f"{IDLE:,} idle, {SLOW:,} slow, {READERS:,} readers, {METHODS_EACH_SECOND} methods/s"
        run.figures += [
            Figure(f"p99 beside {company}: ms", [_p99(beside)], [_p99(alone)], most=5),
            Figure("… the same: ms", [_p99(beside)], [], most=200),
            Figure("… the longest: ms", [max(beside)], [max(alone)]),
            Figure("… memory at its peak: MiB more", [max(most) - before], [], most=64),
        ]


def _send_requests(phone: Phone, times: list[float], seconds: int) -> Iterator[int]:
    """Sends reports and list requests in turn, twenty a second. Appends milliseconds to `times`; yields each second."""
    turns: list[Callable[[], object]] = [phone.report, partial(phone.list_hazards, 10)]
    begun = time.monotonic()
    for second in range(seconds):
        while (now := time.monotonic()) < begun + second + 1:
            turns[len(times) % 2]()
            times.append((time.monotonic() - now) * 1000)
            time.sleep(_EACH_SECONDS)
        yield 1


def _watch_memory(server: Anxun, parts: Iterator[int], seen: list[float]) -> Iterator[int]:
    for part in parts:
        seen.append(memory_mebibytes(server, "VmRSS"))
        yield part


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


def _describe_counts(seen: dict[str, int]) -> str:
    return "hostile clients: " + ", ".join(f"{what} {number:,}" for what, number in sorted(seen.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=HOSTILE_SECONDS, help="how long the hostile clients stay")
    seconds = parser.parse_args().seconds
    return run_benchmark(
        "Hostile company", "hostile", lambda run, folder: measure_hostile_clients(run, folder, seconds)
    )


if __name__ == "__main__":
    sys.exit(main())
