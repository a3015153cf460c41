"""ISO base media files (ISO/IEC 14496-12) and the pictures in them (ISO/IEC 23008-12): boxes, items, tracks.

Only the path to the coded bytes and their declared size are read. Every list is limited, since a box may declare any
number of entries. A file in which another reader might find other bytes is Damaged.
"""

import struct
from collections import deque
from collections.abc import Generator
from mmap import mmap
from typing import NamedTuple

from inspections.errors import DamagedPhoto

Bytes = bytes | mmap
Span = tuple[int, int]

MAX_PARTS = 65_536
"""The most segments, chunks or boxes of one file: a camera writes hundreds, an attacker millions."""

_BOX_HEAD = 8

_MAX_CHILDREN = 4_096
"""The most boxes inside one box, and entries of its lists: a picture in tiles has some hundreds of items and
properties."""

_MAX_TRACKS = 4
"""The most tracks, and lists of one kind: an animated picture with transparency has two."""

_MAX_DERIVATIONS = 8
"""The most pictures that are each made of the next one: a tone map of a grid of tiles is two."""

MAX_EXIF_BYTES = 1 << 20
"""The most bytes of EXIF: a camera writes at most 64 kB (EXIF 2.32, 4.7.2), and Pillow needs forty times as many."""

_MAX_TABLE_BYTES = 32_768
"""The most bytes of a table that decoders search again and again: a longer one can cost them minutes (measured)."""


class CodedPicture(NamedTuple):
    """The coded bytes of a picture, and its declared size: an item by its type, or the first sample of a track."""

    kind: bytes
    data: Bytes
    start: int
    end: int
    width: int
    height: int

    def grid_size(self) -> tuple[int, int]:
        """ISO/IEC 23008-12, 6.6.2.3: the size of the picture that the tiles form together."""
        wide = self.data[self.start + 1] & 1
        width, height = struct.unpack_from(">II" if wide else ">HH", self.data, self.start + 4)
        return width, height


def boxes(data: Bytes, start: int, end: int, most: int = _MAX_CHILDREN) -> Generator[tuple[bytes, int, int]]:
    """Yields name, start of the contents and end of each box between `start` and `end`, which the boxes must fill."""
    position = start
    for _ in range(most):
        if position == end:
            return
        size, name = struct.unpack_from(">I4s", data, position)
        body = position + 8
        if size == 1:  # a 64-bit size follows; 0 means to the end
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        stop = position + size if size else end
        if not body <= stop <= end:
            break
        yield name, body, stop
        position = stop
    raise DamagedPhoto("照片文件不完整，请重新拍摄或另选一张")


def end_of_boxes(data: Bytes) -> int:
    """Returns where the boxes of a file end: a phone may write a trailer of its own behind them, which is no box."""
    position = 0
    for _ in range(MAX_PARTS):
        if len(data) - position < _BOX_HEAD:  # the end, or the head of a box that is cut
            break
        size, name = struct.unpack_from(">I4s", data, position)
        if not name.isascii() or not name.decode().isprintable():
            return position
        if size == 1 and len(data) - position >= 2 * _BOX_HEAD:
            (size,) = struct.unpack_from(">Q", data, position + _BOX_HEAD)
        if size < _BOX_HEAD:  # to the end of the file, or broken
            break
        position += size
    return len(data)


def coded_pictures(data: Bytes) -> Generator[CodedPicture]:
    """Yields every picture that a reader may decode: AV1 items, grids of them, the first AV1 sample of each track."""
    top = _group_boxes(data, 0, end_of_boxes(data), MAX_PARTS)
    if b"meta" in top:
        start, end = _single_box(top, b"meta")
        yield from _coded_items(data, _group_boxes(data, start + 4, end))
    if b"moov" in top:
        tracks = _group_boxes(data, *_single_box(top, b"moov")).get(b"trak", [])
        if len(tracks) > _MAX_TRACKS:
            raise DamagedPhoto
        for span in tracks:
            track = _group_boxes(data, *span)
            if b"meta" in track:  # it shows nothing, but decoders read its lists too
                start, end = _single_box(track, b"meta")
                deque(_coded_items(data, _group_boxes(data, start + 4, end)), 0)
            yield from _first_sample(data, track)


def count_decoded_pixels(data: Bytes) -> int:
    """The most pixels that a reader decodes for one item: its own or, where it is made of others, all of theirs.

    ISO/IEC 23008-12, 6.6.2: a grid of 256 tiles may name the same large picture 256 times, and each is decoded anew.
    """
    top = _group_boxes(data, 0, end_of_boxes(data), MAX_PARTS)
    if b"meta" not in top:
        return 0
    start, end = _single_box(top, b"meta")
    meta = _group_boxes(data, start + 4, end)
    sizes = _item_sizes(data, _group_boxes(data, *_single_box(meta, b"iprp"))) if b"iprp" in meta else {}
    parts = _item_parts(data, *_single_box(meta, b"iref")) if b"iref" in meta else {}
    counted: dict[int, int] = {}

    def count(item: int, depth: int) -> int:
        if depth > _MAX_DERIVATIONS:
            raise DamagedPhoto
        if item not in counted:
            width, height = sizes.get(item, (0, 0))
            counted[item] = max(width * height, sum(count(each, depth + 1) for each in parts.get(item, ())))
        return counted[item]

    return max((count(item, 0) for item in (*sizes, *parts)), default=0)


def _group_boxes(data: Bytes, start: int, end: int, most: int = _MAX_CHILDREN) -> dict[bytes, list[Span]]:
    found: dict[bytes, list[Span]] = {}
    for name, body, stop in boxes(data, start, end, most):
        found.setdefault(name, []).append((body, stop))
    return found


def _single_box(found: dict[bytes, list[Span]], name: bytes) -> Span:
    """The span of a box that must exist exactly once: of two, another reader might use the other."""
    spans = found.get(name, [])
    if len(spans) != 1:
        raise DamagedPhoto
    return spans[0]


def _check_table_size(tables: list[Span]) -> None:
    if sum(end - start for start, end in tables) > _MAX_TABLE_BYTES:
        raise DamagedPhoto


class _NumberReader:
    """A reader of big-endian numbers, one after another. How many it reads is limited, since some take no byte."""

    def __init__(self, data: Bytes, start: int, end: int) -> None:
        self._data, self._at, self._end, self._left = data, start, end, MAX_PARTS

    def __call__(self, size: int) -> int:
        at = self._at
        self._at += size
        self._left -= 1
        if self._at > self._end or not self._left:
            raise DamagedPhoto
        return int.from_bytes(self._data[at : self._at])

    def entries(self, size: int) -> range:
        """Reads the length of a list, in `size` bytes, and returns the range of its entries."""
        length = self(size)
        if length > _MAX_CHILDREN:
            raise DamagedPhoto
        return range(length)


def _coded_items(data: Bytes, meta: dict[bytes, list[Span]]) -> Generator[CodedPicture]:
    kinds = _item_kinds(data, *_single_box(meta, b"iinf")) if b"iinf" in meta else {}
    sizes = _item_sizes(data, _group_boxes(data, *_single_box(meta, b"iprp"))) if b"iprp" in meta else {}
    stored = _single_box(meta, b"idat") if b"idat" in meta else (0, 0)
    places = _item_extents(data, *_single_box(meta, b"iloc"), stored) if b"iloc" in meta else ()
    _check_table_size(meta.get(b"iref", []))
    room = len(data)
    for item, parts in places:
        width, height = sizes.get(item, (0, 0))
        if b"Exif" in kinds.get(item, ()) and sum(stop - start for start, stop in parts) > MAX_EXIF_BYTES:
            raise DamagedPhoto
        for kind in kinds.get(item, set()) & {b"av01", b"grid"}:
            if len(parts) == 1:
                yield CodedPicture(kind, data, *parts[0], width, height)
                continue
            room -= sum(end - start for start, end in parts)
            if room < 0:
                raise DamagedPhoto  # overlapping parts, longer together than the file
            joined = b"".join(data[start:end] for start, end in parts)
            yield CodedPicture(kind, joined, 0, len(joined), width, height)


_SHORT_IDS = 2
"""The version of an `infe` whose item numbers have two bytes; in the next version they have four."""
_LONG_IDS = 2
"""The last version of an `iloc`, whose item numbers have four bytes."""


def _item_kinds(data: Bytes, start: int, end: int) -> dict[int, set[bytes]]:
    """8.11.6 `iinf`: the types of each item."""
    kinds: dict[int, set[bytes]] = {}
    for name, body, _ in boxes(data, start + (8 if data[start] else 6), end):
        if name != b"infe" or data[body] not in {2, 3}:
            raise DamagedPhoto
        item, kind = struct.unpack_from(">H2x4s" if data[body] == _SHORT_IDS else ">I2x4s", data, body + 4)
        kinds.setdefault(item, set()).add(kind)
    return kinds


def _item_sizes(data: Bytes, properties: dict[bytes, list[Span]]) -> dict[int, tuple[int, int]]:
    """8.11.14 `iprp`: the largest `ispe` that `ipma` assigns to each item."""
    listed = list(boxes(data, *_single_box(properties, b"ipco")))
    sizes: dict[int, tuple[int, int]] = {}
    lists = properties.get(b"ipma", [])
    if len(lists) > _MAX_TRACKS:
        raise DamagedPhoto
    for start, end in lists:
        number = _NumberReader(data, start, end)
        version, flags = number(1), number(3)
        for _ in number.entries(4):
            item = number(4 if version else 2)
            for _ in number.entries(1):
                place = number(2) & 0x7FFF if flags & 1 else number(1) & 0x7F
                name, body, _ = listed[place - 1] if place else (b"", 0, 0)
                if name == b"ispe":
                    extent = struct.unpack_from(">II", data, body + 4)
                    sizes[item] = max(sizes.get(item, (0, 0)), extent, key=lambda pair: pair[0] * pair[1])
    return sizes


def _item_extents(data: Bytes, start: int, end: int, stored: Span) -> Generator[tuple[int, list[Span]]]:
    """8.11.3 `iloc`: yields the spans of each item's bytes, in the file (method 0) or in `idat` (method 1)."""
    number = _NumberReader(data, start, end)
    version, _ = number(1), number(3)
    lengths, bases = number(1), number(1)
    if version > _LONG_IDS:
        raise DamagedPhoto
    for _ in number.entries(4 if version == _LONG_IDS else 2):
        item = number(4 if version == _LONG_IDS else 2)
        method = number(2) & 15 if version else 0
        _, base = number(2), number(bases >> 4)
        first, last = ((0, len(data)), stored)[method]
        parts: list[Span] = []
        for _ in number.entries(2):
            number(bases & 15 if version else 0)
            at = first + base + number(lengths >> 4)
            parts.append((at, at + number(lengths & 15)))
        if any(stop > last for _, stop in parts):
            raise DamagedPhoto("照片文件不完整，请重新拍摄或另选一张")
        yield item, parts


def _item_parts(data: Bytes, start: int, end: int) -> dict[int, list[int]]:
    """8.11.12 `iref`: the items of which each derived item is made (`dimg`)."""
    _check_table_size([(start, end)])
    wide = 4 if data[start] else 2
    parts: dict[int, list[int]] = {}
    for name, body, stop in boxes(data, start + 4, end):
        if name == b"dimg":
            number = _NumberReader(data, body, stop)
            parts.setdefault(number(wide), []).extend(number(wide) for _ in number.entries(2))
    return parts


def _first_sample(data: Bytes, track: dict[bytes, list[Span]]) -> Generator[CodedPicture]:
    """8.5 to 8.7: yields the first sample of the first chunk, by which an animated picture is shown."""
    media = _group_boxes(data, *_single_box(track, b"mdia"))
    table = _group_boxes(data, *_single_box(_group_boxes(data, *_single_box(media, b"minf")), b"stbl"))
    if data.find(b"av01", *_single_box(table, b"stsd")) < 0:
        return
    head, _ = _single_box(track, b"tkhd")
    width, height = struct.unpack_from(">II", data, head + (88 if data[head] else 76))  # 16.16 fixed point
    offsets = b"co64" if b"co64" in table else b"stco"
    chunks, at = struct.unpack_from(">IQ" if offsets == b"co64" else ">II", data, _single_box(table, offsets)[0] + 4)
    every, count, first = struct.unpack_from(">III", data, _single_box(table, b"stsz")[0] + 4)
    start, end = _single_box(table, b"stsc")
    _check_table_size([(start, end), *table.get(b"stco", []), *table.get(b"co64", [])])
    samples = chunks * max((each for _, each, _ in struct.iter_unpack(">III", data[start + 8 : end])), default=0)
    stop = at + (every or first)
    if {b"stco", b"co64"} <= table.keys() or not (every or count) or not 0 < samples <= MAX_PARTS or stop > len(data):
        raise DamagedPhoto
    yield CodedPicture(b"trak", data, at, stop, width >> 16, height >> 16)
