"""Photos: their way in, what developing costs, the memory and the search, beside a floor by turns; see README.md."""

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

from benchmarks.figures import SCRATCH, Figure, Run, console, measured
from benchmarks.measure import Meter, drain
from benchmarks.photos_bare import Bare
from benchmarks.photos_memory import memory
from benchmarks.photos_search import searching
from benchmarks.photos_sending import Picture, flood
from benchmarks.sides import ROOT, Anxun, Broken, Side

UPLOAD_SECONDS = 2.0
ROUNDS = 5
DEVELOPED = 24
_SENDERS = 4
_QUALITY = 80
_LARGE_PIXELS = 5_000_000
SAMPLES = Path(os.environ.get("ANXUN_SAMPLES") or ROOT.parent / "shared") / "photos"


class Kept(Anxun):
    """Counts photos."""

    def count(self) -> int:
        return self._number("SELECT count(*) FROM photos")


def made_photos() -> list[Path]:
    made = sorted((SCRATCH / "photos").glob("*.jpg"))
    if not made:
        raise Broken("no photos made yet: bash benchmarks/run.sh --quick")
    return made


def phone_photos() -> list[Path]:
    """JPEGs as phones really make them, of five megapixels and more; none where there are no samples."""
    return [photo for photo in sorted(SAMPLES.glob("*.jpg")) if _pixels(photo) >= _LARGE_PIXELS]


def _pixels(photo: Path) -> int:
    with Image.open(photo) as image:
        return image.width * image.height


def _pictures(photos: list[Path]) -> list[Picture]:
    return [Picture(photo.read_bytes()) for photo in photos]


def uploading(run: Run, ours: Anxun, bare: Bare, pictures: list[Picture]) -> None:
    """`PUT /photos/{sha256}` of fresh photos, which are developed meanwhile, against a body that is only written."""
    bearer = ours.sign_in()

    def window(side: Side, clients: int) -> float:
        kept_before = side.count()
        sent = flood(side.port, bearer, pictures, clients, UPLOAD_SECONDS)
        drain(side)
        run.failures += [f"{side.name} × {clients}: {error}" for error in sent.errors]
        if side.count() - kept_before < sent.photos:
            run.failures.append(f"{side.name} × {clients}: answered, but not kept")
        side.clear()
        os.sync()
        return sent.rate

    for clients in (8, 32):
        sides = {side.name: partial(window, side, clients) for side in (ours, bare)}
        with run.watching(f"uploads × {clients}"):
            turns = run.by_turns(f"uploads × {clients}", ROUNDS, sides)
        figure = Figure(f"uploads, {clients} clients: MB/s", turns[ours.name], turns[bare.name], least=0.75)
        run.figures.append(figure)


def developing(run: Run, ours: Anxun, bare: Bare, kind: str, pictures: list[Picture], folder: Path) -> None:
    """All that the server spends on a photo, from its first byte until it is developed, against what cannot be less.

    The floor gets its photos for nothing: what a bare handler spends on them is given apart.
    """
    bearer = ours.sign_in()

    def spent_by(side: Anxun | Bare) -> float:
        meter = Meter(side)
        sent = flood(side.port, bearer, pictures, _SENDERS, 60, each=DEVELOPED // _SENDERS)
        drain(side)
        spent, _ = meter.read()
        run.failures += sent.errors
        side.clear()
        return 1000 * spent / max(1, sent.photos)

    def floor() -> float:
        chosen = [pictures[number % len(pictures)] for number in range(DEVELOPED)]
        with ThreadPoolExecutor(os.cpu_count()) as threads:  # as many as the server has for it
            begun = time.process_time()
            list(threads.map(partial(_least, folder), chosen))
            return 1000 * (time.process_time() - begun) / DEVELOPED

    with run.watching(f"developing {kind}"):
        sides: dict[str, Callable[[], float]] = {
            "Anxun": partial(spent_by, ours),
            "bare": partial(spent_by, bare),
            "floor": floor,
        }
        turns = run.by_turns(f"developing {kind}", ROUNDS, sides)
    run.figures += [
        Figure(f"developing {kind}: CPU ms", turns["Anxun"], turns["floor"], most=1.25),
        Figure("… a bare handler that only takes it in", turns["bare"], turns["floor"]),
    ]


def _least(folder: Path, picture: Picture) -> None:
    """Written, flushed, hashed; decoded at an eighth by Pillow and made one JPEG of 320 pixels."""
    digest, token = picture.fresh()
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


def parts(run: Run, folder: Path) -> None:
    made = made_photos()
    with ExitStack() as stack:
        ours, bare = Kept(folder / "anxun", made), Bare(folder / "bare", made)
        for side in (ours, bare):
            stack.callback(side.stop)
            side.start()
        uploading(run, ours, bare, _pictures(made))
        developing(run, ours, bare, "a made photo", _pictures(made), folder)
        if phones := phone_photos():
            developing(run, ours, bare, "a phone's photo", _pictures(phones), folder)
        else:
            console.print("[bold yellow]Without photos of real phones:[/] no ANXUN_SAMPLES")
    memory(run, folder, made)
    for number, most in ((1_000, None), (100_000, None), (1_000_000, 5)):
        searching(run, folder, number, ROUNDS, most)


if __name__ == "__main__":
    sys.exit(measured("Photos", "photos", parts))
