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

from inspections.errors import DamagedPhoto, PayloadTooLarge, UnsupportedFormat
from storage.photos.av1 import frame_sizes
from storage.photos.decoder_memory import BASELINE_JPEG, MAX_PIXELS, PHONE_HEIF
from storage.photos.isobmff import (
    MAX_EXIF_BYTES,
    MAX_PARTS,
    Bytes,
    boxes,
    coded_pictures,
    count_decoded_pixels,
    end_of_boxes,
)

ACCEPTED_FORMATS = ("jpeg", "png", "webp", "avif", *(("heif",) if find_spec("pillow_heif") else ()))
"""The formats that are accepted. HEIF, which includes the HEIC of iPhones, needs the extra `[heic]`."""

_MAX_SCANS = 128
"""The most scans of a progressive JPEG, each a pass over all its pixels: encoders write a dozen, and libjpeg-turbo
advises to refuse 500 ("Two Issues with the JPEG Standard", 2015). 128 of 25 megapixels take two seconds (measured)."""

_MAX_EXPANDED_BYTES = 1 << 20
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
    """Detects format and size.

    Raises UnsupportedFormat (no accepted format), DamagedPhoto (cut or broken), PayloadTooLarge (pixels).
    """
    walk = {
        "jpeg": _inspect_jpeg,
        "png": _inspect_png,
        "webp": _inspect_webp,
        "avif": _inspect_avif,
        "heif": _inspect_heif,
    }[detect_kind(data)]
    try:
        found = walk(data)
    except (struct.error, IndexError) as error:
        raise DamagedPhoto from error
    if not (found.width and found.height):
        raise DamagedPhoto
    lean = found.kind == "heif" and _halves_colour(data)
    _check_pixels(MAX_PIXELS[PHONE_HEIF if lean else found.decoder], found.width * found.height)
    return found


def _check_pixels(limit: int, pixels: int) -> None:
    if pixels > limit:
        raise PayloadTooLarge(f"像素过多：最多 {limit / 1_000_000:g} 百万像素", pixels=pixels, limit=limit)


def detect_kind(data: Bytes) -> str:
    """Detects the kind by the first bytes, one of ACCEPTED_FORMATS. Raises UnsupportedFormat."""
    head = bytes(data[:64])
    kind = _kind_from_brands(head) if head[4:8] == b"ftyp" else _kind_from_magic(head)
    if kind == "heif" and kind not in ACCEPTED_FORMATS:
        raise UnsupportedFormat(
            "本单位的服务器不接收 HEIC/HEIF，请在手机相机设置中选择“兼容性最佳”（JPEG）", formats=ACCEPTED_FORMATS
        )
    if kind is None:
        heic = "、HEIC" if "heif" in ACCEPTED_FORMATS else ""
        raise UnsupportedFormat(f"请上传 JPEG、PNG、WebP{heic} 或 AVIF 照片", formats=ACCEPTED_FORMATS)
    return kind


def _kind_from_magic(head: bytes) -> str | None:
    if head[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    return "webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})


def _kind_from_brands(head: bytes) -> str | None:
    """ISO/IEC 23008-12: the kind by the brands of the `ftyp` box, also compatible ones, since mif1 fits any codec."""
    end = min(int.from_bytes(head[:4]), len(head))
    brands = {head[at : at + 4] for at in (8, *range(16, end, 4))}
    if brands & _AVIF_BRANDS and head[8:12] not in _HEIF_BRANDS - {b"mif1", b"msf1"}:
        return "avif"
    return "heif" if head[8:12] in _HEIF_BRANDS else None


_FRAME_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_SEQUENTIAL_MARKERS = frozenset({0xC0, 0xC1})
_EXIF_MARKER, _SCAN_MARKER, _END_MARKER = 0xE1, 0xDA, b"\xff\xd9"
_MAX_EXIF_SEGMENTS = 64
"""The most segments of EXIF: a camera writes one, and Pillow copies all earlier ones for each."""
_UNDECODED_MARKERS = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})  # lossless and hierarchical
_SAMPLE_BITS = 8
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SCAN_MARKERS = frozenset({0xC4, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
"""The markers between the scans of one picture: tables, headers, texts."""
_SCAN_HEADER = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")  # marker, length, components
_FILL_BYTES = re.compile(rb"\xff+")
_STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})


def _inspect_jpeg(data: Bytes) -> Format:
    """ITU-T T.81 annex B: reads the segments up to the first scan, then looks for the end of the picture.

    Entropy-coded data cannot contain the end marker (each FF in it is followed by 00). A file without one was cut,
    unless something else follows the picture (`_has_trailer`). Invalid bytes inside the scans are left to the decoder,
    and data after the end (motion photos) are ignored.

    A picture can be decoded in bands if its first scan holds all its components; otherwise the decoder keeps the
    coefficients of all scans, and passes over all pixels for each.
    """
    size, components, scan = Format("jpeg", 0, 0), 0, 0
    exif: list[int] = []
    for marker, position in _jpeg_segments(data):
        if marker in _FRAME_MARKERS:
            if components:
                raise DamagedPhoto  # a second size, which a decoder might use
            depth, height, width, components = struct.unpack_from(">BHHB", data, position + 2)
            if marker in _UNDECODED_MARKERS or depth != _SAMPLE_BITS:
                raise UnsupportedFormat("请上传普通的 JPEG 照片（8 位、非无损）", formats=ACCEPTED_FORMATS)
            size = Format("jpeg", width, height, banded=marker in _SEQUENTIAL_MARKERS)
        if marker == _EXIF_MARKER and data[position + 2 : position + 6] == b"Exif":
            exif.append(int.from_bytes(data[position : position + 2]))
        scan = position
    if len(exif) > _MAX_EXIF_SEGMENTS or sum(exif) > MAX_EXIF_BYTES:
        raise DamagedPhoto
    if data.rfind(_END_MARKER, scan) < 0 and not _has_trailer(data, scan):
        raise DamagedPhoto("照片文件不完整，请重新拍摄或另选一张")
    if size.banded and data[scan + 2] == components:
        return size
    if len(_SCAN_HEADER.findall(data, scan)) > _MAX_SCANS:
        raise DamagedPhoto
    return size._replace(banded=False)


def _has_trailer(data: Bytes, scan: int) -> bool:
    """Tells whether something follows a picture that some phones end without its marker: it is whole for decoders.

    This is a marker that no scan has, as in a video, or the trailer of Samsung's phones, which ends with its name.
    """
    return bytes(data[-4:]) == b"SEFT" or _picture_end(data, scan) is not None


def _picture_end(data: Bytes, scan: int) -> int | None:
    """Returns where the first marker begins that is neither in nor between scans; it may be the end marker."""
    markers = _MARKER.finditer(data, scan)
    return next((each.start() for each in markers if data[each.end() - 1] not in _SCAN_MARKERS), None)


def close_jpeg(data: bytes) -> bytes:
    """Returns a JPEG with its end marker where something else follows the picture: decoders would read on into it."""
    scan = next(position for marker, position in _jpeg_segments(data) if marker == _SCAN_MARKER)
    end = _picture_end(data, scan)
    return data if end is None or data[end : end + 2] == _END_MARKER else data[:end] + _END_MARKER


def _jpeg_segments(data: Bytes) -> Generator[tuple[int, int]]:
    """Yields the marker of each segment and the position of its length, up to the first scan.

    Fill bytes before a marker are allowed, and some cameras leave padding between segments.
    """
    position = 2
    for _ in range(MAX_PARTS):
        found = _FILL_BYTES.search(data, position)
        if found is None:
            break
        marker, position = data[found.end()], found.end() + 1
        if marker in _STANDALONE_MARKERS:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        yield marker, position
        if marker == _SCAN_MARKER:
            return
        position += max(length, 2)  # a length includes its own two bytes
    raise DamagedPhoto("照片文件不完整，请重新拍摄或另选一张")


_SIGNATURE_BYTES = 8  # bytes before the first chunk


def _inspect_png(data: Bytes) -> Format:
    """PNG (ISO/IEC 15948): checks the chunks and their checksums to IEND; IHDR must be first and unique."""
    width, height = struct.unpack_from(">II", data, 16)
    position, room = _SIGNATURE_BYTES, _MAX_EXPANDED_BYTES
    for _ in range(MAX_PARTS):
        length, name = struct.unpack_from(">I4s", data, position)
        body = position + 8
        (checksum,) = struct.unpack_from(">I", data, body + length)
        if zlib.crc32(data[body - 4 : body + length]) != checksum or (name == b"IHDR") != (
            position == _SIGNATURE_BYTES
        ):
            break
        if name == b"IEND":
            return Format("png", width, height)
        room -= _expanded_size(name, bytes(data[body : body + length]), room) if name in _COMPRESSED_CHUNKS else 0
        position = body + length + 4
    raise DamagedPhoto("照片文件已损坏，请重新拍摄或另选一张")


_COMPRESSED_CHUNKS = frozenset({b"zTXt", b"iTXt", b"iCCP"})


def _expanded_size(name: bytes, body: bytes, room: int) -> int:
    """The expanded size of a chunk's text or profile. Raises DamagedPhoto where it is more than `room`.

    After the keyword come the method, or for iTXt the compression flag, the method and two more texts.
    """
    packed = body.partition(b"\0")[2][1:]
    if name == b"iTXt":
        packed = packed[1:].partition(b"\0")[2].partition(b"\0")[2]
    size = 0
    with suppress(zlib.error):  # uncompressed or unreadable data do not expand
        size = len(zlib.decompressobj().decompress(packed, room + 1))
    if size > room:
        raise DamagedPhoto
    return size


def _inspect_webp(data: Bytes) -> Format:
    """WebP container (RFC 9649): checks the RIFF size, and reads the dimensions of VP8, VP8L or VP8X."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise DamagedPhoto("照片文件不完整，请重新拍摄或另选一张")
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
    raise DamagedPhoto


def _inspect_avif(data: Bytes) -> Format:
    """AVIF: the larger of the size in its boxes and that of its AV1 frames, since decoders allocate memory for both.

    Colour and transparency are two pictures, each in one piece or in tiles that are joined; a picture may have several
    frames. All pixels of one kind may therefore be at most twice the limit of a picture.
    """
    sizes, pixels, room = [_iso_size(data)], Counter[bytes](), iter(range(MAX_PARTS))
    for part in coded_pictures(data):
        frames = [part.grid_size()] if part.kind == b"grid" else [*frame_sizes(part.data, part.start, part.end, room)]
        if not frames:
            raise DamagedPhoto
        sizes += [(part.width, part.height), *frames]
        pixels[part.kind] += max(part.width * part.height, sum(width * height for width, height in frames))
    if not pixels:
        raise DamagedPhoto
    width, height = max(sizes, key=_area)
    _check_pixels(MAX_PIXELS["avif"], width * height)
    _check_pixels(2 * MAX_PIXELS["avif"], max(pixels.values()))
    return Format("avif", width, height)


def _inspect_heif(data: Bytes) -> Format:
    size = _iso_size(data)
    _check_pixels(2 * MAX_PIXELS[PHONE_HEIF], count_decoded_pixels(data))
    return Format("heif", *size)


_HEVC_CONFIG = re.compile(rb"hvcC.{16}(.{3})", re.DOTALL)  # chroma format, depth of luma, depth of chroma


def _halves_colour(data: Bytes) -> bool:
    """ISO/IEC 14496-15, 8.3.3.1: whether every picture in the file is HEVC of 8 bits with colour 4:2:0."""
    described = _description_boxes(data)
    settings = [each[1] for box in described for each in _HEVC_CONFIG.finditer(box)]
    return bool(settings) and all((colour & 3, luma & 7, chroma & 7) == (1, 0, 0) for colour, luma, chroma in settings)


def _description_boxes(data: Bytes) -> list[Bytes]:
    top = boxes(data, 0, end_of_boxes(data), MAX_PARTS)
    return [data[at:end] for name, at, end in top if name in {b"meta", b"moov"}]


def _iso_size(data: Bytes) -> tuple[int, int]:
    """ISO BMFF (ISO/IEC 14496-12): the largest `ispe` in `meta` or `moov`; the top-level boxes must fill the file."""
    described = _description_boxes(data)
    found = ((box, each.end()) for box in described for each in re.finditer(rb"ispe", box))
    sizes = [struct.unpack_from(">II", box, end + 4) for box, end in islice(found, MAX_PARTS)]
    if next(found, None):
        raise DamagedPhoto
    return max(sizes, default=(0, 0), key=_area)


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
