"""Memory for decoding pictures: pixel limits for each kind of picture, and a budget that all decodings share.

The budget counts bytes, since a pixel costs one decoder twenty times as much as another. Measured with Pillow 12 (peak
of a process, worst of colour, transparency, animation and film grain); tests/storage/photos/test_decoder_memory.py
repeats the measurement.
"""

import ctypes
import platform
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from threading import Condition

BUDGET = 300_000_000
"""The bytes that all decodings of a process may hold together, and thus the most of one. The files themselves, of at
most 20 MB for each thread, come on top."""

BASELINE_JPEG = "jpeg baseline"
PHONE_HEIF = "heif 4:2:0"

MAX_PIXELS = {
    BASELINE_JPEG: 200_000_000,
    "jpeg": 25_000_000,
    "png": 25_000_000,
    "webp": 17_000_000,
    "avif": 12_600_000,
    "heif": 13_000_000,
    PHONE_HEIF: 25_000_000,
}
"""The most pixels of one picture, by kind. A baseline JPEG is decoded in bands, at an eighth; `PHONE_HEIF` has 8 bits
and halved colour, as phones write it."""

_BYTES_PER_PIXEL = {
    BASELINE_JPEG: 7.2,
    "jpeg": 9.2,  # coefficients of four colours, kept until the last scan
    "png": 8.2,  # colour with transparency, copied while it is shrunk
    "webp": 16.2,  # two canvases, the frame and its copy
    "avif": 22.0,  # 8 bits with film grain take 17, 12 bits more
    "heif": 21.0,  # 16 bits, transparency
    PHONE_HEIF: 10.0,
}
"""Bytes for each pixel in memory, by kind."""


def estimate_decoding_bytes(kind: str, pixels: int, size: int, file: int) -> int:
    """Estimates the bytes for decoding a picture of this `kind` to fit `size` × `size`; most decoders copy its file.

    A baseline JPEG is shrunk while it is read, to less than twice the requested size.
    """
    held = min(pixels, 4 * size * size) if kind == BASELINE_JPEG else pixels
    return round(held * _BYTES_PER_PIXEL[kind]) + file


class MemoryBudget:
    """A budget of bytes for all threads. Requests are served in order, so that a large picture gets its turn."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def reserve(self, wanted: int) -> Generator[None]:
        """Waits for `wanted` bytes, or all where more is wanted. A thread must not nest reservations."""
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


_budget = MemoryBudget(BUDGET)


@contextmanager
def reserve_memory(wanted: int) -> Generator[None]:
    """Reserves memory for one decoding; waits for others."""
    _configure_malloc()
    with _budget.reserve(wanted):
        yield


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # constants of glibc's malloc.h
_MMAP_BYTES = 4 << 20


@cache
def _configure_malloc() -> None:
    """Makes glibc return freed memory of large pictures to the system: by default it keeps ever larger pieces."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, 2 * _MMAP_BYTES)  # glibc's own ratio of the two
