"""Memory that decoders take: what is promised is taken, costs what the table says, and is shared by all."""

import struct
import subprocess
import sys
import threading
import time

import pytest
from PIL import Image

from inspections.errors import TooLarge
from storage.photos import images
from storage.photos.decoder_memory import BUDGET, PHONE_HEIF, PIXELS, SharedMemory, bytes_needed
from storage.photos.formats import TAKEN, inspect
from tests.builders.small_pictures import PROMISED, promised, saved, small_webp

FILE = 20_000_000
linux = pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")


taken = [kind for kind in PROMISED if kind.split()[0] in TAKEN]


@pytest.mark.parametrize("kind", taken)
def test_a_picture_of_as_many_pixels_as_are_promised_is_taken_and_of_more_is_not(kind):
    mode, (width, height), form, options = PROMISED[kind]
    assert width * height == PIXELS[kind]
    data = promised(kind)
    assert inspect(data)[1:3] == (width, height)
    assert images.develop(data, 320)
    if form == "HEIF":  # encoding another takes seconds
        larger = data.replace(struct.pack(">4x2I", width, height), struct.pack(">4x2I", width, height + 16))
    else:
        larger = saved(Image.new(mode, (width, height + 16)), form, **options)
    with pytest.raises(TooLarge) as refused:
        inspect(larger)
    assert refused.value.facts["limit"] == PIXELS[kind]


@pytest.mark.parametrize("kind", PIXELS)
def test_what_is_promised_is_within_the_memory(kind):
    assert bytes_needed(kind, PIXELS[kind], 1280, FILE) <= BUDGET


PEAK = """
import pathlib, sys
from concurrent.futures import ThreadPoolExecutor
from storage.photos import images
small, data, size, times = *map(lambda name: open(name, "rb").read(), sys.argv[1:3]), *map(int, sys.argv[3:])
images.develop(small, 320)
def said(what):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))
before = said("VmRSS")
with ThreadPoolExecutor(times) as threads:
    list(threads.map(lambda _: images.develop(data, size), range(times)))
print(said("VmHWM") - before, said("VmRSS") - before)
"""


def measured(folder, data, size=320, times=1):
    """Bytes that developing `data` took more than was there, at most and afterwards."""
    (folder / "picture").write_bytes(data)
    form = inspect(data).kind.upper()
    if form == "HEIF":
        images._register_heif()
    with Image.open(folder / "picture") as image:
        (folder / "small").write_bytes(saved(image.crop((0, 0, 64, 64)), form))  # its decoder is loaded
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
def test_a_decoder_takes_no_more_than_is_counted(form, mode, options, tmp_path):
    if form.lower() not in TAKEN:
        pytest.skip("HEIC is not taken")
    data = saved(Image.new(mode, (2400, 1800)) if form == "HEIF" else noise(mode), form, **options)
    found = inspect(data)
    kind = PHONE_HEIF if form == "HEIF" and not options else found.decoder
    counted = bytes_needed(kind, found.width * found.height, 320, len(data))
    peak, _ = measured(tmp_path, data)
    assert peak < counted + 6_000_000, (peak, counted)


def test_a_picture_of_34_bytes_that_takes_more_than_all_is_refused_unread():
    data = small_webp(4900, 4900)
    assert len(data) == 34
    with pytest.raises(TooLarge):
        inspect(data)


@linux
def test_many_small_files_of_large_pictures_take_the_memory_of_one(tmp_path):
    peak, after = measured(tmp_path, small_webp(4100, 4100), times=6)
    assert peak < BUDGET + 20_000_000
    assert after < BUDGET / 4  # and it is given back


def waits(memory, wanted, done, name, hold=None):
    def take():
        with memory.held(wanted):
            done.append(name)
            if hold:
                hold.wait(10)

    thread = threading.Thread(target=take)
    thread.start()
    time.sleep(0.05)
    return thread


def test_a_large_picture_is_not_overtaken_and_small_ones_go_side_by_side():
    memory, done, hold = SharedMemory(10), [], threading.Event()
    threads = [
        waits(memory, 4, done, "one", hold),
        waits(memory, 4, done, "beside", hold),
        waits(memory, 1000, done, "large"),  # more than there is: all of it
        waits(memory, 1, done, "small"),  # there is room for it, but the large one was first
    ]
    assert done == ["one", "beside"]
    hold.set()
    for each in threads:
        each.join(10)
    assert done == ["one", "beside", "large", "small"]


def test_memory_is_free_again_after_a_failure():
    memory = SharedMemory(10)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), memory.held(10):
            raise ZeroDivisionError
