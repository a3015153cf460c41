"""Measures one window of load on one server: responses, CPU time, and the time until all photos were developed."""

import json
import os
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.sides import ROOT, BenchmarkError, Server

LOADGEN = ROOT / ".bench" / "loadgen"
DRAIN_SECONDS = 300
UPLOADERS = 8
MARGIN_SECONDS = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")


class Window(NamedTuple):
    """The result of one window. `drain_seconds`, `drain_cpu`: developing after the last response; `develops`: if any.

    `others`: the share of the machine that neither the server, its database nor the load generator used.
    `beside`: the rate of the other requests that were answered meanwhile.
    """

    reports: int
    failed: int
    error: str
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu: float
    develops: bool
    drain_seconds: float
    drain_cpu: float
    database_cpu: float | None
    others: float
    beside: float

    @property
    def requests(self) -> int:
        return self.reports + self.failed

    @property
    def rate(self) -> float:
        return self.reports / self.seconds

    @property
    def done_rate(self) -> float:
        return self.reports / (self.seconds + self.drain_seconds)

    @property
    def cpu_ms(self) -> float:
        return self._ms_per_report(self.cpu)

    @property
    def done_cpu_ms(self) -> float:
        return self._ms_per_report(self.cpu + self.drain_cpu)

    @property
    def database_ms(self) -> float | None:
        return None if self.database_cpu is None else self._ms_per_report(self.database_cpu)

    def _ms_per_report(self, seconds: float) -> float:
        return 1000 * seconds / max(1, self.reports)


def cpu_seconds(root: int) -> float:
    """Returns the user and system seconds of a process and its descendants, including reaped ones."""
    parents: dict[int, int] = {}
    spent: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(entry)):
            parents[int(entry.name)] = int(fields[1])
            spent[int(entry.name)] = sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    family = {root}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(spent.get(process, 0) for process in family) / _TICKS


def _stat(entry: Path) -> list[str]:
    """Returns the fields after the command's name, which may contain spaces; none if the process has just ended."""
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def machine_seconds() -> float:
    """Returns the busy seconds of all processors since the start, including time stolen by other machines."""
    fields = list(map(int, Path("/proc/stat").read_text().split()[1:9]))
    idle, waiting = fields[3:5]
    return (sum(fields) - idle - waiting) / _TICKS


class Meter:
    """Measures the CPU seconds of a side, and separately those of its PostgreSQL, since the meter was created."""

    def __init__(self, side: Server) -> None:
        self._side = side
        self._own, self._database = self._read_totals()

    def _read_totals(self) -> tuple[float, float | None]:
        database = self._side.database_process
        return cpu_seconds(self._side.process_id), cpu_seconds(database) if database else None

    def read(self) -> tuple[float, float | None]:
        own, database = self._read_totals()
        return own - self._own, None if database is None or self._database is None else database - self._database


def load(side: Server, files: list[Path], clients: int, seconds: float, most: int = 0) -> dict[str, Any]:
    """Runs the load generator and returns its result. `most`: the maximum of requests; 0 for no maximum."""
    with run_load(side, files, clients, seconds, most) as result:
        pass
    return result


@contextmanager
def run_load(side: Server, files: list[Path], clients: int, seconds: float, most: int = 0) -> Generator[dict[str, Any]]:
    """Runs the load generator beside the block and waits for its end, which fills the yielded result."""
    result: dict[str, Any] = {}
    command = [str(LOADGEN), "127.0.0.1", str(side.port), str(clients), str(seconds), str(most), "1"]
    command += [str(file) for file in files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as generator:
        try:
            yield result
            out, wrong = generator.communicate(timeout=seconds + 150)
        finally:
            generator.kill()
    if generator.returncode:
        raise BenchmarkError(f"the load generator failed: {wrong.strip()}")
    result.update(json.loads(out))


def drain(side: Server) -> None:
    """Waits until every photo is developed. Raises BenchmarkError after DRAIN_SECONDS."""
    until = time.monotonic() + DRAIN_SECONDS
    while left := side.backlog():
        if time.monotonic() > until:
            raise BenchmarkError(f"{side.name}: {left} photos not developed after {DRAIN_SECONDS} s")
        time.sleep(0.05)


def measure_window(
    side: Server, files: list[Path], clients: int, seconds: float, most: int, beside: list[Path]
) -> Window:
    """Measures one window. `beside`: other requests by UPLOADERS, from before its start until after its end.

    Afterwards it removes the photos and flushes the disk, so that the next window starts under equal conditions.
    """
    kept_before = side.stored_count()
    meter, machine, begun = Meter(side), machine_seconds(), time.monotonic()
    with ExitStack() as stack:
        also: dict[str, Any] = {}
        if beside:
            also = stack.enter_context(run_load(side, beside, UPLOADERS, seconds + 2 * MARGIN_SECONDS))
            time.sleep(MARGIN_SECONDS)
        result = load(side, files, clients, seconds, most)
    cpu, database_cpu = meter.read()
    ended = time.monotonic()
    clients_cpu = result["client_cpu_s"] + also.get("client_cpu_s", 0.0)
    others = machine_seconds() - machine - cpu - (database_cpu or 0.0) - clients_cpu
    develops = side.backlog() > 0
    drain(side)
    drained = time.monotonic() - ended
    drain_cpu = meter.read()[0] - cpu
    lost = max(0, result["n"] + also.get("n", 0) - (side.stored_count() - kept_before))
    side.remove_photos()
    os.sync()
    return Window(
        reports=result["n"] - lost,
        failed=result["err"] + also.get("err", 0) + lost,
        error=result["first_err"] or also.get("first_err") or "answered, but not kept",
        seconds=result["secs"],
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
        cpu=cpu,
        develops=develops,
        drain_seconds=drained if develops else 0.0,
        drain_cpu=drain_cpu if develops else 0.0,
        database_cpu=database_cpu,
        others=max(0.0, others / (ended - begun) / (os.cpu_count() or 1)),
        beside=also["n"] / also["secs"] if beside else 0.0,
    )
