"""Frame sizes in coded AV1, without decoding (AV1 Bitstream & Decoding Process Specification, 5.3 to 5.9).

A decoder allocates memory by these headers, whatever the boxes around them say. They are read as decoders read them, as
far as the size requires; an unreadable header is Damaged.
"""

from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from inspections.errors import DamagedPhoto
from storage.photos.isobmff import Bytes

_SEQUENCE_HEADER = 1
_FRAME_TYPES = frozenset({3, 6, 7})  # frame header, frame, redundant frame header
_KEY, _SWITCH = 0, 3
_CHOSEN_BY_FRAME = 2
_MAX_HEADER_BYTES = 512  # bytes: every header field that is read here lies within
_MAX_LEB128_BYTES = 8  # bytes of a LEB128 number, 7 bits in each
_MAX_LEADING_ZEROS = 32  # leading zeros of a number of variable length

ReadBits = Callable[[int], int]


class _SequenceHeader(NamedTuple):
    """The fields of a sequence header that frame headers depend on: the default size, and the lengths of fields."""

    width: int
    height: int
    largest: tuple[int, int]
    reduced: bool
    time: int
    frame_id: int
    screen_content: int
    integer_mv: int


def frame_sizes(data: Bytes, start: int, end: int, room: Iterator[object]) -> Generator[tuple[int, int]]:
    """Yields width and height of each frame between `start` and `end`, taking an element of `room` for each OBU."""
    sequence: _SequenceHeader | None = None
    for kind, body, stop in _iter_obus(data, start, end):
        if next(room, None) is None:
            raise DamagedPhoto
        if kind == _SEQUENCE_HEADER:
            sequence = _read_sequence_header(_bit_reader(data[body : min(stop, body + _MAX_HEADER_BYTES)]))
        elif kind in _FRAME_TYPES:
            if sequence is None:
                raise DamagedPhoto  # a decoder may still hold another picture's header
            size = _read_frame_size(sequence, _bit_reader(data[body : min(stop, body + _MAX_HEADER_BYTES)]))
            if size is not None:
                yield size


def _iter_obus(data: Bytes, start: int, end: int) -> Generator[tuple[int, int, int]]:
    """5.3: yields type, start and end of each open bitstream unit (OBU). A unit without a size is the last."""
    at = start
    while at < end:
        head = data[at]
        at += 2 if head & 4 else 1
        size = end - at
        if head & 2:
            size, at = _read_leb128(data, at)
        if size < 0 or at + size > end:
            raise DamagedPhoto("照片文件不完整，请重新拍摄或另选一张")
        yield head >> 3 & 15, at, at + size
        at += size


def _read_leb128(data: Bytes, at: int) -> tuple[int, int]:
    """4.10.5: reads a number, low bits first; returns it and the position after it."""
    number = 0
    for place in range(_MAX_LEB128_BYTES):
        number |= (data[at + place] & 0x7F) << 7 * place
        if not data[at + place] & 0x80:
            return number, at + place + 1
    raise DamagedPhoto


def _bit_reader(data: bytes) -> ReadBits:
    """Returns a reader: each call reads the next `count` bits as a number."""
    value, left = int.from_bytes(data), len(data) * 8

    def read(count: int) -> int:
        nonlocal left
        left -= count
        if left < 0:
            raise DamagedPhoto
        return value >> left & (1 << count) - 1

    return read


def _read_sequence_header(read: ReadBits) -> _SequenceHeader:
    """5.5: reads the sequence header, as far as frame headers need it."""
    read(4)  # profile, whether it is a still picture
    reduced, time = bool(read(1)), 0
    if reduced:
        read(5)  # level
    else:
        time = _read_operating_points(read)
    across, down = read(4) + 1, read(4) + 1
    width, height = read(across) + 1, read(down) + 1
    frame_id = read(4) + read(3) + 3 if not reduced and read(1) else 0
    read(3)  # tools that a frame header does not mention
    screen_content = integer_mv = _CHOSEN_BY_FRAME
    if not reduced:
        read(4)
        if read(1):  # order hints
            read(2)
        screen_content = _CHOSEN_BY_FRAME if read(1) else read(1)
        integer_mv = _CHOSEN_BY_FRAME if not screen_content or read(1) else read(1)
    return _SequenceHeader(width, height, (1 << across, 1 << down), reduced, time, frame_id, screen_content, integer_mv)


def _read_operating_points(read: ReadBits) -> int:
    """5.5.1 to 5.5.5: reads timing and operating points; returns the bits of a frame's presentation time."""
    delay = time = 0
    timed = read(1)
    if timed:
        read(64)
        equal = read(1)
        if equal:
            _skip_uvlc(read)
        if read(1):  # decoder model
            delay = read(5) + 1
            read(37)
            time = read(5) + 1
            time = 0 if equal else time
    display = read(1)
    for _ in range(read(5) + 1):
        read(12)
        if read(5) >> 2 > 1:  # levels above 3.3 have a tier
            read(1)
        if delay and read(1):
            read(2 * delay + 1)
        if display and read(1):
            read(4)
    return time


def _skip_uvlc(read: ReadBits) -> None:
    """4.10.3: skips a number of variable length."""
    zeros = 0
    while not read(1):
        zeros += 1
        if zeros == _MAX_LEADING_ZEROS:
            raise DamagedPhoto
    read(zeros)


def _read_frame_size(sequence: _SequenceHeader, read: ReadBits) -> tuple[int, int] | None:
    """5.9.2: reads the size from a frame header; None where the header only shows an existing frame.

    A frame whose size differs from its sequence's, which still pictures do not have, counts as the largest possible: no
    decoder is required to compare the two.
    """
    if sequence.reduced:
        return sequence.width, sequence.height
    if read(1):
        return None
    kind, shown = read(2), read(1)
    read(sequence.time if shown else 1)
    if kind != _SWITCH and not (kind == _KEY and shown):
        read(1)  # error resilience
    read(1)
    screen_content = read(1) if sequence.screen_content == _CHOSEN_BY_FRAME else sequence.screen_content
    if screen_content and sequence.integer_mv == _CHOSEN_BY_FRAME:
        read(1)
    read(sequence.frame_id)
    overrides = kind == _SWITCH or read(1)
    return sequence.largest if overrides else (sequence.width, sequence.height)
