"""What kind of picture some bytes are, how large, and whether its structure reaches its end.

Names and content types are not believed, only the bytes. The walk follows the container (JPEG markers, PNG chunks,
RIFF chunks, ISO boxes) without decoding a pixel: it finds the cut that a broken connection leaves, and it reads the
size before anything is decoded.
"""

import re
import struct
import zlib
from collections.abc import Callable
from mmap import mmap
from typing import NamedTuple

from inspections.errors import Damaged, TooLarge, Unsupported

Bytes = bytes | mmap

BASELINE_PIXELS = 200_000_000
OTHER_PIXELS = 25_000_000
"""A baseline JPEG is decoded at an eighth in bands; everything else is held in memory whole."""

TAKEN = ("jpeg", "png", "webp", "avif")


class Format(NamedTuple):
    """`kind` in Pillow's lower case; `banded`: can be decoded small without holding all its pixels."""

    kind: str
    width: int
    height: int
    banded: bool = False


def inspect(data: Bytes) -> Format:
    """Raises Unsupported (not a picture we take), Damaged (cut or inconsistent), TooLarge (pixels)."""
    walk = _walk_for(data)
    try:
        found = walk(data)
    except (struct.error, IndexError) as error:
        raise Damaged from error
    if not (found.width and found.height):
        raise Damaged
    limit = BASELINE_PIXELS if found.banded else OTHER_PIXELS
    if found.width * found.height > limit:
        raise TooLarge(f"像素过多：最多 {limit // 1_000_000} 百万像素", pixels=found.width * found.height, limit=limit)
    return found


def _walk_for(data: Bytes) -> Callable[[Bytes], Format]:
    head = bytes(data[:32])
    if head[:3] == b"\xff\xd8\xff":
        return _jpeg
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return _png
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp
    if head[4:8] == b"ftyp":
        if head[8:12] in {b"avif", b"avis"}:
            return _avif
        raise Unsupported("暂不支持 HEIC/HEIF 等格式，请在手机相机设置中选择“兼容性最佳”（JPEG）", formats=TAKEN)
    raise Unsupported("请上传 JPEG、PNG、WebP 或 AVIF 照片", formats=TAKEN)


_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_SOS, _END = 0xDA, b"\xff\xd9"
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def _jpeg(data: Bytes) -> Format:
    """ITU-T T.81 annex B: segments up to the first scan, then the end marker behind it.

    Entropy-coded data cannot contain the end marker (each FF in it is followed by 00), so a file without one behind
    its first scan was cut. It is searched from the end, where it is in a whole file. Odd bytes inside the scans are
    for the decoder to judge, and what follows the end (motion photos) is let be.

    A picture can be decoded in bands if its first scan holds all its components; otherwise the decoder keeps the
    coefficients of all scans.
    """
    size: Format | None = None
    components = 0
    position = 2
    marker = 0
    while marker != _SOS:
        marker, position = _marker(data, position)
        if marker in _ALONE:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if marker in _FRAMES and size is None:
            height, width = struct.unpack_from(">HH", data, position + 3)
            size = Format("jpeg", width, height, banded=marker in _SEQUENTIAL)
            components = data[position + 7]
        elif marker == _SOS and size is not None:
            size = size._replace(banded=size.banded and data[position + 2] == components)
        position += max(length, 2)  # a length counts its own two bytes
    if size is None or data.rfind(_END, position) < 0:
        raise Damaged("照片在传输中被截断")
    return size


def _marker(data: Bytes, position: int) -> tuple[int, int]:
    """The marker at `position`; fill bytes before it are allowed, and some cameras leave padding between segments."""
    while data[position] != 0xFF:  # noqa: PLR2004  # every marker begins with it
        position += 1
    while data[position] == 0xFF:  # noqa: PLR2004
        position += 1
    return data[position], position + 1


def _png(data: Bytes) -> Format:
    """PNG (ISO/IEC 15948): chunks with their checksums, IHDR first, to IEND."""
    width, height = struct.unpack_from(">II", data, 16)
    position = 8
    while True:
        length, name = struct.unpack_from(">I4s", data, position)
        body = position + 8
        (checksum,) = struct.unpack_from(">I", data, body + length)
        if zlib.crc32(data[body - 4 : body + length]) != checksum or (position == 8 and name != b"IHDR"):  # noqa: PLR2004
            raise Damaged("照片在传输中被损坏")
        if name == b"IEND":
            return Format("png", width, height)
        position = body + length + 4


def _webp(data: Bytes) -> Format:
    """WebP container (RFC 9649): the RIFF size, and the dimensions of VP8, VP8L or VP8X."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise Damaged("照片在传输中被截断")
    name = bytes(data[12:16])
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Format("webp", width & 0x3FFF, height & 0x3FFF)
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Format("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if name == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return Format("webp", width, height)
    raise Damaged


def _avif(data: Bytes) -> Format:
    """ISO BMFF (ISO/IEC 14496-12): the top-level boxes fill the file; the largest `ispe` gives the size."""
    position = 0
    while position < len(data):
        size, _ = struct.unpack_from(">I4s", data, position)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, position + 8)
        elif size == 0:
            size = len(data) - position
        position += size
        if size < 8 or position > len(data):  # noqa: PLR2004  # a box has a header of eight bytes
            raise Damaged("照片在传输中被截断")
    sizes = [struct.unpack_from(">II", data, found.end() + 4) for found in re.finditer(rb"ispe", data)]
    width, height = max(sizes, default=(0, 0), key=lambda pair: pair[0] * pair[1])
    return Format("avif", width, height)
