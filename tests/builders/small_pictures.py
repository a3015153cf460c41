"""Builds small files of large pictures."""

import io
import struct

from PIL import Image

from storage.photos import images
from storage.photos.decoder_memory import BASELINE_JPEG, PHONE_HEIF


def encode_image(image, form, **options):
    if form == "HEIF":
        images._register_heif()
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def small_webp(width, height):
    """Packs pixels of one colour into 34 bytes: VP8L (RFC 9649) whose five prefix codes have one symbol each."""
    bits, at = 0, 0
    for value, width_of in ((0x2F, 8), (width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 3)):
        bits, at = bits | value << at, at + width_of
    for symbol in (0, 90, 0, 0, 0):  # simple codes of one symbol of 8 bits: green, red, blue, alpha, distance
        for value, width_of in ((1, 1), (0, 1), (1, 1), (symbol, 8)):
            bits, at = bits | value << at, at + width_of
    data = bits.to_bytes(-(-at // 8), "little")
    data += bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", 12 + len(data)) + b"WEBPVP8L" + struct.pack("<I", len(data)) + data


PROMISED = {
    BASELINE_JPEG: ("L", (20_000, 10_000), "JPEG", {"quality": 20}),
    "jpeg": ("CMYK", (5000, 5000), "JPEG", {"quality": 20, "progressive": True}),
    "png": ("RGBA", (5000, 5000), "PNG", {"compress_level": 1}),
    "webp": ("RGBA", (4000, 4250), "WEBP", {"lossless": True, "method": 0}),
    "avif": ("RGB", (3600, 3500), "AVIF", {"speed": 10, "subsampling": "4:4:4"}),
    "heif": ("RGB", (4000, 3250), "HEIF", {"chroma": 444}),
    PHONE_HEIF: ("RGB", (5000, 5000), "HEIF", {}),
}


def largest_picture(kind):
    """Builds a picture of the largest size that is promised for its kind."""
    mode, size, form, options = PROMISED[kind]
    return encode_image(Image.new(mode, size, 100 if mode == "L" else (90, 120, 90, 90)[: len(mode)]), form, **options)
