"""Pictures by Pillow: upright previews without metadata, perceptual hashes, and the metadata of the original."""

import io
import math
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import Any, NamedTuple

from PIL import ExifTags, Image, ImageFile

from inspections.calendar import SHANGHAI
from inspections.errors import DamagedPhoto
from inspections.photos.actions.intake import PhotoMetadata
from inspections.places.coordinates import Point
from inspections.text import clean_line
from storage.photos.decoder_memory import BASELINE_JPEG, MAX_PIXELS, estimate_decoding_bytes, reserve_memory
from storage.photos.formats import close_jpeg, inspect
from storage.photos.isobmff import MAX_EXIF_BYTES

PREVIEW_SIZES = (320, 1280)
_POLE = 90  # degrees of latitude
_QUALITY = {320: 80, 1280: 85}
_BOX = Image.Resampling.BOX
_BASE = ExifTags.Base
_GPS = ExifTags.GPS
_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)", re.ASCII)
_CLOCK = re.compile(
    r"(\d{4})[:/.-](\d{1,2})[:/.-](\d{1,2})[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?(?:[.,]\d{1,9})?"
    r" ?(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_MIDNIGHT = 24  # an hour that some phones write for the first of the next day
_CLOCK_RESET_YEAR = 2000  # the year to which a camera without a battery resets
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, tag 0x0112: the transposition that turns a stored picture upright."""

# formats.inspect refuses larger pictures before anything is decoded
Image.MAX_IMAGE_PIXELS = MAX_PIXELS[BASELINE_JPEG]
ImageFile.LOAD_TRUNCATED_IMAGES = False


class ProcessedPhoto(NamedTuple):
    """The result of processing a photo: a 320 px JPEG, its perceptual hash, and its metadata."""

    preview: bytes
    hash: int | None
    metadata: PhotoMetadata


def process_photo(original: bytes) -> ProcessedPhoto:
    """Makes preview, hash and metadata of a new photo in one decoding. Raises DamagedPhoto."""
    with decode_image(original, PREVIEW_SIZES[0]) as image:
        metadata = _read_metadata(image)
        shown = apply_orientation(image)
        return ProcessedPhoto(encode_jpeg(shown, _QUALITY[PREVIEW_SIZES[0]]), perceptual_hash(shown), metadata)


def make_preview(original: bytes, size: int) -> bytes:
    """Makes a JPEG that fits `size` × `size` pixels: upright, on white where transparent, without metadata.

    Raises DamagedPhoto where the picture cannot be decoded to its end.
    """
    with decode_image(original, size) as image:
        return encode_jpeg(apply_orientation(image), _QUALITY[size])


@contextmanager
def decode_image(original: bytes, size: int) -> Generator[Image.Image]:
    """Opens a picture, not yet turned upright, with its metadata, decoded so small that it fits `size` × `size` pixels.

    Raises DamagedPhoto on any error, since decoders fail on a broken file with almost any exception.
    """
    try:
        form = inspect(original)
        wanted = estimate_decoding_bytes(form.decoder, form.width * form.height, size, len(original))
        data = close_jpeg(original) if form.kind == "jpeg" else original
        with reserve_memory(wanted), Image.open(io.BytesIO(data), formats=[_pillow_decoder(form.kind)]) as image:
            if len(image.info.get("exif") or b"") > MAX_EXIF_BYTES:
                del image.info["exif"]
            # 1.0 makes the decoder shrink: a quarter of the time for a phone's picture; it cannot shrink 16 bits
            gap = None if image.mode.startswith("I") else 1.0
            image.thumbnail(_fit_size(image.size, size), Image.Resampling.BICUBIC, reducing_gap=gap)
            image.load()  # small pictures are not loaded yet, and reading EXIF would hide broken data
            yield image  # some decoders keep their memory until it is closed
    except Exception as error:
        raise DamagedPhoto from error


def _pillow_decoder(kind: str) -> str:
    """Pillow's name of the one decoder that may read this kind."""
    if kind == "heif":
        _register_heif()
    return kind.upper()


@cache
def _register_heif() -> None:
    # an optional package, loaded with the first such picture
    from pillow_heif import register_heif_opener  # noqa: PLC0415  # pyright: ignore[reportUnknownVariableType]

    # an embedded thumbnail proves nothing about the picture; one thread, since each core processes one picture
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def _fit_size(picture: tuple[int, int], size: int) -> tuple[int, int]:
    """The size of `picture` shrunk to `size`, rounded up: for a square, Pillow decodes 8 megapixels twice as large."""
    longer = max(picture)
    width, height = (-(-side * size // longer) for side in picture)
    return width, height


def apply_orientation(image: Image.Image) -> Image.Image:
    """Returns a copy of the picture, turned upright, on white where it is transparent."""
    turn = _TRANSPOSITIONS.get(_orientation(image) or 1)
    opaque = _flatten(image)
    return opaque if turn is None else opaque.transpose(turn)


def _flatten(image: Image.Image) -> Image.Image:
    if image.mode in {"RGB", "L"}:
        return image.copy()
    if image.mode.startswith("I"):  # 16 bits of grey; convert() would cut them off above 255
        return image.point(lambda level: level / 257).convert("L")  # pyright: ignore[reportUnknownMemberType]
    rgba = image.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def encode_jpeg(shown: Image.Image, quality: int) -> bytes:
    """Encodes the pixels alone as JPEG. `optimize` would take twice the time and save 2 % of the bytes."""
    shown.info.clear()
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=quality)
    return out.getvalue()


CLEAR_STEP, MIN_CLEAR_STEPS, MIN_TURNS = 3, 16, 12
"""Measured limits: real pictures have at least 44 clear steps and 16 turns; walls, noise and the dark at most 6 and 8,
and those lit by one lamp or fading to one side 64 and 8, since such light rises and falls once in each of the eight
rows."""


def perceptual_hash(upright: Image.Image) -> int | None:
    """Difference hash of 64 bits: whether brightness rises to the right, at 9 × 8 points of grey, row by row.

    None for a picture with almost no detail (a plain wall, the dark, glare): too few steps are clear, in levels of 255,
    or too few turns between brighter and darker. All such pictures would look alike.
    """
    grey = upright.convert("L").resize((9, 8), _BOX).tobytes()  # pyright: ignore[reportUnknownMemberType]
    steps = [grey[at + 1] - grey[at] for at in range(9 * 8) if (at + 1) % 9]  # not across rows
    bits = sum(1 << 63 - place for place, step in enumerate(steps) if step > 0)
    turns = ((bits ^ bits >> 1) & 0x7F7F_7F7F_7F7F_7F7F).bit_count()
    clear = sum(abs(step) >= CLEAR_STEP for step in steps)
    return bits if clear >= MIN_CLEAR_STEPS and turns >= MIN_TURNS else None


def _read_metadata(image: Image.Image) -> PhotoMetadata:
    """Reads the metadata; unreadable parts are left out, since damaged metadata never reject a picture."""
    with suppress(Exception):
        exif = image.getexif()
        detail, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
        offset, clock, degrees = _utc_offset(detail), _camera_clock(detail), _read_degrees(gps)
        taken_at = _capture_time(clock, SHANGHAI if offset is None else timezone(timedelta(minutes=offset)))
        point = _position(degrees)
        clock_is_odd = taken_at is None and clock is not None
        place_is_odd = point is None and degrees is not None
        oddities = ("clock",) * clock_is_odd + ("position",) * place_is_odd
        orientation = image.info.get("original_orientation") or _orientation(image)
        return PhotoMetadata(taken_at, offset, point, orientation, _camera(exif), oddities)
    return PhotoMetadata()


def _orientation(image: Image.Image) -> int | None:
    """The turn still to be applied: HEIF is decoded upright, and its own value is kept as `original_orientation`."""
    with suppress(Exception):
        orientation = int(image.getexif()[_BASE.Orientation])
        return orientation if orientation in range(1, 9) else None
    return None


class _Clock(NamedTuple):
    """The reading of a camera's clock: day, time and, in some forms, the zone; the numbers may be impossible."""

    day: tuple[int, int, int]
    time: tuple[int, int, int]
    zone: str


def _camera_clock(detail: Mapping[int, Any]) -> _Clock | None:
    """Reads EXIF's `2026:11:23 09:00:00` and the forms of other writers: dashes, a `T`, fractions, a zone behind it.

    None for a clock that is not set, which is blank or zero, and for a text that says no time: it contradicts nothing.
    """
    found = _CLOCK.fullmatch(str(detail.get(_BASE.DateTimeOriginal, "")).strip("\0 "))
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(each or 0) for each in found.groups()[:6])
    return _Clock((year, month, day), (hour, minute, second), found[7] or "") if year or month or day else None


def _capture_time(clock: _Clock | None, zone: tzinfo) -> datetime | None:
    """Returns the instant of a clock; None if it cannot be, or is the day to which a camera resets. 24:08 is 0:08."""
    if clock is None:
        return None
    with suppress(Exception):
        hour, minute, second = clock.time
        days, hour = divmod(hour, 24) if hour == _MIDNIGHT else (0, hour)
        own = datetime.fromisoformat(f"2000-01-01T00:00:00{clock.zone}").tzinfo
        taken = datetime(*clock.day, hour, minute, second, tzinfo=own or zone) + timedelta(days=days)
        return taken.astimezone(UTC) if taken.year > _CLOCK_RESET_YEAR else None
    return None


def _utc_offset(detail: Mapping[int, Any]) -> int | None:
    """Minutes east of Greenwich (EXIF 2.31, tag 0x9011)."""
    match = _OFFSET.fullmatch(str(detail.get(_BASE.OffsetTimeOriginal, "")).strip("\0 "))
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


def _read_degrees(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    """Reads latitude and longitude. None without numbers, and for the 0,0 that phones write instead of none."""
    with suppress(Exception):
        lat = _degrees(gps[_GPS.GPSLatitude], gps.get(_GPS.GPSLatitudeRef), "S")
        lon = _degrees(gps[_GPS.GPSLongitude], gps.get(_GPS.GPSLongitudeRef), "W")
        return (lat, lon) if math.isfinite(lat + lon) and (lat or lon) else None
    return None


def _position(degrees: tuple[float, float] | None) -> Point | None:
    """WGS-84 degrees; None if they are out of range."""
    if degrees is None or abs(degrees[0]) > _POLE or abs(degrees[1]) > 2 * _POLE:
        return None
    return Point(round(degrees[0], 7), round(degrees[1], 7), "wgs84")


def _degrees(parts: tuple[Any, Any, Any], hemisphere: Any, negative: str) -> float:
    degrees, minutes, seconds = map(float, parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if str(hemisphere).strip("\0 ").upper() == negative else value


def _camera(exif: Mapping[int, Any]) -> str | None:
    words = (str(exif.get(tag, "")).replace("\0", " ") for tag in (_BASE.Make, _BASE.Model))
    name = " ".join(" ".join(words).split())
    printable = "".join(letter for letter in name if letter.isprintable())
    return clean_line(printable)[:200] or None
