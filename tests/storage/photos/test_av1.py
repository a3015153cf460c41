"""An AVIF counts with the size of its AV1 frames, whatever its boxes claim."""

import io
import itertools
import random
import re
import struct
import time

import pytest
from PIL import Image

from inspections.errors import DamagedPhoto, PayloadTooLarge
from storage.photos import images
from storage.photos.av1 import frame_sizes
from storage.photos.decoder_memory import MAX_PIXELS
from storage.photos.formats import inspect
from storage.photos.isobmff import boxes, coded_pictures
from tests.builders.hostile_pictures import is_accepted, mutate_bytes

GREY = Image.radial_gradient("L")


def encode_avif(image, **options):
    out = io.BytesIO()
    image.save(out, "AVIF", **{"speed": 10} | options)
    return out.getvalue()


def replace_claimed_size(data, size=(64, 64)):
    """Returns `data` with `size` in all boxes that claim one."""
    data = bytearray(data)
    for found in re.finditer(rb"ispe", bytes(data)):
        struct.pack_into(">II", data, found.end() + 4, *size)
    return bytes(data)


def frames(data):
    return list(frame_sizes(data, 0, len(data), itertools.repeat(0, 100)))


@pytest.fixture(scope="session")
def large_picture():
    """Encodes 26 megapixels in few bytes."""
    return encode_avif(Image.new("L", (5200, 5000), 128))


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (63, 65), (255, 257), (641, 479), (2600, 1900)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("options", [{}, {"quality": 100, "subsampling": "4:4:4"}, {"save_all": True}], ids=str)
def test_a_real_avif_has_its_true_size(size, mode, options):
    picture = GREY.resize(size).convert(mode)
    if mode == "RGBA":
        picture.putalpha(100)  # an opaque picture gets no second one
    more = {"append_images": [picture.transpose(0)]} if "save_all" in options else {}
    data = encode_avif(picture, **options, **more)
    assert inspect(data)[1:3] == size
    found = [(part.kind, *frames(part.data[part.start : part.end])) for part in coded_pictures(data)]
    pictures = 2 if mode == "RGBA" else 1
    assert [each for each in found if each[0] == b"av01"] == [(b"av01", size)] * pictures
    assert [each for each in found if each[0] == b"trak"] == [(b"trak", size)] * pictures * bool(more)


def test_a_picture_larger_than_it_claims_is_refused(large_picture):
    with pytest.raises(PayloadTooLarge) as honest:
        inspect(large_picture)
    with pytest.raises(PayloadTooLarge) as lied:
        inspect(replace_claimed_size(large_picture))
    assert honest.value.facts == lied.value.facts == {"pixels": 26_000_000, "limit": MAX_PIXELS["avif"]}


def test_a_picture_has_the_larger_of_its_claimed_size_and_its_frame_size():
    assert inspect(replace_claimed_size(encode_avif(GREY), (64, 64)))[1:3] == (256, 256)
    assert inspect(replace_claimed_size(encode_avif(GREY), (500, 500)))[1:3] == (500, 500)


# The smallest AVIF, by hand: one item for each coded picture, and a grid over them where there is more than one.


def box(name, *contents, wide=False):
    body = b"".join(contents)
    head = struct.pack(">I4sQ", 1, name, len(body) + 16) if wide else struct.pack(">I4s", len(body) + 8, name)
    return head + body


def full(name, *contents, version=0, flags=0, wide=False):
    return box(name, struct.pack(">I", version << 24 | flags), *contents, wide=wide)


def item_bytes(data):
    return [bytes(part.data[part.start : part.end]) for part in coded_pictures(data) if part.kind == b"av01"]


def copy_box(data, name):
    """Copies a box out of a real picture."""
    at = data.index(name) - 4
    return data[at : at + int.from_bytes(data[at : at + 4])]


def avif(
    pictures,
    says,
    *,
    version=1,
    method=0,
    first="meta",
    wide=False,
    parts=1,
    grid=None,
    tile=None,
    of=None,
):
    of = encode_avif(GREY) if of is None else of
    payloads = ([] if grid is None else [struct.pack(">BBBBHH", 0, 0, 0, len(pictures) - 1 & 255, *grid)]) + list(
        pictures
    )
    kinds = ([] if grid is None else [b"grid"]) + [b"av01"] * len(pictures)
    number = ">I" if version == 2 else ">H"

    def build_meta(start):
        entries, at = b"", start
        for place, payload in enumerate(payloads, 1):
            entries += struct.pack(number, place) + (struct.pack(">H", method) if version else b"")
            cuts = [len(payload) * cut // parts for cut in range(parts + 1)]
            extents = [struct.pack(">II", at + a, b - a) for a, b in itertools.pairwise(cuts)]
            entries += struct.pack(">HH", 0, parts) + b"".join(extents)
            at += len(payload)
        iloc = full(b"iloc", b"\x44\0", struct.pack(number, len(payloads)), entries, version=version)
        infe = [
            full(b"infe", struct.pack(">HH4sB", place, 0, kind, 0), version=2) for place, kind in enumerate(kinds, 1)
        ]
        iinf = full(b"iinf", struct.pack(">H", len(infe)), *infe)
        ispe = [full(b"ispe", struct.pack(">II", *size)) for size in (says, tile or says)]
        ipco = box(b"ipco", *ispe, copy_box(of, b"pixi"), copy_box(of, b"av1C"))
        given = {b"grid": bytes((1, 3)), b"av01": bytes((1 if grid is None else 2, 3, 0x84))}
        ipma = [struct.pack(">HB", place, len(given[kind])) + given[kind] for place, kind in enumerate(kinds, 1)]
        iprp = box(b"iprp", ipco, full(b"ipma", struct.pack(">I", len(ipma)), *ipma))
        hdlr = full(b"hdlr", struct.pack(">I4s12xx", 0, b"pict"))
        pitm = full(b"pitm", struct.pack(">H", 1))
        tiles = struct.pack(f">HH{len(pictures)}H", 1, len(pictures), *range(2, len(pictures) + 2))
        iref = b"" if grid is None else full(b"iref", box(b"dimg", tiles))
        idat = box(b"idat", *payloads) if method == 1 else b""
        return full(b"meta", hdlr, pitm, iloc, iinf, iref, iprp, idat, wide=wide)

    head = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")
    if method == 1:
        return head + build_meta(0)
    mdat = box(b"mdat", *payloads, wide=wide)
    into = 16 if wide else 8
    if first == "mdat":
        return head + mdat + build_meta(len(head) + into)
    return head + build_meta(len(head) + len(build_meta(0)) + into) + mdat


LAYOUTS = [
    {"version": version, "method": method, "first": first, "wide": wide, "parts": parts}
    for version, method, first, wide, parts in itertools.product(
        (0, 1, 2), (0, 1), ("meta", "mdat"), (False, True), (1, 3)
    )
    if version or not method
]


def test_the_frame_is_found_in_every_layout():
    real = encode_avif(GREY.resize((80, 60)))
    for layout in LAYOUTS:
        data = avif(item_bytes(real), (80, 60), **layout)
        assert inspect(data)[1:3] == (80, 60), layout
        assert Image.open(io.BytesIO(images.process_photo(data).preview)).size == (80, 60), layout
        assert inspect(avif(item_bytes(real), (8, 8), **layout))[1:3] == (80, 60), layout
        for cut in range(1, len(data), 7):
            with pytest.raises(DamagedPhoto):
                inspect(data[:cut] if cut > 32 else data[:32])


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: "-".join(map(str, layout.values())))
def test_a_large_frame_is_refused_in_every_layout(layout, large_picture):
    with pytest.raises(PayloadTooLarge):
        inspect(avif(item_bytes(large_picture), (64, 64), **layout))


def test_tiles_have_the_size_of_their_grid():
    tile = item_bytes(encode_avif(GREY.convert("RGB")))[0]
    data = avif([tile] * 3, (700, 250), grid=(700, 250), tile=(256, 256), of=encode_avif(GREY.convert("RGB")))
    assert inspect(data)[1:3] == (700, 250)
    assert Image.open(io.BytesIO(images.process_photo(data).preview)).size == (320, 114)
    assert inspect(avif([tile] * 3, (64, 64), grid=(700, 250), tile=(256, 256)))[1:3] == (700, 250)


def test_tiles_together_have_a_limit():
    tile = item_bytes(encode_avif(Image.new("L", (2000, 2000))))[0]
    small = item_bytes(encode_avif(GREY))[0]
    inspect(avif([tile] * 6, (2000, 2000), grid=(2000, 2000)))
    for hostile in (
        avif([tile] * 7, (2000, 2000), grid=(2000, 2000)),
        avif([small] * 7, (2000, 2000), grid=(2000, 2000)),  # each would be stretched to its claimed size
        avif([tile, *[small] * 9], (64, 64), grid=(30_000, 3000)),
        avif([tile * 7], (64, 64)),  # frames of one item
    ):
        with pytest.raises(PayloadTooLarge):
            inspect(hostile)


def test_a_moving_picture_has_the_size_of_its_first_sample_and_its_track(large_picture):
    picture = GREY.resize((80, 60))
    data = encode_avif(picture, save_all=True, append_images=[GREY.transpose(0).resize((80, 60))])
    at = data.index(b"tkhd") + 4 + (88 if data[data.index(b"tkhd") + 4] else 76)
    stretched = data[:at] + struct.pack(">II", 9000 << 16, 9000 << 16) + data[at + 8 :]
    with pytest.raises(PayloadTooLarge):
        inspect(stretched)
    # the first sample lies elsewhere, and is larger; the item of the same file is as small as before
    at = data.index(b"stco") + 12
    size = data.index(b"stsz") + 16
    other = item_bytes(large_picture)[0]
    moved = bytearray(data + box(b"mdat", other))
    struct.pack_into(">I", moved, at, len(data) + 8)
    struct.pack_into(">I", moved, size, len(other))
    with pytest.raises(PayloadTooLarge):
        inspect(bytes(moved))


def test_an_ambiguous_file_is_damaged():
    real = encode_avif(GREY.resize((80, 60)))
    moving = encode_avif(GREY, save_all=True, append_images=[GREY.transpose(0)])
    obus = item_bytes(real)[0]
    for hostile in (
        real + copy_box(real, b"meta"),
        moving + copy_box(moving, b"moov"),
        moving.replace(b"stsz", b"free"),
        moving.replace(b"stco", b"free"),
        real.replace(b"iinf", b"free"),
        real.replace(b"idat", b"free").replace(b"iloc", b"free"),
        real.replace(b"av01", b"hvc1"),
        real.replace(b"infe\x02", b"infe\x01"),
        avif([b""], (80, 60)),
        avif([obus[2:4]], (80, 60)),
        avif([obus[:2] + obus[obus.index(b"\x32") :]], (80, 60)),  # a frame without its sequence header
        avif([obus[:-1]], (80, 60)),
        avif([obus], (80, 60), version=2, method=2),
    ):
        with pytest.raises(DamagedPhoto):
            inspect(hostile)


def bits(*fields):
    """Packs `(value, bits)` fields into bytes."""
    value = length = 0
    for number, size in fields:
        value, length = value << size | number, length + size
    return (value << -length % 8).to_bytes((length + 7) // 8)


def unit(kind, body, *, sized=True, extension=b""):
    head = kind << 3 | bool(extension) << 2 | sized << 1
    return bytes([head]) + extension + (bytes([len(body)]) if sized else b"") + body


def sequence(size, *before, after=()):
    width, height = size
    return unit(1, bits(*before, (12, 4), (10, 4), (width - 1, 13), (height - 1, 11), *after, (0, 20)))


LEVEL = [(0, 12), (0, 5)]
TIMING = [(1, 1), (1, 32), (25, 32)]
MODEL = [(1, 1), (9, 5), (1, 32), (3, 5), (6, 5)]  # delays of 10 bits, presentation times of 7
TOOLS = [(0, 3), (0, 4), (0, 1)]
CHOICES = [(1, 1), (1, 1)]

SEQUENCES = {
    "reduced": ([(0, 3), (3, 2), (0, 5)], [], []),
    "full": ([(0, 5), (0, 1), (0, 1), (0, 5), *LEVEL], [(0, 1), *TOOLS, *CHOICES], [(0, 1), (0, 1)]),
    "tiers": ([(0, 5), (0, 1), (1, 1), (1, 5)] + 2 * [(0, 12), (8, 5), (1, 1), (1, 1), (9, 4)],
              [(0, 1), *TOOLS, *CHOICES], [(0, 1), (1, 1), (1, 1)]),
    "timed": ([(0, 5), *TIMING, (0, 1), *MODEL, (0, 1), (0, 5), *LEVEL, (1, 1), (0, 21)],
              [(0, 1), *TOOLS, (0, 1), (0, 1)], [(99, 7), (0, 1)]),
    "equal": ([(0, 5), *TIMING, (1, 1), (1, 4), (5, 3), *MODEL, (0, 1), (0, 5), *LEVEL, (0, 1)],
              [(0, 1), *TOOLS, (0, 1), (1, 1), (0, 1), (1, 1)], [(0, 1)]),
    "numbered": ([(0, 5), (0, 1), (0, 1), (0, 5), *LEVEL],
                 [(1, 1), (3, 4), (2, 3), (0, 7), (1, 1), (3, 2), (1, 1), (1, 1)], [(0, 1), (0, 1), (77, 8)]),
}  # fmt: skip


@pytest.mark.parametrize("name", SEQUENCES)
def test_headers_are_read_as_the_specification_says(name):
    before, after, inside = SEQUENCES[name]
    head = sequence((5200, 1100), *before, after=after)
    if name == "reduced":
        assert frames(head + unit(6, b"\0")) == [(5200, 1100)]
        return
    shown = [(0, 1), (0, 2), (1, 1), *inside]
    assert frames(head + unit(6, bits(*shown, (0, 1), (0, 9)))) == [(5200, 1100)]
    assert frames(head + unit(3, bits(*shown, (1, 1), (0, 9)), extension=b"\0")) == [(8192, 2048)]
    assert frames(head + unit(6, bits(*shown, (1, 1), (0, 9)), sized=False)) == [(8192, 2048)]
    assert frames(head + unit(6, bits((1, 1), (0, 15)))) == []


def test_a_hidden_and_a_switching_frame_are_read_too():
    before, after, _ = SEQUENCES["full"]
    head = sequence((5200, 1100), *before, after=after)
    for override, size in enumerate([(5200, 1100), (8192, 2048)]):
        hidden = bits((0, 1), (1, 2), (0, 1), (1, 1), (0, 1), (0, 1), (1, 1), (0, 1), (override, 1), (0, 9))
        assert frames(head + unit(2, b"") + unit(6, hidden)) == [size]
    assert frames(head + unit(6, bits((0, 1), (3, 2), (1, 1), (0, 1), (0, 12)))) == [(8192, 2048)]


@pytest.mark.parametrize(
    "broken",
    [
        unit(6, b"\0"),
        unit(1, b""),
        unit(1, b"\x18\0"),
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\0",
        b"\x0a\x7f\0",
        b"\x0c",
        b"\x0a",
        sequence((9, 9), (0, 5), *TIMING, (1, 1), (0, 32)),
        sequence((9, 9), *SEQUENCES["full"][0], after=SEQUENCES["full"][1]) + unit(6, b""),
    ],
)
def test_a_header_that_cannot_be_read_is_damaged(broken):
    with pytest.raises((DamagedPhoto, IndexError)):
        frames(broken)
    with pytest.raises(DamagedPhoto):
        inspect(avif([broken], (80, 60)))


def files_of_counts():
    """Yields files that consist of counts only."""
    real, moving = growable_pictures()
    obus = item_bytes(real)[0]
    yield avif([b"\x12\0" * 4_000_000], (80, 60))
    yield avif([obus] + [b"\x12\0" * 10_000] * 400, (80, 60), grid=(80, 60))
    yield avif([obus] * 5000, (256, 256), grid=(256, 256))
    yield real[:28] + full(b"meta", box(b"free") * 1_000_000)
    yield real[:28] + full(b"meta", b"ispe" * 4_000_000)
    yield append_boxes(real, b"meta", full(b"iref", reference_box(60_000), version=1))
    yield append_boxes(real, b"meta", *[full(b"iref", reference_box(6000), version=1)] * 2)
    yield append_boxes(real, b"meta/iprp", full(b"ipma", struct.pack(">I", 5000), b"\0\7\0" * 5000))
    yield append_boxes(real, b"meta/iprp", *[full(b"ipma", bytes(4), flags=number << 1) for number in range(5)])
    at = real.index(b"iloc") - 4
    for items in (100, 5000):
        empty = b"".join(struct.pack(">HHHH", number + 9, 0, 0, 4000) for number in range(items))
        iloc = full(b"iloc", b"\0\0", struct.pack(">H", items), empty, version=1)
        yield append_boxes(real[:at] + real[at:].replace(b"iloc", b"free", 1), b"meta", iloc)
        yield append_boxes(moving, b"moov", *[box(b"trak", full(b"meta", iloc))])
    yield append_boxes(moving, b"moov", *[box(b"trak", box(b"mdia"))] * 9)
    at = moving.index(b"stsc") + 12
    yield moving[:at] + struct.pack(">III", 1, 1_000_000, 1) + moving[at + 12 :]
    steps = b"".join(struct.pack(">III", number, 1, 1) for number in range(1, 9000))
    table = full(b"stsc", struct.pack(">I", 8999), steps)
    yield append_boxes(moving.replace(b"stsc", b"free"), b"moov/trak/mdia/minf/stbl", table)


def growable_pictures():
    """Yields a picture and a moving one whose bytes come before their boxes, so that the boxes can grow."""
    for data in (encode_avif(GREY), encode_avif(GREY, save_all=True, append_images=[GREY.transpose(0)])):
        tops = {name: data[body - 8 : stop] for name, body, stop in boxes(data, 0, len(data))}
        was, now = data.index(tops[b"mdat"]) + 8, len(tops[b"ftyp"]) + 8
        behind = tops[b"meta"] + tops.get(b"moov", b"")
        assert behind.count(struct.pack(">I", was)) == 1 + (b"moov" in tops)
        yield tops[b"ftyp"] + tops[b"mdat"] + behind.replace(struct.pack(">I", was), struct.pack(">I", now))


def reference_box(count):
    return box(b"dimg", struct.pack(f">IH{count}I", 1, count, *range(9, count + 9)))


def append_boxes(data, path, *more):
    """Appends boxes to the box at `path` and corrects the sizes around them."""
    out, more = bytearray(data), b"".join(more)
    start, end = 0, len(data)
    for name in path.split(b"/"):
        start, end = next((body, stop) for each, body, stop in boxes(data, start, end) if each == name)
        struct.pack_into(">I", out, start - 8, end - start + 8 + len(more))
        start += 4 * (name == b"meta")
    out[end:end] = more
    return bytes(out)


def test_small_counts_are_accepted():
    real, moving = growable_pictures()
    meta = full(
        b"meta", copy_box(real, b"hdlr"), full(b"iloc", b"\0\0", struct.pack(">HHHHH", 1, 9, 0, 0, 1), version=1)
    )
    for data in (
        real,
        moving,
        append_boxes(real, b"meta", full(b"iref", reference_box(1000), version=1)),
        append_boxes(moving, b"moov/trak", meta),
        append_boxes(moving, b"moov", box(b"free")),
    ):
        assert is_accepted(data)
    stbl = append_boxes(moving, b"moov/trak/mdia/minf/stbl", full(b"stsc", struct.pack(">IIII", 1, 1, 2, 1)))
    assert is_accepted(stbl.replace(b"stsc", b"free", 1))


def test_a_file_of_counts_is_refused_within_a_second():
    for data in files_of_counts():
        began = time.process_time()
        with pytest.raises(DamagedPhoto):
            inspect(data)
        assert time.process_time() - began < 1


def test_overlapping_parts_cannot_exceed_the_size_of_the_file():
    data = avif([item_bytes(encode_avif(GREY))[0]], (256, 256), parts=2000)
    at = data.index(b"iloc") + 4 + 4 + 2 + 2 + 2 + 2 + 2 + 2
    whole = struct.pack(">II", 0, len(data)) * 2000
    with pytest.raises(DamagedPhoto):
        inspect(data[:at] + whole + data[at + len(whole) :])


def originals():
    rgb = GREY.resize((64, 64)).convert("RGB")
    moving = {"save_all": True, "append_images": [rgb.transpose(0), rgb.transpose(1)]}
    glass = rgb.copy()
    glass.putalpha(100)
    yield from (encode_avif(rgb), encode_avif(rgb, **moving), encode_avif(glass))
    yield encode_avif(glass, save_all=True, append_images=[glass.transpose(0)])
    tile = item_bytes(encode_avif(rgb))[0]
    yield avif([tile] * 2, (120, 64), grid=(120, 64), tile=(64, 64), of=encode_avif(rgb))
    yield from (avif([tile], (64, 64), version=2, method=method, parts=2, of=encode_avif(rgb)) for method in (0, 1))


def check_mutations(seed, count):
    rng = random.Random(seed)  # noqa: S311
    whole = list(originals())
    assert all(is_accepted(each) for each in whole)
    through = 0
    for number in range(count):
        data = mutate_bytes(rng, whole[number % len(whole)], rng.choice(whole))
        began = time.process_time()
        through += is_accepted(data)
        assert time.process_time() - began < 2, data.hex()
    assert 0 < through < count


def test_a_mutated_avif_is_accepted_or_refused_and_nothing_else():
    check_mutations(20261123, 1000)


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(10))
def test_many_mutated_avifs_are_accepted_or_refused_and_nothing_else(seed):
    check_mutations(seed, 2000)


def test_boxes_must_fit_their_container():
    assert [name for name, *_ in boxes(box(b"free", b"x") + box(b"skip", wide=True), 0, 25)] == [b"free", b"skip"]
    for broken in (b"\0\0\0\7free", b"\0\0\0\x09free", struct.pack(">I4sQ", 1, b"free", 15)):
        with pytest.raises(DamagedPhoto):
            list(boxes(broken, 0, len(broken)))
