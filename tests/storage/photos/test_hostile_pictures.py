"""Broken and hostile pictures are accepted or refused with a clear error, in either case at low cost."""

import csv
import io
import random
import re
import struct
import time
import tracemalloc
import zlib

import pytest
from PIL import Image, PngImagePlugin

from inspections.errors import DamagedPhoto, PayloadTooLarge, UnsupportedFormat
from storage.photos import formats, images
from storage.photos.formats import inspect
from tests.builders.hostile_heif import grid, heif, identity, overlay
from tests.builders.hostile_pictures import is_accepted, mutate_bytes, png_chunk


def encode(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def test_broken_pictures_are_accepted_or_refused_as_their_manifest_says(samples):
    for row in csv.DictReader((samples / "photos_bad" / "MANIFEST.csv").read_text().splitlines()):
        expected = row["expect"] == "taken"
        assert is_accepted((samples / "photos_bad" / row["file"]).read_bytes()) == expected, row["file"]


def png(*more, size=(8, 8), pixels=None):
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    rows = zlib.compress(bytes((size[0] + 1) * size[1]) if pixels is None else pixels)
    body = png_chunk(b"IDAT", rows)
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(png_chunk(*each) for each in more) + body + png_chunk(b"IEND", b"")


def compress_zeros(size):
    return zlib.compress(bytes(size), 9)


TEXTS = {
    b"zTXt": lambda text: b"Comment\0\0" + text,
    b"iCCP": lambda text: b"profile\0\0" + text,
    b"iTXt": lambda text: b"Comment\0\1\0zh\0\0" + text,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_expands_too_far_is_refused_before_it_does(name, monkeypatch):
    assert is_accepted(png((name, TEXTS[name](compress_zeros(1000)))))
    assert inspect(png((name, b"Comment")))
    bomb = png((name, TEXTS[name](compress_zeros(50_000_000))))
    assert len(bomb) < 60_000
    sizes = []
    real = zlib.decompressobj

    class Watched:
        def decompress(self, data, most):
            out = real().decompress(data, most)
            sizes.append(len(out))
            return out

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    with pytest.raises(DamagedPhoto):
        inspect(bomb)
    assert sizes == [(1 << 20) + 1]


def test_all_texts_together_may_expand_to_one_megabyte():
    half = (b"zTXt", TEXTS[b"zTXt"](compress_zeros(500_000)))
    assert inspect(png(half, half))
    with pytest.raises(DamagedPhoto):
        inspect(png(half, half, half))


@pytest.mark.parametrize("size", [(7000, 7000), (20_000, 5_000), (60_000, 60_000)])
def test_a_small_file_of_many_pixels_is_refused_by_its_header(size):
    with pytest.raises(PayloadTooLarge):
        inspect(png(size=size, pixels=b""))


def test_a_second_header_with_a_size_is_refused():
    with pytest.raises(DamagedPhoto):
        inspect(png((b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0))))
    data = encode(Image.new("L", (8, 8)), "JPEG")
    frame = data.index(b"\xff\xc0")
    with pytest.raises(DamagedPhoto):
        inspect(data[:frame] + data[frame : frame + 13] + data[frame:])


def test_sixteen_bits_of_grey_are_shown_as_grey():
    grey = Image.new("I;16", (100, 100), 0x8000)
    assert images.apply_orientation(Image.open(io.BytesIO(encode(grey, "PNG")))).getpixel((50, 50)) in {127, 128}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_of_any_mode_is_shrunk(mode):
    grey = (
        Image.new("I;16", (900, 700), 0x8000) if mode == "I;16" else Image.new("RGB", (900, 700), "grey").convert(mode)
    )
    with images.decode_image(encode(grey, "PNG"), 320) as picture:
        shown = images.apply_orientation(picture)
    assert max(shown.size) == 320
    assert shown.convert("L").getextrema()[0] > 100 or mode == "1"


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_an_iso_picture_has_the_size_of_its_largest_part(kind):
    data = bytearray(iso_picture(kind))
    for found in re.finditer(rb"ispe", bytes(data)):
        struct.pack_into(">II", data, found.end() + 4, 60_000, 60_000)
    with pytest.raises(PayloadTooLarge):
        inspect(bytes(data))


def iso_picture(kind, size=(64, 48), **options):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif")
        images._register_heif()
    return encode(Image.radial_gradient("L").resize(size).convert("RGB"), kind, **options)


@pytest.mark.parametrize("head", [b"<svg xmlns=", b"<!DOCTYPE html>", b"ID3\x04\0\0", b"\xff\xfb\x90\x44", b"%PDF-1.7"])
def test_another_kind_of_file_is_refused_by_its_bytes(head):
    with pytest.raises(UnsupportedFormat):
        inspect(head + bytes(1000))


def test_the_longest_segments_are_read_and_never_past_the_end():
    data = encode(Image.new("L", (8, 8)), "JPEG")
    segment = b"\xff\xe1\xff\xff" + bytes(0xFFFF - 2)
    assert is_accepted(data[:2] + segment * 50 + data[2:])
    with pytest.raises(DamagedPhoto):
        inspect(data[:2] + segment * 50 + data[2:-2])
    with pytest.raises(DamagedPhoto):
        inspect(data[:2] + segment * 50)


@pytest.mark.parametrize("filling", [b"\xff\xe1\0\2", b"\xff\x01", b"\0", b"\xff"])
def test_a_file_of_only_segments_or_filling_is_refused_within_a_second(filling):
    began = time.process_time()
    with pytest.raises(DamagedPhoto):
        inspect(b"\xff\xd8\xff" + filling * (8_000_000 // len(filling)))
    assert time.process_time() - began < 1


def test_a_file_of_only_chunks_is_refused_within_two_seconds():
    began = time.process_time()
    with pytest.raises(DamagedPhoto):
        inspect(png(*[(b"tIME", b"")] * 200_000))
    assert time.process_time() - began < 2


def test_too_many_scans_are_refused():
    data = encode(Image.radial_gradient("L").convert("RGB"), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    assert is_accepted(data)
    with pytest.raises(DamagedPhoto):
        inspect(data[:-2] + b"\xff\xfe\0\4\xff\xd9" + data[last:-2] * 1000 + data[-2:])


def test_scans_after_a_whole_picture_cost_nothing():
    data = encode(Image.radial_gradient("L").convert("RGB"), "JPEG")
    scan = data[data.index(b"\xff\xda") : -2]
    began = time.process_time()
    assert inspect(data[:-2] + scan * 2000 + data[-2:]).banded
    is_accepted(data[:-2] + scan * 2000 + data[-2:])
    assert time.process_time() - began < 1


def jpeg_with(*segments):
    """A small JPEG with more segments, each a marker and its content."""
    data = encode(Image.radial_gradient("L").convert("RGB"), "JPEG")
    return (
        data[:2] + b"".join(struct.pack(">BBH", 0xFF, kind, len(body) + 2) + body for kind, body in segments) + data[2:]
    )


COSTLY_SEGMENTS = {
    "comments": (0xFE, bytes(300)),
    "colour profiles": (0xE2, b"ICC_PROFILE\0\1\1" + bytes(280)),
    "resources": (0xED, b"Photoshop 3.0\0" + b"8BIM\0\1\0\0\0\0\0\0" * 24),
    "indexes": (0xE2, b"MPF\0" + bytes(280)),
    "packets": (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(270)),
}


@pytest.mark.parametrize("name", COSTLY_SEGMENTS)
def test_thousands_of_segments_take_little_time(name):
    data = jpeg_with(*[COSTLY_SEGMENTS[name]] * 50_000)
    began = time.process_time()
    is_accepted(data)
    assert time.process_time() - began < 5


def webp_with(chunk):
    """A small WebP with a chunk repeated to 8 MB."""
    data = encode(Image.radial_gradient("L").convert("RGB"), "WEBP", exif=b"II*\0\x08\0\0\0\0\0")
    body = data[8:] + chunk * (8_000_000 // len(chunk))
    return b"RIFF" + struct.pack("<I", len(body)) + body


COSTLY_CHUNKS = {
    "texts": lambda: png(*[(b"tEXt", b"k%d\0x" % at) for at in range(60_000)]),
    "small packed texts": lambda: png(*[(b"zTXt", TEXTS[b"zTXt"](compress_zeros(15)))] * 60_000),
    "empty pixels": lambda: png(*[(b"IDAT", b"")] * 60_000),
    "unknown chunks of WebP": lambda: webp_with(b"JUNK" + bytes(4)),
    "profiles of WebP": lambda: webp_with(b"ICCP" + struct.pack("<I", 400) + bytes(400)),
}


@pytest.mark.parametrize("name", COSTLY_CHUNKS)
def test_thousands_of_chunks_take_little_time(name):
    data = COSTLY_CHUNKS[name]()
    began = time.process_time()
    is_accepted(data)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("number", "size"), [(60_000, 300), (1100, 16), (20, 65_000)])
def test_exif_in_many_or_large_segments_is_refused_before_it_is_joined(number, size):
    """Pillow copies all earlier segments of EXIF for each further one: 60,000 took it more than a minute."""
    exif = (0xE1, b"Exif\0\0" + bytes(size))
    assert is_accepted(jpeg_with(exif, exif))
    with pytest.raises(DamagedPhoto):
        inspect(jpeg_with(*[exif] * number))


def exif_of_numbers(size):
    """EXIF whose only value is a list of fractions, 8 bytes each: Pillow makes an object of each."""
    head = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x8769, 4, 1, 26, 0)
    return head + struct.pack("<HHHIII", 1, 0x9201, 5, size // 8, 44, 0) + b"\1" * size


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "HEIF"])
def test_large_exif_is_left_unread(kind):
    """18 MB of it took 700 MB of memory, and seven seconds in which no other thread ran."""
    picture = Image.radial_gradient("L").convert("RGB")
    if kind == "HEIF":
        pytest.importorskip("pillow_heif")
        images._register_heif()
    small, large = (encode(picture, kind, exif=exif_of_numbers(size)) for size in (64_000, 8_000_000))
    assert is_accepted(small)
    began = time.process_time()
    assert is_accepted(large) == (kind != "AVIF")  # its decoder reads EXIF while it opens the file
    assert time.process_time() - began < 1


def test_values_of_exif_that_share_their_bytes_take_the_memory_of_one():
    """60 kB with 5,000 values of 60 kB each, all the same bytes: 300 MB for a reader that copies each."""
    entries = b"".join(struct.pack("<HHII", 1000 + at, 7, 60_000, 0) for at in range(5000))
    exif = b"Exif\0\0" + struct.pack("<2sHIH", b"II", 42, 8, 5000) + entries + bytes(4)
    tracemalloc.start()
    try:
        is_accepted(jpeg_with((0xE1, exif[:65_000])))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_directories_of_exif_that_name_themselves_are_read_once():
    loop = struct.pack("<2sHIHHHIIHHIII", b"II", 42, 8, 2, 0x8769, 4, 1, 8, 0x8825, 4, 1, 8, 8)
    assert is_accepted(jpeg_with((0xE1, b"Exif\0\0" + loop)))


DERIVED = {
    "a grid of one tile 256 times": lambda: heif([(grid(16, 16, (2000, 2000)), [2] * 256)], (2000, 2000), (2000, 2000)),
    "an overlay of one picture 1000 times": lambda: heif(
        [(overlay((4000, 4000), 1000), [2] * 1000)], (4000, 4000), (4000, 4000)
    ),
    "a tower of grids": lambda: heif([(grid(10, 10, (64, 64)), [at] * 100) for at in range(2, 7)], (64, 64)),
    "a picture of itself": lambda: heif([(identity(), [1])], (64, 64)),
    "two pictures of each other": lambda: heif([(identity(), [2]), (identity(), [1])], (64, 64)),
    "a grid of itself": lambda: heif([(grid(1, 1, (64, 64)), [1])], (64, 64)),
    "a long row of pictures": lambda: heif([(identity(), [at]) for at in range(2, 1000)], (64, 64)),
    "more references than a decoder searches": lambda: heif([(overlay((64, 64), 20_000), [2] * 20_000)], (64, 64)),
}


@pytest.mark.parametrize("name", DERIVED)
def test_a_picture_made_of_others_too_often_is_refused(name):
    """Seven kilobytes of HEIF took half a minute: the same 25 megapixels are decoded for each tile."""
    pytest.importorskip("pillow_heif")
    with pytest.raises((DamagedPhoto, PayloadTooLarge)):
        inspect(DERIVED[name]())


def test_a_grid_of_tiles_and_a_tone_map_of_it_are_accepted():
    pytest.importorskip("pillow_heif")
    assert is_accepted(heif([(grid(2, 2, (128, 128)), [2] * 4)], (128, 128)))
    assert is_accepted(heif([(identity(), [2]), (grid(2, 2, (128, 128)), [3] * 4)], (128, 128)))


def test_a_picture_larger_than_it_claims_is_not_decoded():
    """The decoder, libheif, refuses a coded picture that is larger than the boxes say."""
    data = bytearray(iso_picture("HEIF", size=(3000, 3000)))
    for found in re.finditer(rb"ispe", bytes(data)):
        struct.pack_into(">II", data, found.end() + 4, 64, 64)
    began = time.process_time()
    assert not is_accepted(bytes(data))
    assert time.process_time() - began < 1


@pytest.mark.parametrize("nested", [b"meta", b"moov", b"iprp"])
def test_boxes_nested_thousands_deep_are_refused(nested):
    data = b""
    for _ in range(5000):
        data = struct.pack(">I4s", len(data) + 12, nested) + bytes(4) + data
    began = time.process_time()
    for brand in (b"heic", b"avif"):
        assert not is_accepted(struct.pack(">I4s4sI4s", 20, b"ftyp", brand, 0, b"mif1") + data)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_thousands_of_frames_cost_what_one_costs(kind):
    """Only the first frame is decoded."""
    frames = [Image.new("RGB", (16, 16), (at % 256, at // 256, 9)) for at in range(2000)]
    began = time.process_time()
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=10)
    made = time.process_time() - began
    began = time.process_time()
    assert is_accepted(data)
    assert time.process_time() - began < max(1, made / 5)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_the_first_frame_of_a_moving_picture_is_shown(kind):
    pictures = [Image.new("RGB", (64, 64), colour) for colour in ("red", "lime", "blue")]
    data = encode(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=100)
    inspect(data)
    red, green, blue = Image.open(io.BytesIO(images.process_photo(data).preview)).getpixel((32, 32))
    assert (red > 200, green < 50, blue < 50) == (True, True, True)


def test_heif_without_its_extra_is_refused_with_advice(monkeypatch):
    monkeypatch.setattr(formats, "ACCEPTED_FORMATS", ("jpeg", "png", "webp", "avif"))
    for brand in (b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"heim", b"heis"):
        with pytest.raises(UnsupportedFormat, match="HEIC") as refused:
            inspect(b"\x00\x00\x00\x18ftyp" + brand + bytes(100))
        assert "heif" not in refused.value.facts["formats"]


def test_a_brand_without_a_codec_is_read_by_its_compatible_brands():
    data = iso_picture("AVIF")
    assert inspect(data.replace(b"ftypavif", b"ftypmif1", 1)).kind == "avif"
    assert images.process_photo(data.replace(b"ftypavif", b"ftypmif1", 1)).preview


def test_a_truncated_heif_is_refused():
    data = iso_picture("HEIF")
    assert is_accepted(data)
    for tenth in range(1, 10):
        assert not is_accepted(data[: len(data) * tenth // 10])


def test_real_heif_is_shown_upright_and_read(samples):
    pytest.importorskip("pillow_heif")
    made = {
        path.name: images.process_photo(path.read_bytes()) for path in (samples / "photos").glob("*.[hH][eE][iI][cC]")
    }
    shown = {name: Image.open(io.BytesIO(each.preview)).size for name, each in made.items()}
    assert shown == {"IMG_1034.heic": (320, 240), "IMG_2927.HEIC": (240, 320), "Issue_487.heic": (240, 320)}
    guangzhou, nowhere = made["IMG_1034.heic"].metadata, made["Issue_487.heic"].metadata
    assert (round(guangzhou.point.lat, 6), round(guangzhou.point.lon, 6)) == (23.177917, 113.394317)
    assert (nowhere.point, nowhere.oddities) == (None, ())
    assert made["IMG_2927.HEIC"].metadata.utc_offset == -240


def test_heif_is_rotated_once():
    """A white bar comes out at the top, where it was when the camera was held upright."""
    pytest.importorskip("pillow_heif")
    images._register_heif()
    stored = Image.new("RGB", (96, 64))
    stored.paste("white", (0, 0, 20, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    made = images.process_photo(encode(stored, "HEIF", exif=exif.tobytes()))
    shown = Image.open(io.BytesIO(made.preview)).convert("L")
    assert (shown.size, made.metadata.orientation) == ((64, 96), 6)
    assert (shown.getpixel((32, 5)) > 200, shown.getpixel((32, 90)) < 50) == (True, True)


def sample_pictures():
    """Yields small pictures of every accepted kind and mode, some with metadata."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Acme", 6
    exif.get_ifd(0x8769)[0x9003] = "2026:11:23 09:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 46.0, 12.0), 3: "E", 4: (120.0, 45.0, 0.0)})
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "words " * 50, zip=True)
    texts.add_itxt("Title", "words " * 50, zip=True)
    rgb = Image.merge("RGB", [Image.radial_gradient("L"), Image.linear_gradient("L"), Image.radial_gradient("L")])
    rgb = rgb.resize((64, 48))
    moving = {"save_all": True, "append_images": [rgb.transpose(0), rgb.transpose(1)]}
    yield from (encode(rgb, "JPEG", exif=exif), encode(rgb, "JPEG", progressive=True), encode(rgb.convert("L"), "JPEG"))
    yield from (encode(rgb.convert("CMYK"), "JPEG"), encode(rgb, "PNG", pnginfo=texts, exif=exif))
    yield from (encode(rgb.convert(mode), "PNG") for mode in ("RGBA", "P", "LA", "1", "I;16"))
    yield from (encode(rgb, "PNG", **moving), encode(rgb, "WEBP", exif=exif), encode(rgb, "WEBP", lossless=True))
    yield from (encode(rgb.convert("RGBA"), "WEBP"), encode(rgb, "WEBP", **moving))
    yield from (encode(rgb, "AVIF", exif=exif), encode(rgb.convert("RGBA"), "AVIF"), encode(rgb, "AVIF", **moving))
    if "heif" in formats.ACCEPTED_FORMATS:
        images._register_heif()
        yield from (encode(rgb, "HEIF", exif=exif.tobytes()), encode(rgb.convert("RGBA"), "HEIF"))


def check_mutations(seed, count):
    rng = random.Random(seed)  # noqa: S311
    originals = list(sample_pictures())
    assert all(is_accepted(each) for each in originals)
    through = 0
    for number in range(count):
        data = mutate_bytes(rng, originals[number % len(originals)], rng.choice(originals))
        began = time.process_time()
        through += is_accepted(data)
        assert time.process_time() - began < 2, data.hex()
    assert 0 < through < count


def test_a_mutated_picture_is_accepted_or_refused_and_nothing_else():
    check_mutations(20261123, 2000)


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(10))
def test_many_mutated_pictures_are_accepted_or_refused_and_nothing_else(seed):
    check_mutations(seed, 2000)
