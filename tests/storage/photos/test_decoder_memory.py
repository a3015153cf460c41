"""Pictures up to the promised size are accepted, cost no more than the table estimates, and share one budget."""

import struct
import subprocess
import sys
import threading

import pytest
from PIL import Image

from inspections.errors import PayloadTooLarge
from storage.photos import images
from storage.photos.decoder_memory import BUDGET, MAX_PIXELS, PHONE_HEIF, MemoryBudget, estimate_decoding_bytes
from storage.photos.formats import ACCEPTED_FORMATS, inspect
from tests.builders.small_pictures import PROMISED, encode_image, largest_picture, small_webp
from tests.builders.waiting import PATIENCE, poll_until

FILE = 20_000_000
linux = pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")


accepted_kinds = [kind for kind in PROMISED if kind.split()[0] in ACCEPTED_FORMATS]


@pytest.mark.parametrize("kind", accepted_kinds)
def test_a_picture_is_accepted_up_to_the_promised_pixels(kind):
    mode, (width, height), form, options = PROMISED[kind]
    assert width * height == MAX_PIXELS[kind]
    data = largest_picture(kind)
    assert inspect(data)[1:3] == (width, height)
    assert images.make_preview(data, 320)
    if form == "HEIF":  # encoding another takes seconds
        larger = data.replace(struct.pack(">4x2I", width, height), struct.pack(">4x2I", width, height + 16))
    else:
        larger = encode_image(Image.new(mode, (width, height + 16)), form, **options)
    with pytest.raises(PayloadTooLarge) as refused:
        inspect(larger)
    assert refused.value.facts["limit"] == MAX_PIXELS[kind]


@pytest.mark.parametrize("kind", MAX_PIXELS)
def test_the_promised_pixels_fit_the_memory_budget(kind):
    assert estimate_decoding_bytes(kind, MAX_PIXELS[kind], 1280, FILE) <= BUDGET


PEAK = """
import pathlib, sys
from concurrent.futures import ThreadPoolExecutor
from storage.photos import images
small, data, size, times = *map(lambda name: open(name, "rb").read(), sys.argv[1:3]), *map(int, sys.argv[3:])
images.make_preview(small, 320)
def memory(what):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))
before = memory("VmRSS")
with ThreadPoolExecutor(times) as threads:
    list(threads.map(lambda _: images.make_preview(data, size), range(times)))
print(memory("VmHWM") - before, memory("VmRSS") - before)
"""


def measure_memory(folder, data, size=320, times=1):
    """Returns the additional bytes that processing `data` needs: the peak, and the rest afterwards."""
    (folder / "picture").write_bytes(data)
    form = inspect(data).kind.upper()
    if form == "HEIF":
        images._register_heif()
    with Image.open(folder / "picture") as image:
        (folder / "small").write_bytes(encode_image(image.crop((0, 0, 64, 64)), form))  # its decoder is loaded
    command = [sys.executable, "-c", PEAK, folder / "small", folder / "picture", str(size), str(times)]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return tuple(map(int, done.stdout.split()))


def noise(mode):
    return Image.merge(mode, [Image.effect_noise((300, 225), 60) for _ in mode]).resize((2400, 1800))


COSTLY = [
    ("JPEG", "RGB", {"quality": 90}),
    ("JPEG", "CMYK", {"progressive": True, "subsampling": 0}),
    ("PNG", "RGBA", {"compress_level": 1}),
    ("WEBP", "RGBA", {"lossless": True, "method": 0}),
    (
        "WEBP",
        "RGBA",
        {"lossless": True, "method": 0, "save_all": True, "append_images": [Image.new("RGBA", (2400, 1800))]},
    ),
    ("WEBP", "RGBA", {"method": 0}),
    ("AVIF", "RGBA", {"speed": 10, "subsampling": "4:4:4", "codec": "aom", "advanced": {"film-grain-test": "1"}}),
    ("HEIF", "RGBA", {"chroma": 444}),
    ("HEIF", "RGBA", {}),
]


@linux
@pytest.mark.parametrize(("form", "mode", "options"), COSTLY, ids=lambda each: str(each)[:24])
def test_a_decoder_uses_no_more_memory_than_estimated(form, mode, options, tmp_path):
    if form.lower() not in ACCEPTED_FORMATS:
        pytest.skip("HEIC is not taken")
    data = encode_image(Image.new(mode, (2400, 1800)) if form == "HEIF" else noise(mode), form, **options)
    found = inspect(data)
    kind = PHONE_HEIF if form == "HEIF" and not options else found.decoder
    counted = estimate_decoding_bytes(kind, found.width * found.height, 320, len(data))
    peak, _ = measure_memory(tmp_path, data)
    assert peak < counted + 6_000_000, (peak, counted)


def test_a_picture_of_34_bytes_that_exceeds_the_budget_is_refused_unread():
    data = small_webp(4900, 4900)
    assert len(data) == 34
    with pytest.raises(PayloadTooLarge):
        inspect(data)


@linux
def test_many_small_files_of_large_pictures_take_the_memory_of_one(tmp_path):
    peak, after = measure_memory(tmp_path, small_webp(4100, 4100), times=6)
    assert peak < BUDGET + 20_000_000
    assert after < BUDGET / 4  # and it is given back


def start_reservation(memory, wanted, done, name, hold=None):
    """A thread that has what it wants, or stands last in the queue."""

    def take():
        with memory.reserve(wanted):
            done.append(name)
            if hold:
                hold.wait(PATIENCE)

    queue = len(memory._waiting)
    thread = threading.Thread(target=take)
    thread.start()
    poll_until(lambda: name in done or len(memory._waiting) > queue)
    return thread


def test_a_large_reservation_is_not_overtaken_and_small_ones_run_concurrently():
    memory, done, hold = MemoryBudget(10), [], threading.Event()
    threads = [
        start_reservation(memory, 4, done, "one", hold),
        start_reservation(memory, 4, done, "beside", hold),
        start_reservation(memory, 1000, done, "large"),  # more than there is: all of it
        start_reservation(memory, 1, done, "small"),  # there is room for it, but the large one was first
    ]
    assert done == ["one", "beside"]
    hold.set()
    for each in threads:
        each.join(PATIENCE)
    assert done == ["one", "beside", "large", "small"]


def test_memory_is_free_again_after_a_failure():
    memory = MemoryBudget(10)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), memory.reserve(10):
            raise ZeroDivisionError
