"""The perceptual hash is near for another form of the same picture, far for another picture, and absent for a wall."""

import io
import math
import subprocess
import sys
from itertools import combinations

import pytest
from PIL import Image, ImageChops, ImageOps

from storage.photos import images

NEAR = 6


def encode_jpeg(image, quality=90, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def distance(one, other):
    return (images.process_photo(one).hash ^ images.process_photo(other).hash).bit_count()


@pytest.mark.parametrize("name", ["Apple_iPhone_6", "Motorola_XT1068_Moto_G", "Nexus_4", "Oppo_R7_Plus", "Portrait_6"])
def test_the_same_picture_in_another_form_is_near(samples, name):
    original = (samples / "photos" / f"{name}.jpg").read_bytes()
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(original)))
    width, height = upright.size
    inside = (width // 100, height // 100, width - width // 100, height - height // 100)
    for form in (
        encode_jpeg(upright, 60),
        encode_jpeg(upright.reduce(2)),
        encode_jpeg(upright.crop(inside)),
        images.make_preview(original, 1280),
    ):
        assert distance(original, form) <= NEAR


def test_the_hash_does_not_depend_on_the_orientation_of_the_camera(samples):
    kept = {images.process_photo((samples / "photos" / f"Landscape_{n}.jpg").read_bytes()).hash for n in (2, 3, 5)}
    assert len(kept) == 1


def test_different_pictures_are_far(samples):
    paths = sorted((samples / "photos").glob("*.jpg"))
    hashes = {images.process_photo(path.read_bytes()).hash for path in paths if path.name != "Issue_508.jpg"}
    assert None not in hashes
    assert len(hashes) == len(paths) - 1 - 3  # three pictures are the same as another, held another way
    assert min((one ^ other).bit_count() for one, other in combinations(hashes, 2)) > 2 * NEAR


def draw_wall(light, noise):
    """Draws a wall: `light` gives the grey at a place between 0 and 1, `noise` the sensor's spread in levels of 255."""
    wall = Image.new("L", (64, 48))
    wall.putdata([round(min(255, max(0, light(x / 63, y / 47)))) for y in range(48) for x in range(64)])
    wall = wall.resize((1280, 960), Image.Resampling.BICUBIC)
    return ImageChops.add(wall, Image.effect_noise(wall.size, noise), offset=-128) if noise else wall


@pytest.mark.parametrize("noise", [0, 6, 15])
@pytest.mark.parametrize(
    "light",
    [
        lambda x, y: 180,  # noqa: ARG005
        lambda x, y: 5,  # noqa: ARG005
        lambda x, y: 252,  # noqa: ARG005
        lambda x, y: 120 + 60 * x,  # noqa: ARG005
        lambda x, y: 120 + 30 * x + 40 * y,
        lambda x, y: 200 - 150 * ((x - 0.5) ** 2 + (y - 0.5) ** 2),
        lambda x, y: 200 - 150 * ((x - 0.3) ** 2 + (y - 0.7) ** 2),
        lambda x, y: 30 + 200 * math.exp(-9 * ((x - 0.4) ** 2 + (y - 0.3) ** 2)),
    ],
    ids=["plain", "dark", "glare", "fading", "fading askew", "vignette", "vignette askew", "lamp"],
)
def test_a_wall_has_no_hash(light, noise):
    assert images.process_photo(encode_jpeg(draw_wall(light, noise), 85)).hash is None


def test_a_pixel_has_no_hash():
    assert images.perceptual_hash(Image.new("RGB", (1, 1))) is None


PEAK = """
import resource, sys
from storage.photos import images
images.process_photo(open(sys.argv[1], "rb").read())
data = open(sys.argv[2], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images.process_photo(data)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_fifty_megapixels_are_processed_in_little_memory(tmp_path):
    noise = Image.effect_noise((500, 400), 40).convert("RGB")
    (tmp_path / "small.jpg").write_bytes(encode_jpeg(noise))
    (tmp_path / "large.jpg").write_bytes(encode_jpeg(noise.resize((8160, 6144), Image.Resampling.NEAREST), 80))
    command = [sys.executable, "-c", PEAK, str(tmp_path / "small.jpg"), str(tmp_path / "large.jpg")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 30 * 1024


PEAK_OF_FOUR = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
from storage.photos import images
data = open(sys.argv[1], "rb").read()
images.process_photo(data)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(4) as threads:
    list(threads.map(images.process_photo, [data] * 4))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_pictures_that_take_most_of_the_memory_are_decoded_one_at_a_time(tmp_path):
    """Four at once, each of 100 MB of pixels, need little more than one of them."""
    Image.effect_noise((400, 400), 40).convert("RGB").resize((5000, 5000)).save(tmp_path / "large.png")
    command = [sys.executable, "-c", PEAK_OF_FOUR, str(tmp_path / "large.png")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 40 * 1024
