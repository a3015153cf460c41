"""ISO base media files (ISO/IEC 14496-12) and the pictures in them (ISO/IEC 23008-12): boxes, items, tracks.

Only the path to the coded bytes and their declared size are read. Every list is limited, since a box may declare any
number of entries. A file in which another reader might find other bytes is Damaged.
"""

import struct
from collections import deque
from collections.abc import Generator
from mmap import mmap
from typing import NamedTuple

from inspections.errors import Damaged

Bytes = bytes | mmap
Span = tuple[int, int]

PARTS = 65_536
"""The most segments, chunks or boxes of one file: a camera writes hundreds, an attacker millions."""

_INNER = 4_096
"""The most boxes inside one box, and entries of its lists: a picture in tiles has some hundreds of items and
properties."""

_FEW = 4
"""The most tracks, and lists of one kind: an animated picture with transparency has two."""

_TABLE = 32_768
"""The most bytes of a table that decoders search again and again: a longer one can cost them minutes (measured)."""


class Coded(NamedTuple):
    """The coded bytes of a picture, and its declared size: an item by its type, or the first sample of a track."""

    kind: bytes
    data: Bytes
    start: int
    end: int
    width: int
    height: int

    def grid(self) -> tuple[int, int]:
        """ISO/IEC 23008-12, 6.6.2.3: the size of the picture that the tiles form together."""
        wide = self.data[self.start + 1] & 1
        width, height = struct.unpack_from(">II" if wide else ">HH", self.data, self.start + 4)
        return width, height


def boxes(data: Bytes, start: int, end: int, most: int = _INNER) -> Generator[tuple[bytes, int, int]]:
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
    raise Damaged("照片在传输中被截断")


def coded(data: Bytes) -> Generator[Coded]:
    """Yields every picture that a reader may decode: AV1 items, grids of them, the first AV1 sample of each track."""
    top = _named(data, 0, len(data), PARTS)
    if b"meta" in top:
        start, end = _only(top, b"meta")
        yield from _items(data, _named(data, start + 4, end))
    if b"moov" in top:
        tracks = _named(data, *_only(top, b"moov")).get(b"trak", [])
        if len(tracks) > _FEW:
            raise Damaged
        for span in tracks:
            track = _named(data, *span)
            if b"meta" in track:  # it shows nothing, but decoders read its lists too
                start, end = _only(track, b"meta")
                deque(_items(data, _named(data, start + 4, end)), 0)
            yield from _first_sample(data, track)


def _named(data: Bytes, start: int, end: int, most: int = _INNER) -> dict[bytes, list[Span]]:
    found: dict[bytes, list[Span]] = {}
    for name, body, stop in boxes(data, start, end, most):
        found.setdefault(name, []).append((body, stop))
    return found


def _only(found: dict[bytes, list[Span]], name: bytes) -> Span:
    """The span of a box that must exist exactly once: of two, another reader might use the other."""
    spans = found.get(name, [])
    if len(spans) != 1:
        raise Damaged
    return spans[0]


def _short(tables: list[Span]) -> None:
    if sum(end - start for start, end in tables) > _TABLE:
        raise Damaged


class _Numbers:
    """A reader of big-endian numbers, one after another. How many it reads is limited, since some take no byte."""

    def __init__(self, data: Bytes, start: int, end: int) -> None:
        self._data, self._at, self._end, self._left = data, start, end, PARTS

    def __call__(self, size: int) -> int:
        at = self._at
        self._at += size
        self._left -= 1
        if self._at > self._end or not self._left:
            raise Damaged
        return int.from_bytes(self._data[at : self._at])

    def entries(self, size: int) -> range:
        """Reads the length of a list, in `size` bytes, and returns the range of its entries."""
        length = self(size)
        if length > _INNER:
            raise Damaged
        return range(length)


def _items(data: Bytes, meta: dict[bytes, list[Span]]) -> Generator[Coded]:
    kinds = _kinds(data, *_only(meta, b"iinf")) if b"iinf" in meta else {}
    sizes = _sizes(data, _named(data, *_only(meta, b"iprp"))) if b"iprp" in meta else {}
    stored = _only(meta, b"idat") if b"idat" in meta else (0, 0)
    places = _places(data, *_only(meta, b"iloc"), stored) if b"iloc" in meta else ()
    _short(meta.get(b"iref", []))
    room = len(data)
    for item, parts in places:
        width, height = sizes.get(item, (0, 0))
        for kind in kinds.get(item, set()) & {b"av01", b"grid"}:
            if len(parts) == 1:
                yield Coded(kind, data, *parts[0], width, height)
                continue
            room -= sum(end - start for start, end in parts)
            if room < 0:
                raise Damaged  # overlapping parts, longer together than the file
            joined = b"".join(data[start:end] for start, end in parts)
            yield Coded(kind, joined, 0, len(joined), width, height)


_SHORT_IDS = 2
"""The version of an `infe` whose item numbers have two bytes; in the next version they have four."""
_LONG_IDS = 2
"""The last version of an `iloc`, whose item numbers have four bytes."""


def _kinds(data: Bytes, start: int, end: int) -> dict[int, set[bytes]]:
    """8.11.6 `iinf`: the types of each item."""
    kinds: dict[int, set[bytes]] = {}
    for name, body, _ in boxes(data, start + (8 if data[start] else 6), end):
        if name != b"infe" or data[body] not in {2, 3}:
            raise Damaged
        item, kind = struct.unpack_from(">H2x4s" if data[body] == _SHORT_IDS else ">I2x4s", data, body + 4)
        kinds.setdefault(item, set()).add(kind)
    return kinds


def _sizes(data: Bytes, properties: dict[bytes, list[Span]]) -> dict[int, tuple[int, int]]:
    """8.11.14 `iprp`: the largest `ispe` that `ipma` assigns to each item."""
    listed = list(boxes(data, *_only(properties, b"ipco")))
    sizes: dict[int, tuple[int, int]] = {}
    lists = properties.get(b"ipma", [])
    if len(lists) > _FEW:
        raise Damaged
    for start, end in lists:
        number = _Numbers(data, start, end)
        version, flags = number(1), number(3)
        for _ in number.entries(4):
            item = number(4 if version else 2)
            for _ in number.entries(1):
                place = number(2) & 0x7FFF if flags & 1 else number(1) & 0x7F
                name, body, _ = listed[place - 1] if place else (b"", 0, 0)
                if name == b"ispe":
                    said = struct.unpack_from(">II", data, body + 4)
                    sizes[item] = max(sizes.get(item, (0, 0)), said, key=lambda pair: pair[0] * pair[1])
    return sizes


def _places(data: Bytes, start: int, end: int, stored: Span) -> Generator[tuple[int, list[Span]]]:
    """8.11.3 `iloc`: yields the spans of each item's bytes, in the file (method 0) or in `idat` (method 1)."""
    number = _Numbers(data, start, end)
    version, _ = number(1), number(3)
    lengths, bases = number(1), number(1)
    if version > _LONG_IDS:
        raise Damaged
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
            raise Damaged("照片在传输中被截断")
        yield item, parts


def _first_sample(data: Bytes, track: dict[bytes, list[Span]]) -> Generator[Coded]:
    """8.5 to 8.7: yields the first sample of the first chunk, by which an animated picture is shown."""
    media = _named(data, *_only(track, b"mdia"))
    table = _named(data, *_only(_named(data, *_only(media, b"minf")), b"stbl"))
    if data.find(b"av01", *_only(table, b"stsd")) < 0:
        return
    head, _ = _only(track, b"tkhd")
    width, height = struct.unpack_from(">II", data, head + (88 if data[head] else 76))  # 16.16 fixed point
    offsets = b"co64" if b"co64" in table else b"stco"
    chunks, at = struct.unpack_from(">IQ" if offsets == b"co64" else ">II", data, _only(table, offsets)[0] + 4)
    every, count, first = struct.unpack_from(">III", data, _only(table, b"stsz")[0] + 4)
    start, end = _only(table, b"stsc")
    _short([(start, end), *table.get(b"stco", []), *table.get(b"co64", [])])
    samples = chunks * max((each for _, each, _ in struct.iter_unpack(">III", data[start + 8 : end])), default=0)
    stop = at + (every or first)
    if {b"stco", b"co64"} <= table.keys() or not (every or count) or not 0 < samples <= PARTS or stop > len(data):
        raise Damaged
    yield Coded(b"trak", data, at, stop, width >> 16, height >> 16)
