"""What a client of good will notices of hostile company: idle sockets, slow heads, many readers, made-up methods."""

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
from benchmarks.figures import Figure, Run, console, measured
from benchmarks.hostile_strangers import IDLE, METHODS_EACH_SECOND, READERS, SLOW
from benchmarks.photos_memory import fresh, held
from benchmarks.sides import ROOT, Anxun, Broken

ALONE_SECONDS = 60
HOSTILE_SECONDS = 600
_EACH_SECONDS = 0.05
_ENDS_SECONDS = 30


def hostile_company(run: Run, folder: Path, seconds: int) -> None:
    with fresh(folder / "hostile") as server:
        alone = list[float]()
        run.followed("alone", ALONE_SECONDS, _asked(Phone(server), alone, ALONE_SECONDS))
        before = held(server, "VmRSS")
        beside, most = list[float](), [before]
        command = [
            sys.executable,
            "-m",
            "benchmarks.hostile_strangers",
            str(server.port),
            server.sign_in(),
            str(seconds),
        ]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as strangers:
            phone = Phone(server)
            run.followed("in hostile company", seconds, _watched(server, _asked(phone, beside, seconds), most))
            said, _ = strangers.communicate(timeout=_ENDS_SECONDS)
        if strangers.returncode:
            raise Broken("the strangers ended before their time")
        console.print(f"{len(alone)} requests alone, {len(beside)} in company; {_in_words(json.loads(said))}")
        company = f"{IDLE:,} idle, {SLOW:,} slow, {READERS:,} readers, {METHODS_EACH_SECOND} methods/s"
        run.figures += [
            Figure(f"p99 beside {company}: ms", [_p99(beside)], [_p99(alone)], most=5),
            Figure("… the same: ms", [_p99(beside)], [], most=200),
            Figure("… the longest: ms", [max(beside)], [max(alone)]),
            Figure("… memory at its peak: MiB more", [max(most) - before], [], most=64),
        ]


def _asked(phone: Phone, times: list[float], seconds: int) -> Iterator[int]:
    """A report, then the list, twenty requests a second; says each second that it is over. Times in milliseconds."""
    turns: list[Callable[[], object]] = [phone.report, partial(phone.list, 10)]
    begun = time.monotonic()
    for second in range(seconds):
        while (now := time.monotonic()) < begun + second + 1:
            turns[len(times) % 2]()
            times.append((time.monotonic() - now) * 1000)
            time.sleep(_EACH_SECONDS)
        yield 1


def _watched(server: Anxun, parts: Iterator[int], seen: list[float]) -> Iterator[int]:
    for part in parts:
        seen.append(held(server, "VmRSS"))
        yield part


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


def _in_words(seen: dict[str, int]) -> str:
    return "the strangers: " + ", ".join(f"{what} {number:,}" for what, number in sorted(seen.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=HOSTILE_SECONDS, help="how long the company stays")
    seconds = parser.parse_args().seconds
    return measured("Hostile company", "hostile", lambda run, folder: hostile_company(run, folder, seconds))


if __name__ == "__main__":
    sys.exit(main())
