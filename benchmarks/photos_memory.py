"""Measures a server's memory: idle, during many large uploads, and with many stalled uploads."""

import io
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from PIL import Image

from benchmarks.figures import Figure, Run
from benchmarks.measure import drain
from benchmarks.photos_sender import Connection, Picture, upload_photos
from benchmarks.sides import Anxun, BenchmarkError

IDLE_SECONDS = 10
LARGE_BYTES = 10_000_000
AT_ONCE = 32
STALLED = 100
_ARRIVE_SECONDS = 12  # shorter than the server's time limit for a stalled body


def measure_memory(run: Run, folder: Path, photos: list[Path]) -> None:
    large = large_picture(photos[0])
    with run.watch_machine("memory"):
        with run_fresh_server(folder / "at-once") as server:
            time.sleep(IDLE_SECONDS)
            run.figures.append(Figure("idle server: MiB", [memory_mebibytes(server, "VmRSS")], [], most=110))
            sent = upload_photos(server.port, server.sign_in(), [large], AT_ONCE, 60, each=1)
            drain(server)
            run.failures += sent.errors
            heading = f"{AT_ONCE} photos of 10 MB at once, peak: MiB"
            run.figures.append(Figure(heading, [memory_mebibytes(server, "VmHWM")], [], most=180))
        with run_fresh_server(folder / "stalled") as server:
            each = _memory_per_stalled_upload(server, large)
            run.figures.append(Figure(f"{STALLED} photos that stall half-way, each: MiB", [each], [], most=1))


def large_picture(photo: Path, size: int = LARGE_BYTES) -> Picture:
    """Returns the picture at the best quality that fits into `size` bytes, padded with JPEG comments."""
    data, quality = bytes(size), 99
    with Image.open(photo) as image:
        while len(data) >= size:
            out = io.BytesIO()
            image.save(out, "JPEG", quality=quality)
            data, quality = out.getvalue(), quality - 2
    missing = size - len(data)
    comments = bytearray()
    while missing - len(comments) > 4:
        length = min(missing - len(comments) - 2, 0xFFFF)
        comments += b"\xff\xfe" + length.to_bytes(2) + bytes(length - 2)
    return Picture(data[:2] + bytes(comments) + data[2:])


@contextmanager
def run_fresh_server(folder: Path) -> Generator[Anxun]:
    server = Anxun(folder, [])
    try:
        server.start_without_requests()
        yield server
    finally:
        server.stop()
        server.remove_photos()


def _memory_per_stalled_upload(server: Anxun, picture: Picture) -> float:
    """Returns the MiB that each stalled upload adds to the server's memory after one whole photo."""
    bearer = server.sign_in()
    upload_photos(server.port, bearer, [picture], 1, 60, each=1)
    drain(server)
    before = memory_mebibytes(server, "VmRSS")
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(Connection(server.port, bearer))) for _ in range(STALLED)]
        sent = sum(client.upload_part(picture, 0.5) for client in clients)
        incoming = server.folder / "data/photos/incoming"
        until = time.monotonic() + _ARRIVE_SECONDS
        while (arrived := sum(file.stat().st_size for file in incoming.iterdir())) < 0.98 * sent:
            if time.monotonic() > until:
                raise BenchmarkError(f"of {STALLED} half photos only {arrived / sent:.0%} arrived")
            time.sleep(0.1)
        return (memory_mebibytes(server, "VmRSS") - before) / STALLED


def memory_mebibytes(server: Anxun, what: str) -> float:
    """Returns the MiB (`what`: VmRSS or VmHWM) of the server and its descendants; 0 for an ended process."""

    def memory_of_tree(process: int) -> float:
        children: list[int] = []
        try:
            for task in Path(f"/proc/{process}/task").iterdir():
                children += map(int, (task / "children").read_text().split())
            status = Path(f"/proc/{process}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return 0
        _, _, own = status.partition(f"{what}:")  # a zombie has no such line
        return (int(own.split()[0]) / 1024 if own else 0) + sum(map(memory_of_tree, children))

    return memory_of_tree(server.process_id)
