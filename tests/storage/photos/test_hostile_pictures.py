"""Broken and hostile pictures are accepted or refused with a clear error, in either case at low cost."""

import csv
import io
import random
import re
import struct
import time
import zlib

import pytest
from PIL import Image, PngImagePlugin

from inspections.errors import DamagedPhoto, PayloadTooLarge, UnsupportedFormat
from storage.photos import formats, images
from storage.photos.formats import inspect
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
    assert (nowhere.point, nowhere.oddities) == (None, ("position",))
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
