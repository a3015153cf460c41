"""Builds HEIF files whose pictures are made of others: grids, overlays, identities (ISO/IEC 23008-12, 6.6.2)."""

import struct

from PIL import Image

from tests.builders.small_pictures import encode_image


def box(name, *contents):
    body = b"".join(contents)
    return struct.pack(">I4s", len(body) + 8, name) + body


def full(name, *contents, version=0, flags=0):
    return box(name, struct.pack(">I", version << 24 | flags), *contents)


def find_box(data, name):
    """Returns a box of a real file, whole."""
    at = data.index(name) - 4
    return data[at : at + int.from_bytes(data[at : at + 4])]


def coded_tile(size):
    """Encodes a grey picture; returns its coded bytes and its decoder configuration."""
    data = encode_image(Image.new("RGB", size, "grey"), "HEIF", quality=10)
    meta = find_box(data, b"meta")
    at, _, _, length = struct.unpack(">IHII", find_box(meta, b"iloc")[-14:])
    return data[at : at + length], find_box(meta, b"hvcC")


def grid(rows, columns, size):
    return b"grid", struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size)


def overlay(size, number):
    return b"iovl", struct.pack(">BB4HII", 0, 1, 0, 0, 0, 0, *size) + struct.pack(">ii", 0, 0) * number


def identity():
    return b"iden", b""


def heif(derived, size, tile=None):
    """Builds a file. `derived`: kind and content of items 1 and up, each with the items that it is made of.

    The last item is the coded tile. `size`: what every derived item claims to have.
    """
    tile = tile or (64, 64)
    coded, config = coded_tile(tile)
    payloads = [content for (_, content), _ in derived] + [coded]
    kinds = [kind for (kind, _), _ in derived] + [b"hvc1"]
    refer = [
        box(b"dimg", struct.pack(f">HH{len(to)}H", item, len(to), *to)) for item, (_, to) in enumerate(derived, 1) if to
    ]

    def build_meta(start):
        places, at = b"", start
        for item, payload in enumerate(payloads, 1):
            places += struct.pack(">HHHII", item, 0, 1, at, len(payload))
            at += len(payload)
        infe = [full(b"infe", struct.pack(">HH4sB", item, 0, kind, 0), version=2) for item, kind in enumerate(kinds, 1)]
        sizes = [full(b"ispe", struct.pack(">II", *each)) for each in (size, tile)]
        pixi = full(b"pixi", bytes((3, 8, 8, 8)))
        last = len(payloads)
        given = {item: bytes((1, 3)) for item in range(1, last)} | {last: bytes((2, 3, 0x84))}
        owned = [struct.pack(">HB", item, len(each)) + each for item, each in given.items()]
        return full(
            b"meta",
            full(b"hdlr", struct.pack(">I4s12xx", 0, b"pict")),
            full(b"pitm", struct.pack(">H", 1)),
            full(b"iloc", b"\x44\0", struct.pack(">H", len(payloads)), places),
            full(b"iinf", struct.pack(">H", len(infe)), *infe),
            full(b"iref", *refer),
            box(b"iprp", box(b"ipco", *sizes, pixi, config), full(b"ipma", struct.pack(">I", len(owned)), *owned)),
        )

    head = box(b"ftyp", b"heic", bytes(4), b"heicmif1")
    start = len(head) + len(build_meta(0)) + 8
    return head + build_meta(start) + box(b"mdat", *payloads)
