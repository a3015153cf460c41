"""Pictures of each format are recognised, checked for damage, shown upright and read for metadata."""

import csv
import io
import struct
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from inspections.calendar import SHANGHAI
from inspections.errors import DamagedPhoto, PayloadTooLarge, UnsupportedFormat
from inspections.places.coordinates import Point
from storage.photos import images
from storage.photos.formats import inspect
from storage.photos.isobmff import end_of_boxes
from storage.photos.sample_images import draw_sample_photo
from tests.builders.pictures import NOW, picture, png_of


@pytest.mark.parametrize(
    ("data", "kind", "banded"),
    [
        (picture("JPEG"), "jpeg", True),
        (picture("JPEG", progressive=True), "jpeg", False),
        (picture("JPEG", mode="L"), "jpeg", True),
        (picture("PNG", mode="RGBA"), "png", False),
        (picture("WEBP"), "webp", False),
        (picture("WEBP", lossless=True), "webp", False),
        (picture("WEBP", mode="RGBA"), "webp", False),
        (picture("AVIF"), "avif", False),
    ],
)
def test_a_format_is_recognised_by_its_bytes(data, kind, banded):
    assert inspect(data) == (kind, 640, 480, banded)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_truncated_picture_is_refused(kind):
    data = picture(kind)
    for tenth in range(1, 10):
        with pytest.raises((DamagedPhoto, UnsupportedFormat)):
            inspect(data[: len(data) * tenth // 10])
    with pytest.raises(DamagedPhoto):
        inspect(data[:-2])


def test_a_jpeg_with_a_scan_for_each_component_is_not_decoded_in_bands():
    data = bytearray(picture())
    data[data.index(b"\xff\xda") + 4] = 1
    assert not inspect(bytes(data)).banded


def test_bytes_after_the_end_are_ignored():
    assert inspect(picture("JPEG") + b"motion photo" * 100).kind == "jpeg"


def test_a_flipped_byte_in_a_png_is_noticed():
    data = bytearray(picture("PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(DamagedPhoto):
        inspect(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        b"hello, I am a text",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>" * 5,
        b"<html>" * 20,
        b"GIF89a" + bytes(100),
        b"ID3\x03" + bytes(100),
        b"\x00\x00\x00\x18ftypisom" + bytes(100),
        b"RIFF\x10\x00\x00\x00WAVEfmt " + bytes(30),
    ],
)
def test_other_kinds_of_files_are_refused(data):
    with pytest.raises(UnsupportedFormat):
        inspect(data)


def header_only_png(width, height):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_picture_too_large_to_decode_is_refused_by_its_header():
    with pytest.raises(PayloadTooLarge) as refused:
        inspect(header_only_png(60000, 60000))
    assert refused.value.facts["limit"] == 25_000_000
    with pytest.raises(DamagedPhoto):
        inspect(header_only_png(0, 10))


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe0\x00\x00" * 9, b"RIFF\x04\x00\x00\x00WEBPXXXX"]
)
def test_a_broken_header_is_damaged(data):
    with pytest.raises(DamagedPhoto):
        inspect(data)


@pytest.mark.parametrize("orientation", range(9))
def test_a_preview_is_upright_and_has_no_metadata(tmp_path, orientation):
    """A red corner comes out at the top left, whichever way the camera was held."""
    upright = Image.new("RGB", (400, 300), "white")
    upright.paste("red", (0, 0, 100, 100))
    stored = upright.transpose(UNDO[orientation]) if orientation in UNDO else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Acme"
    stored.save(tmp_path / "p.jpg", "JPEG", exif=exif, comment=b"secret words", quality=95)
    shown_bytes = images.make_preview((tmp_path / "p.jpg").read_bytes(), 320)
    assert b"Exif" not in shown_bytes
    assert b"secret" not in shown_bytes
    shown = Image.open(io.BytesIO(shown_bytes))
    assert shown.size == (320, 240)
    red, green, _ = shown.getpixel((20, 20))
    assert (red > 200, green < 80) == (True, True)
    assert min(shown.getpixel((300, 220))) > 200


UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def test_transparency_is_shown_on_white(tmp_path):
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(tmp_path / "p.png")
    shown = Image.open(io.BytesIO(images.make_preview((tmp_path / "p.png").read_bytes(), 320)))
    assert shown.getpixel((25, 25)) == (255, 255, 255)


def test_a_small_picture_is_not_enlarged(tmp_path):
    (tmp_path / "p.jpg").write_bytes(picture(size=(10, 10)))
    assert Image.open(io.BytesIO(images.make_preview((tmp_path / "p.jpg").read_bytes(), 1280))).size == (10, 10)


@pytest.mark.parametrize("data", [picture()[:3000], b"", b"\xff\xd8\xff\xd9", png_of(b"garbage")])
def test_a_file_that_cannot_be_decoded_is_damaged(tmp_path, data):
    (tmp_path / "p.jpg").write_bytes(data)
    with pytest.raises(DamagedPhoto):
        images.make_preview((tmp_path / "p.jpg").read_bytes(), 320)


def read_metadata(data):
    return images.process_photo(data).metadata


def build_exif(**tags):
    exif = Image.Exif()
    for tag, value in tags.pop("plain", {}).items():
        exif[tag] = value
    exif.get_ifd(0x8769).update(tags.pop("detail", {}))
    exif.get_ifd(0x8825).update(tags.pop("gps", {}))
    return exif


def read_metadata_of_tags(tmp_path, **tags):
    (tmp_path / "p.jpg").write_bytes(picture(exif=build_exif(**tags)))
    return read_metadata((tmp_path / "p.jpg").read_bytes())


def test_time_place_and_camera_are_read(tmp_path):
    facts = read_metadata_of_tags(
        tmp_path,
        plain={0x010F: "OPPO\0\0", 0x0110: "R7plusf"},
        detail={0x9003: "2026:11:23 09:00:00", 0x9011: "+09:00"},
        gps={1: "N", 2: (30.0, 46.0, 12.0), 3: "W", 4: (120.0, 45.0, 0.0)},
    )
    assert facts.taken_at == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert facts.point == Point(30.77, -120.75, "wgs84")
    assert facts.camera == "OPPO R7plusf"
    assert (facts.utc_offset, facts.orientation, facts.oddities) == (540, None, ())


def test_a_time_without_an_offset_is_read_as_shanghai_time(tmp_path):
    facts = read_metadata_of_tags(tmp_path, detail={0x9003: "2026:11:23 09:00:00"})
    assert facts.taken_at == datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    assert facts.utc_offset is None


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("-03:30", -210),
        ("+14:00", 840),
        ("+00:00\0", 0),
        ("   :  ", None),
        ("+15:00", None),
        ("08:00", None),
        ("", None),
    ],
)
def test_an_offset_is_read_only_in_the_standard_format(tmp_path, text, offset):
    facts = read_metadata_of_tags(tmp_path, detail={0x9003: "2026:11:23 09:00:00", 0x9011: text})
    assert facts.utc_offset == offset
    assert facts.taken_at == datetime(2026, 11, 23, 9, tzinfo=UTC) - timedelta(
        minutes=480 if offset is None else offset
    )


@pytest.mark.parametrize(
    ("clock", "odd"),
    [
        ("0000:00:00 00:00:00", False),
        ("2026:02:30 09:00:00", True),
        ("2026:11:23 25:00:00", True),
        ("2026:11:23 09:60:00", True),
        ("2000:12:31 23:59:59", True),
        ("1970:01:01 08:00:00", True),
        ("yesterday", False),
        ("2026:11:23", False),
        ("2001:01:01 00:00:00\0", False),
        ("    :  :     :  :  ", False),
        ("\0" * 20, False),
    ],
)
def test_an_impossible_clock_is_an_oddity(tmp_path, clock, odd):
    facts = read_metadata_of_tags(tmp_path, detail={0x9003: clock})
    assert facts.oddities == ("clock",) * odd
    assert (facts.taken_at is None) == (not clock.startswith("2001"))


@pytest.mark.parametrize("orientation", range(10))
def test_the_orientation_is_one_of_eight(tmp_path, orientation):
    value = read_metadata_of_tags(tmp_path, plain={0x0112: orientation}).orientation
    assert value == (orientation if orientation in range(1, 9) else None)


@pytest.mark.parametrize(
    ("gps", "oddities"),
    [
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, ()),
        ({1: "\0", 2: (0.0, 0.0, 0.0), 3: "\0", 4: (0.0, 0.0, 0.0)}, ()),
        ({1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, ("position",)),
        ({1: "N", 2: (IFDRational(0, 0),) * 3, 3: "E", 4: (IFDRational(0, 0),) * 3}, ()),
        ({1: "N", 2: (30.0, 0.0), 3: "E", 4: (120.0, 0.0)}, ()),
        ({1: "N", 2: (30.0, 0.0, 0.0), 3: "E", 4: (181.0, 0.0, 0.0)}, ("position",)),
        ({1: "N", 2: (30.0, 0.0, 0.0)}, ()),
        ({1: "N"}, ()),
    ],
)
def test_an_impossible_position_is_left_out(tmp_path, gps, oddities):
    facts = read_metadata_of_tags(tmp_path, gps=gps)
    assert (facts.point, facts.oddities) == (None, oddities)


def test_damaged_metadata_does_not_spoil_the_picture(tmp_path):
    data = bytearray(picture(exif=build_exif(detail={0x9003: "2026:13:99 99:00:00"})))
    (tmp_path / "p.jpg").write_bytes(data)
    assert read_metadata((tmp_path / "p.jpg").read_bytes()) == (None, None, None, None, None, ("clock",))
    at = data.index(b"Exif\0\0") + 6
    data[at : at + 30] = bytes(range(200, 230))
    (tmp_path / "p.jpg").write_bytes(data)
    assert read_metadata((tmp_path / "p.jpg").read_bytes()) == (None, None, None, None, None, ())
    assert images.make_preview((tmp_path / "p.jpg").read_bytes(), 320)


def test_sample_photos_are_small_and_differ_by_seed():
    subjects = ["EB-01", "WN-02", "EL-01", "EV-03"]
    drawn = {
        draw_sample_photo(f"{subject} {fixed}", subject, NOW, fixed=fixed)
        for subject in subjects
        for fixed in (True, False)
    }
    assert len(drawn) == 8
    assert all(inspect(each) == ("jpeg", 640, 480, True) and len(each) < 60_000 for each in drawn)
    assert draw_sample_photo("a", "EB-01", NOW) == draw_sample_photo("a", "EB-01", NOW)


def test_real_pictures_are_accepted_and_shown(samples):
    for original in sorted((samples / "photos").glob("*.jpg")):
        inspect(original.read_bytes())
        assert b"Exif" not in images.make_preview(original.read_bytes(), 320)


def test_place_and_time_are_read_as_the_manifest_says(samples):
    lines = (samples / "photos" / "MANIFEST.csv").read_text().splitlines()
    for row in csv.DictReader(lines):
        if row["format"] != "JPEG":
            continue
        facts = read_metadata((samples / "photos" / row["file"]).read_bytes())
        if row["has_gps"] == "yes" and float(row["lat"]) != 0:
            assert facts.point is not None
            assert abs(facts.point.lat - float(row["lat"])) < 0.0001, row["file"]
        else:
            assert facts.point is None, row["file"]
        assert (facts.taken_at is not None) == bool(row["datetime_original"]), row["file"]
        assert str(facts.orientation or "") == row["orientation"], row["file"]
        assert facts.oddities == (), row["file"]


@pytest.mark.parametrize(
    ("clock", "hours"),
    [
        ("2026:11:22 24:08:19", 16),
        ("2026-11-23 00:08:19", 16),
        ("2026/11/23 00:08:19", 16),
        ("2026.11.23 0:08:19", 16),
        ("2026:11:23T00:08:19.123", 16),
        ("2026-11-23T00:08:19+09:00", 15),
        ("2026-11-23 00:08:19.5 -0100", 25),
        ("2026-11-23T00:08:19Z", 24),
    ],
)
def test_known_forms_of_clocks_are_read(tmp_path, clock, hours):
    """Without a zone a clock shows Shanghai's time."""
    facts = read_metadata_of_tags(tmp_path, detail={0x9003: clock})
    assert (facts.taken_at, facts.oddities) == (
        datetime(2026, 11, 22, 0, 8, 19, tzinfo=UTC) + timedelta(hours=hours),
        (),
    )


_SILENT_CLOCKS = st.sampled_from(["", "\0", "    :  :     :  :  ", "0000:00:00 00:00:00", "0000-00-00 24:00:00"])
_SILENT_NUMBERS = st.sampled_from([(0.0, 0.0, 0.0), (IFDRational(0, 0),) * 3, (0.0,), ()])


@given(
    clock=_SILENT_CLOCKS | st.text("0:- TZabc时分", max_size=12),
    numbers=_SILENT_NUMBERS,
    signs=st.sampled_from(["", "\0", "N", "?"]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_metadata_that_say_nothing_change_nothing(tmp_path, clock, numbers, signs):
    gps = {1: signs, 2: numbers, 3: signs, 4: numbers}
    facts = read_metadata_of_tags(tmp_path, detail={0x9003: clock}, gps=gps)
    assert (facts.taken_at, facts.point, facts.oddities) == (None, None, ())


def test_the_metadata_of_real_phones_that_say_nothing_are_no_oddity(samples):
    for name, day in (("gps_zeroed_by_picker", None), ("clock_hour_24", 28), ("clock_dashes", 29)):
        facts = read_metadata((samples / "cases" / f"{name}.jpg").read_bytes())
        assert (facts.oddities, facts.point) == ((), None), name
        assert day is None or facts.taken_at.astimezone(SHANGHAI).day == {28: 29, 29: 29}[day], name


@pytest.mark.parametrize("trailer", [b"\0\0\n\n\x0e\0Panorama_Shot_InfoSEFH\0SEFT", b"\0\0\0\x18ftypmp42\xff\x3c\x02"])
def test_a_jpeg_without_an_end_marker_is_whole_if_something_follows_it(trailer):
    whole = picture()
    assert whole.endswith(b"\xff\xd9")
    data = whole[:-2] + trailer
    assert inspect(data) == inspect(whole)
    assert images.process_photo(data).preview
    with pytest.raises(DamagedPhoto):
        inspect(whole[:-2])
    with pytest.raises(DamagedPhoto):
        inspect(whole[: len(whole) // 2])


def test_a_heic_with_a_trailer_that_is_no_box_is_whole():
    boxes = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x0cmeta\0\0\0\0"
    assert end_of_boxes(boxes) == len(boxes)
    for trailer in (b"\x0e\0\0\0\0\0\n\n", b"\0\0\n\n\x0e\0\0\0Panorama"):
        assert end_of_boxes(boxes + trailer) == len(boxes)
    cut = boxes + b"\0\0\x10\0mdat" + b"x" * 20
    assert end_of_boxes(cut) == len(cut)  # so the box that is cut is found


@pytest.mark.parametrize("name", ["no_eoi_samsung_trailer.jpg", "no_eoi_then_video.jpg", "unboxed_trailer.heic"])
def test_pictures_of_real_phones_with_something_behind_them_are_shown(samples, name):
    if name.endswith("heic"):
        pytest.importorskip("pillow_heif")
    data = (samples / "cases" / name).read_bytes()
    inspect(data)
    assert images.process_photo(data).preview


@pytest.mark.parametrize(("marker", "depth"), [(0xC0, 12), (0xC1, 12), (0xC3, 8), (0xC7, 8), (0xCB, 16)])
def test_a_jpeg_that_no_decoder_here_reads_is_refused_as_a_format(marker, depth):
    data = bytearray(picture())
    at = next(data.index(bytes([0xFF, frame])) for frame in (0xC0, 0xC2) if bytes([0xFF, frame]) in data)
    data[at + 1], data[at + 4] = marker, depth
    with pytest.raises(UnsupportedFormat):
        inspect(bytes(data))
