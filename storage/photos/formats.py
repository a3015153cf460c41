"""The format and size of a picture, and whether its structure reaches its end.

File names and content types are not trusted, only the bytes. The check walks through the container (JPEG markers, PNG
chunks, RIFF chunks, ISO boxes) without decoding a pixel: it detects a file cut by a broken connection, and reads the
size before anything is decoded.
"""

import re
import struct
import zlib
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from importlib.util import find_spec
from itertools import islice
from typing import NamedTuple

from inspections.errors import Damaged, TooLarge, Unsupported
from storage.photos.av1 import frame_sizes
from storage.photos.decoder_memory import BASELINE_JPEG, PHONE_HEIF, PIXELS
from storage.photos.isobmff import PARTS, Bytes, boxes, coded

TAKEN = ("jpeg", "png", "webp", "avif", *(("heif",) if find_spec("pillow_heif") else ()))
"""The formats that are accepted. HEIF, which includes the HEIC of iPhones, needs the extra `[heic]`."""

_SCANS = 128
"""The most scans of a progressive JPEG, each a pass over all its pixels: encoders write a dozen."""

_EXPANDED = 1 << 20
"""The most bytes that all texts and the colour profile of a PNG may expand to."""


class Format(NamedTuple):
    """A picture's format and size. `kind`: Pillow's name in lower case; `banded`: decodable in bands of pixels."""

    kind: str
    width: int
    height: int
    banded: bool = False

    @property
    def decoder(self) -> str:
        """The kind under which decoder_memory lists the limits."""
        return BASELINE_JPEG if self.banded else self.kind


def inspect(data: Bytes) -> Format:
    """Detects format and size. Raises Unsupported (no accepted format), Damaged (cut or broken), TooLarge (pixels)."""
    walk = {"jpeg": _jpeg, "png": _png, "webp": _webp, "avif": _avif, "heif": _heif}[kind_of(data)]
    try:
        found = walk(data)
    except (struct.error, IndexError) as error:
        raise Damaged from error
    if not (found.width and found.height):
        raise Damaged
    lean = found.kind == "heif" and _halves_colour(data)
    _within(PIXELS[PHONE_HEIF if lean else found.decoder], found.width * found.height)
    return found


def _within(limit: int, pixels: int) -> None:
    if pixels > limit:
        raise TooLarge(f"像素过多：最多 {limit / 1_000_000:g} 百万像素", pixels=pixels, limit=limit)


def kind_of(data: Bytes) -> str:
    """Detects the kind by the first bytes, one of ACCEPTED_FORMATS. Raises Unsupported."""
    head = bytes(data[:64])
    kind = _kind_of_box(head) if head[4:8] == b"ftyp" else _kind_of_magic(head)
    if kind == "heif" and kind not in TAKEN:
        raise Unsupported("本单位的服务器不接收 HEIC/HEIF，请在手机相机设置中选择“兼容性最佳”（JPEG）", formats=TAKEN)
    if kind is None:
        heic = "、HEIC" if "heif" in TAKEN else ""
        raise Unsupported(f"请上传 JPEG、PNG、WebP{heic} 或 AVIF 照片", formats=TAKEN)
    return kind


def _kind_of_magic(head: bytes) -> str | None:
    if head[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    return "webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


_AVIF = frozenset({b"avif", b"avis"})
_HEIF = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})


def _kind_of_box(head: bytes) -> str | None:
    """ISO/IEC 23008-12: the kind by the brands of the `ftyp` box, also compatible ones, since mif1 fits any codec."""
    end = min(int.from_bytes(head[:4]), len(head))
    brands = {head[at : at + 4] for at in (8, *range(16, end, 4))}
    if brands & _AVIF and head[8:12] not in _HEIF - {b"mif1", b"msf1"}:
        return "avif"
    return "heif" if head[8:12] in _HEIF else None


_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_SOS, _END = 0xDA, b"\xff\xd9"
_SCAN = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")  # marker, length, components
_FILL = re.compile(rb"\xff+")
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def _jpeg(data: Bytes) -> Format:
    """ITU-T T.81 annex B: reads the segments up to the first scan, then finds the end marker.

    Entropy-coded data cannot contain the end marker (each FF in it is followed by 00), so a file without one after its
    first scan was cut. The search starts at the end, where a whole file has it. Invalid bytes inside the scans are left
    to the decoder, and data after the end (motion photos) are ignored.

    A picture can be decoded in bands if its first scan holds all its components; otherwise the decoder keeps the
    coefficients of all scans, and passes over all pixels for each.
    """
    size, components, scan = Format("jpeg", 0, 0), 0, 0
    for marker, position in _segments(data):
        if marker in _FRAMES:
            if components:
                raise Damaged  # a second size, which a decoder might use
            height, width, components = struct.unpack_from(">HHB", data, position + 3)
            size = Format("jpeg", width, height, banded=marker in _SEQUENTIAL)
        scan = position
    if data.rfind(_END, scan) < 0:
        raise Damaged("照片在传输中被截断")
    if size.banded and data[scan + 2] == components:
        return size
    if len(_SCAN.findall(data, scan)) > _SCANS:
        raise Damaged
    return size._replace(banded=False)


def _segments(data: Bytes) -> Generator[tuple[int, int]]:
    """Yields the marker of each segment and the position of its length, up to the first scan.

    Fill bytes before a marker are allowed, and some cameras leave padding between segments.
    """
    position = 2
    for _ in range(PARTS):
        found = _FILL.search(data, position)
        if found is None:
            break
        marker, position = data[found.end()], found.end() + 1
        if marker in _ALONE:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        yield marker, position
        if marker == _SOS:
            return
        position += max(length, 2)  # a length includes its own two bytes
    raise Damaged("照片在传输中被截断")


_FIRST = 8  # bytes before the first chunk


def _png(data: Bytes) -> Format:
    """PNG (ISO/IEC 15948): checks the chunks and their checksums to IEND; IHDR must be first and unique."""
    width, height = struct.unpack_from(">II", data, 16)
    position, room = _FIRST, _EXPANDED
    for _ in range(PARTS):
        length, name = struct.unpack_from(">I4s", data, position)
        body = position + 8
        (checksum,) = struct.unpack_from(">I", data, body + length)
        if zlib.crc32(data[body - 4 : body + length]) != checksum or (name == b"IHDR") != (position == _FIRST):
            break
        if name == b"IEND":
            return Format("png", width, height)
        room -= _expanded(name, bytes(data[body : body + length]), room) if name in _EXPANDING else 0
        position = body + length + 4
    raise Damaged("照片在传输中被损坏")


_EXPANDING = frozenset({b"zTXt", b"iTXt", b"iCCP"})


def _expanded(name: bytes, body: bytes, room: int) -> int:
    """The expanded size of a chunk's text or profile. Raises Damaged where it is more than `room`.

    After the keyword come the method, or for iTXt the compression flag, the method and two more texts.
    """
    packed = body.partition(b"\0")[2][1:]
    if name == b"iTXt":
        packed = packed[1:].partition(b"\0")[2].partition(b"\0")[2]
    size = 0
    with suppress(zlib.error):  # uncompressed or unreadable data do not expand
        size = len(zlib.decompressobj().decompress(packed, room + 1))
    if size > room:
        raise Damaged
    return size


def _webp(data: Bytes) -> Format:
    """WebP container (RFC 9649): checks the RIFF size, and reads the dimensions of VP8, VP8L or VP8X."""
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
    """AVIF: the larger of the size in its boxes and that of its AV1 frames, since decoders allocate memory for both.

    Colour and transparency are two pictures, each in one piece or in tiles that are joined; a picture may have several
    frames. All pixels of one kind may therefore be at most twice the limit of a picture.
    """
    sizes, pixels, room = [_iso_size(data)], Counter[bytes](), iter(range(PARTS))
    for part in coded(data):
        frames = [part.grid()] if part.kind == b"grid" else [*frame_sizes(part.data, part.start, part.end, room)]
        if not frames:
            raise Damaged
        sizes += [(part.width, part.height), *frames]
        pixels[part.kind] += max(part.width * part.height, sum(width * height for width, height in frames))
    if not pixels:
        raise Damaged
    width, height = max(sizes, key=_area)
    _within(PIXELS["avif"], width * height)
    _within(2 * PIXELS["avif"], max(pixels.values()))
    return Format("avif", width, height)


def _heif(data: Bytes) -> Format:
    return Format("heif", *_iso_size(data))


_HEVC = re.compile(rb"hvcC.{16}(.{3})", re.DOTALL)  # chroma format, depth of luma, depth of chroma


def _halves_colour(data: Bytes) -> bool:
    """ISO/IEC 14496-15, 8.3.3.1: whether every picture in the file is HEVC of 8 bits with colour 4:2:0."""
    described = (data[at:end] for name, at, end in boxes(data, 0, len(data), PARTS) if name in {b"meta", b"moov"})
    settings = [each[1] for box in described for each in _HEVC.finditer(box)]
    return bool(settings) and all((colour & 3, luma & 7, chroma & 7) == (1, 0, 0) for colour, luma, chroma in settings)


def _iso_size(data: Bytes) -> tuple[int, int]:
    """ISO BMFF (ISO/IEC 14496-12): the largest `ispe` in `meta` or `moov`; the top-level boxes must fill the file."""
    described = [data[at:end] for name, at, end in boxes(data, 0, len(data), PARTS) if name in {b"meta", b"moov"}]
    found = ((box, each.end()) for box in described for each in re.finditer(rb"ispe", box))
    sizes = [struct.unpack_from(">II", box, end + 4) for box, end in islice(found, PARTS)]
    if next(found, None):
        raise Damaged
    return max(sizes, default=(0, 0), key=_area)


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
