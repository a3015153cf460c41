"""What decoding a picture takes of memory: how many pixels of each kind are taken, and bytes that all decodings share.

Counted are bytes, since a pixel costs one decoder twenty times what it costs another. Measured with Pillow 12 (peak of
a process, worst of colour, transparency, movement and film grain);
tests/storage/photos/test_decoder_memory.py measures anew.
"""

import ctypes
import platform
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from threading import Condition

BUDGET = 300_000_000
"""Bytes that all decodings of a process hold together, and thus the most of one. The files themselves, of 20 MB at
most and one for each thread, come on top."""

BASELINE_JPEG = "jpeg baseline"
PHONE_HEIF = "heif 4:2:0"

PIXELS = {
    BASELINE_JPEG: 200_000_000,
    "jpeg": 25_000_000,
    "png": 25_000_000,
    "webp": 17_000_000,
    "avif": 12_600_000,
    "heif": 13_000_000,
    PHONE_HEIF: 25_000_000,
}
"""The most of one picture, by kind. A baseline JPEG is decoded in bands, at an eighth; `PHONE_HEIF` has 8 bits and
halved colour, as phones write it."""

_BYTES = {
    BASELINE_JPEG: 7.2,
    "jpeg": 9.2,  # the coefficients of four colours, which a decoder keeps until the last scan has come
    "png": 8.2,  # colour with transparency, held once more while it is shrunk
    "webp": 16.2,  # two canvases, the frame and its copy, whatever is on them
    "avif": 22.0,  # 8 bits with film grain are 17, 12 bits are more
    "heif": 21.0,  # 16 bits, transparency
    PHONE_HEIF: 10.0,
}
"""For each pixel that is held."""


def bytes_needed(kind: str, pixels: int, size: int, file: int) -> int:
    """Bytes that it takes to decode a picture of the `kind` to fit `size` × `size`; most decoders copy its file.

    A baseline JPEG is shrunk while it is read, to less than twice the size that is asked for.
    """
    held = min(pixels, 4 * size * size) if kind == BASELINE_JPEG else pixels
    return round(held * _BYTES[kind]) + file


class SharedMemory:
    """So many bytes for all threads. Who comes first is served first, so that a large picture has its turn."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def held(self, wanted: int) -> Generator[None]:
        """Waits until `wanted` bytes are free, or all of them where more is wanted. Never taken twice by one thread."""
        share, ticket = min(wanted, self._size), object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and self._free >= share)
                self._free -= share
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()


_shared = SharedMemory(BUDGET)


@contextmanager
def decoding(wanted: int) -> Generator[None]:
    """Memory for one decoding. Waits for others."""
    _give_back()
    with _shared.held(wanted):
        yield


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
_LARGE = 4 << 20


@cache
def _give_back() -> None:
    """What is freed of large pictures goes back to the system: left alone, glibc keeps ever larger pieces of it."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_TRIM_THRESHOLD, 2 * _LARGE)  # as glibc itself would have it beside the other
