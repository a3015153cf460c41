"""Builds damaged pictures and checks that intake refuses them."""

import struct
import zlib

from inspections.errors import DamagedPhoto, PayloadTooLarge, UnsupportedFormat
from storage.photos import images
from storage.photos.formats import inspect

REFUSALS = (DamagedPhoto, UnsupportedFormat, PayloadTooLarge)


def is_accepted(data):
    """Tells whether these bytes pass intake and processing. Raises any error that is no refusal."""
    try:
        inspect(data)
        images.process_photo(data)
    except REFUSALS:
        return False
    return True


def png_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def mutate_bytes(rng, data, other):
    """Damages `data` in one to four places, as transport, storage or an attacker might."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(data)), rng.randint(1, 16)
        match rng.randrange(6):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = rng.randbytes(length)
            case 3:
                data[at : at + length] = bytes(len(data[at : at + length]))
            case 4:
                data[at : at + 4] = rng.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])
            case _:
                data[at:] = other[rng.randrange(len(other)) :]
        data = data or bytearray(1)
    return repair_checksums(bytes(data)) if rng.random() < 0.5 else bytes(data)


def repair_checksums(data):
    """Corrects the checksums of a PNG so that a decoder reads on behind them; returns other data unchanged."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    out, at = data[:8], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        out += png_chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length])
        at += length + 12
    return out
