"""Draws pictures in several formats."""

import io
import struct
import zlib
from datetime import UTC, datetime

from PIL import Image

NOW = datetime(2024, 6, 3, 1, 2, 3, tzinfo=UTC)


def picture(kind="JPEG", size=(640, 480), mode="RGB", **options):
    image = Image.radial_gradient("L").resize(size).convert(mode)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_of(data):
    """Builds a PNG with valid chunks and `data` in place of its pixels."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50, 50, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")
