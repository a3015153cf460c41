"""Measures uploads, developing, memory and search of photos, in turn with a floor; see README.md."""

import io
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path

from PIL import Image

from benchmarks.figures import SCRATCH, Figure, Run, console, run_benchmark
from benchmarks.measure import Meter, drain
from benchmarks.photos_floor import BareServer
from benchmarks.photos_memory import measure_memory
from benchmarks.photos_search import measure_search
from benchmarks.photos_sender import Picture, upload_photos
from benchmarks.sides import ROOT, Anxun, BenchmarkError, Server

UPLOAD_SECONDS = 2.0
ROUNDS = 5
DEVELOPED = 24
_SENDERS = 4
_QUALITY = 80
_LARGE_PIXELS = 5_000_000
SAMPLES = Path(os.environ.get("ANXUN_SAMPLES") or ROOT.parent / "shared") / "photos"


class PhotoServer(Anxun):
    """A server whose count is that of its photos."""

    def stored_count(self) -> int:
        return self._query_number("SELECT count(*) FROM photos")


def generated_photos() -> list[Path]:
    made = sorted((SCRATCH / "photos").glob("*.jpg"))
    if not made:
        raise BenchmarkError("there are no generated photos yet: bash benchmarks/run.sh --quick")
    return made


def phone_photos() -> list[Path]:
    """Returns JPEGs of real phones with at least five megapixels, or none if there are no samples."""
    return [photo for photo in sorted(SAMPLES.glob("*.jpg")) if _pixels(photo) >= _LARGE_PIXELS]


def _pixels(photo: Path) -> int:
    with Image.open(photo) as image:
        return image.width * image.height


def _pictures(photos: list[Path]) -> list[Picture]:
    return [Picture(photo.read_bytes()) for photo in photos]


def measure_uploads(run: Run, ours: Anxun, bare: BareServer, pictures: list[Picture]) -> None:
    """Measures `PUT /photos/{sha256}` of new photos, developed meanwhile, beside a handler that only writes."""
    bearer = ours.sign_in()

    def upload_rate(side: Server, clients: int) -> float:
        kept_before = side.stored_count()
        sent = upload_photos(side.port, bearer, pictures, clients, UPLOAD_SECONDS)
        drain(side)
        run.failures += [f"{side.name} × {clients}: {error}" for error in sent.errors]
        if side.stored_count() - kept_before < sent.photos:
            run.failures.append(f"{side.name} × {clients}: answered, but not kept")
        side.remove_photos()
        os.sync()
        return sent.rate

    for clients in (8, 32):
        sides = {side.name: partial(upload_rate, side, clients) for side in (ours, bare)}
        with run.watch_machine(f"uploads × {clients}"):
            turns = run.take_turns(f"uploads × {clients}", ROUNDS, sides)
        figure = Figure(f"uploads, {clients} clients: MB/s", turns[ours.name], turns[bare.name], least=0.75)
        run.figures.append(figure)


def measure_photo_processing(
    run: Run, ours: Anxun, bare: BareServer, kind: str, pictures: list[Picture], folder: Path
) -> None:
    """Measures the server's CPU time per photo until it is developed, beside the least possible work.

    The floor does not receive its photos: a separate figure gives what a bare handler spends on that.
    """
    bearer = ours.sign_in()

    def cpu_per_photo(side: Anxun | BareServer) -> float:
        meter = Meter(side)
        sent = upload_photos(side.port, bearer, pictures, _SENDERS, 60, each=DEVELOPED // _SENDERS)
        drain(side)
        spent, _ = meter.read()
        run.failures += sent.errors
        side.remove_photos()
        return 1000 * spent / max(1, sent.photos)

    def floor_cpu_per_photo() -> float:
        chosen = [pictures[number % len(pictures)] for number in range(DEVELOPED)]
        with ThreadPoolExecutor(os.cpu_count()) as threads:  # as many threads as the server has for developing
            begun = time.process_time()
            list(threads.map(partial(_develop_minimally, folder), chosen))
            return 1000 * (time.process_time() - begun) / DEVELOPED

    with run.watch_machine(f"developing {kind}"):
        sides: dict[str, Callable[[], float]] = {
            "Anxun": partial(cpu_per_photo, ours),
            "bare": partial(cpu_per_photo, bare),
            "floor": floor_cpu_per_photo,
        }
        turns = run.take_turns(f"developing {kind}", ROUNDS, sides)
    run.figures += [
        Figure(f"developing {kind}: CPU ms", turns["Anxun"], turns["floor"], most=1.25),
        Figure("… a bare handler that only takes it in", turns["bare"], turns["floor"]),
    ]


def _develop_minimally(folder: Path, picture: Picture) -> None:
    """Writes, flushes and hashes the photo; decodes it at an eighth with Pillow and makes one JPEG of 320 pixels."""
    digest, token = picture.unique_copy()
    data = picture.data + token
    path = folder / digest
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sha256(data).hexdigest()
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (image.width // 8, image.height // 8))
        image.thumbnail((320, 320), Image.Resampling.BICUBIC, reducing_gap=None)
        image.save(io.BytesIO(), "JPEG", quality=_QUALITY)
    path.unlink()


def run_parts(run: Run, folder: Path) -> None:
    made = generated_photos()
    with ExitStack() as stack:
        ours, bare = PhotoServer(folder / "anxun", made), BareServer(folder / "bare", made)
        for side in (ours, bare):
            stack.callback(side.stop)
            side.start()
        measure_uploads(run, ours, bare, _pictures(made))
        measure_photo_processing(run, ours, bare, "a made photo", _pictures(made), folder)
        if phones := phone_photos():
            measure_photo_processing(run, ours, bare, "a phone's photo", _pictures(phones), folder)
        else:
            console.print("[bold yellow]Without photos of real phones:[/] no ANXUN_SAMPLES")
    measure_memory(run, folder, made)
    for number, most in ((1_000, None), (100_000, None), (1_000_000, 5)):
        measure_search(run, folder, number, ROUNDS, most)


if __name__ == "__main__":
    sys.exit(run_benchmark("Photos", "photos", run_parts))
