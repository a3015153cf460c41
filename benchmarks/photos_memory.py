"""What a server holds: with nothing to do, while many large photos come at once, and while many stand still."""

import io
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from PIL import Image

from benchmarks.figures import Figure, Run
from benchmarks.measure import drain
from benchmarks.photos_sending import Connection, Picture, flood
from benchmarks.sides import Anxun, Broken

IDLE_SECONDS = 10
LARGE_BYTES = 10_000_000
AT_ONCE = 32
STALLED = 100
_ARRIVE_SECONDS = 12  # less than the server lets a body stand still


def memory(run: Run, folder: Path, photos: list[Path]) -> None:
    large = large_picture(photos[0])
    with run.watching("memory"):
        with fresh(folder / "at-once") as server:
            time.sleep(IDLE_SECONDS)
            run.figures.append(Figure("idle server: MiB", [held(server, "VmRSS")], [], most=110))
            sent = flood(server.port, server.sign_in(), [large], AT_ONCE, 60, each=1)
            drain(server)
            run.failures += sent.errors
            heading = f"{AT_ONCE} photos of 10 MB at once, peak: MiB"
            run.figures.append(Figure(heading, [held(server, "VmHWM")], [], most=180))
        with fresh(folder / "stalled") as server:
            each = _stalled(server, large)
            run.figures.append(Figure(f"{STALLED} photos stalled half-way, each: MiB", [each], [], most=1))


def large_picture(photo: Path, size: int = LARGE_BYTES) -> Picture:
    """The same picture compressed as little as `size` bytes allow, filled up by comments."""
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
def fresh(folder: Path) -> Generator[Anxun]:
    server = Anxun(folder, [])
    try:
        server.open()
        yield server
    finally:
        server.stop()
        server.clear()


def _stalled(server: Anxun, picture: Picture) -> float:
    """What each of many uploads that stand still holds, more than the server did after one whole photo."""
    bearer = server.sign_in()
    flood(server.port, bearer, [picture], 1, 60, each=1)
    drain(server)
    before = held(server, "VmRSS")
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(Connection(server.port, bearer))) for _ in range(STALLED)]
        sent = sum(client.begin(picture, 0.5) for client in clients)
        incoming = server.folder / "data/photos/incoming"
        until = time.monotonic() + _ARRIVE_SECONDS
        while (arrived := sum(file.stat().st_size for file in incoming.iterdir())) < 0.98 * sent:
            if time.monotonic() > until:
                raise Broken(f"of {STALLED} half photos only {arrived / sent:.0%} arrived")
            time.sleep(0.1)
        return (held(server, "VmRSS") - before) / STALLED


def held(server: Anxun, what: str) -> float:
    """MiB of the process and its descendants; of one that has just ended, nothing."""

    def held(process: int) -> float:
        children: list[int] = []
        try:
            for task in Path(f"/proc/{process}/task").iterdir():
                children += map(int, (task / "children").read_text().split())
            status = Path(f"/proc/{process}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return 0
        _, _, own = status.partition(f"{what}:")  # one that nobody has waited for yet has none
        return (int(own.split()[0]) / 1024 if own else 0) + sum(map(held, children))

    return held(server.process_id)
