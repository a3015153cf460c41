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
from inspections.errors import Damaged
from inspections.photos.actions.intake import Facts
from inspections.places.coordinates import Point
from storage.photos.decoder_memory import BASELINE_JPEG, PIXELS, bytes_needed, decoding
from storage.photos.formats import inspect

SIZES = (320, 1280)
_POLE = 90  # degrees of latitude
_QUALITY = {320: 80, 1280: 85}
_BOX = Image.Resampling.BOX
_BASE = ExifTags.Base
_GPS = ExifTags.GPS
_PLACE = {_GPS.GPSLatitude, _GPS.GPSLongitude}
_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)", re.ASCII)
_NO_BATTERY = 2000  # the year to which a camera without a battery resets
_UPRIGHT = {
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
Image.MAX_IMAGE_PIXELS = PIXELS[BASELINE_JPEG]
ImageFile.LOAD_TRUNCATED_IMAGES = False


class Developed(NamedTuple):
    """The result of processing a photo: a 320 px JPEG, its perceptual hash, and its metadata."""

    picture: bytes
    hash: int | None
    facts: Facts


def developed(original: bytes) -> Developed:
    """Makes preview, hash and metadata of a new photo in one decoding. Raises Damaged."""
    with decoded(original, SIZES[0]) as image:
        said = _said(image)
        shown = upright(image)
        return Developed(encoded(shown, _QUALITY[SIZES[0]]), perceptual_hash(shown), said)


def develop(original: bytes, size: int) -> bytes:
    """Makes a JPEG that fits `size` × `size` pixels: upright, on white where transparent, without metadata.

    Raises Damaged where the picture cannot be decoded to its end.
    """
    with decoded(original, size) as image:
        return encoded(upright(image), _QUALITY[size])


@contextmanager
def decoded(original: bytes, size: int) -> Generator[Image.Image]:
    """Opens a picture, not yet turned upright, with its metadata, decoded so small that it fits `size` × `size` pixels.

    Raises Damaged on any error, since decoders fail on a broken file with almost any exception.
    """
    try:
        form = inspect(original)
        wanted = bytes_needed(form.decoder, form.width * form.height, size, len(original))
        with decoding(wanted), Image.open(io.BytesIO(original), formats=[_decoder(form.kind)]) as image:
            # 1.0 makes the decoder shrink: a quarter of the time for a phone's picture; it cannot shrink 16 bits
            gap = None if image.mode.startswith("I") else 1.0
            image.thumbnail(_fitting(image.size, size), Image.Resampling.BICUBIC, reducing_gap=gap)
            image.load()  # small pictures are not loaded yet, and reading EXIF would hide broken data
            yield image  # some decoders keep their memory until it is closed
    except Exception as error:
        raise Damaged from error


def _decoder(kind: str) -> str:
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


def _fitting(picture: tuple[int, int], size: int) -> tuple[int, int]:
    """The size of `picture` shrunk to `size`, rounded up: for a square, Pillow decodes 8 megapixels twice as large."""
    longer = max(picture)
    width, height = (-(-side * size // longer) for side in picture)
    return width, height


def upright(image: Image.Image) -> Image.Image:
    """Returns a copy of the picture, turned upright, on white where it is transparent."""
    turn = _UPRIGHT.get(_orientation(image) or 1)
    opaque = _opaque(image)
    return opaque if turn is None else opaque.transpose(turn)


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode in {"RGB", "L"}:
        return image.copy()
    if image.mode.startswith("I"):  # 16 bits of grey; convert() would cut them off above 255
        return image.point(lambda level: level / 257).convert("L")  # pyright: ignore[reportUnknownMemberType]
    rgba = image.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def encoded(shown: Image.Image, quality: int) -> bytes:
    """Encodes the pixels alone as JPEG. `optimize` would take twice the time and save 2 % of the bytes."""
    shown.info.clear()
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=quality)
    return out.getvalue()


CLEAR, CLEAR_STEPS, TURNS = 3, 16, 12
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
    clear = sum(abs(step) >= CLEAR for step in steps)
    return bits if clear >= CLEAR_STEPS and turns >= TURNS else None


def _said(image: Image.Image) -> Facts:
    """Reads the metadata; unreadable parts are left out, since damaged metadata never reject a picture."""
    with suppress(Exception):
        exif = image.getexif()
        detail, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
        offset, point = _utc_offset(detail), _position(gps)
        taken_at = _taken_at(detail, SHANGHAI if offset is None else timezone(timedelta(minutes=offset)))
        clock_is_odd = taken_at is None and _clock(detail) != ""
        place_is_odd = point is None and gps.keys() >= _PLACE
        oddities = ("clock",) * clock_is_odd + ("position",) * place_is_odd
        orientation = image.info.get("original_orientation") or _orientation(image)
        return Facts(taken_at, offset, point, orientation, _camera(exif), oddities)
    return Facts()


def _orientation(image: Image.Image) -> int | None:
    """The turn still to be applied: HEIF is decoded upright, and its own value is kept as `original_orientation`."""
    with suppress(Exception):
        orientation = int(image.getexif()[_BASE.Orientation])
        return orientation if orientation in range(1, 9) else None
    return None


def _clock(detail: Mapping[int, Any]) -> str:
    """The text of the camera's clock; empty where it is not set, which EXIF writes as blanks between the colons."""
    clock = str(detail.get(_BASE.DateTimeOriginal, "")).strip("\0 ")
    return clock if clock.strip(": ") else ""


def _taken_at(detail: Mapping[int, Any], zone: tzinfo) -> datetime | None:
    with suppress(Exception):
        clock = datetime.strptime(_clock(detail), "%Y:%m:%d %H:%M:%S").replace(tzinfo=zone)
        return clock.astimezone(UTC) if clock.year > _NO_BATTERY else None
    return None


def _utc_offset(detail: Mapping[int, Any]) -> int | None:
    """Minutes east of Greenwich (EXIF 2.31, tag 0x9011)."""
    said = _OFFSET.fullmatch(str(detail.get(_BASE.OffsetTimeOriginal, "")).strip("\0 "))
    if said is None:
        return None
    minutes = int(said[2]) * 60 + int(said[3])
    return -minutes if said[1] == "-" else minutes


def _position(gps: Mapping[int, Any]) -> Point | None:
    """WGS-84 degrees; None if impossible: not a number, out of range, or the 0,0 of a phone without a GPS fix."""
    with suppress(Exception):
        lat = _degrees(gps[_GPS.GPSLatitude], gps.get(_GPS.GPSLatitudeRef), "S")
        lon = _degrees(gps[_GPS.GPSLongitude], gps.get(_GPS.GPSLongitudeRef), "W")
        if math.isfinite(lat + lon) and abs(lat) <= _POLE and abs(lon) <= 2 * _POLE and (lat or lon):
            return Point(round(lat, 7), round(lon, 7), "wgs84")
    return None


def _degrees(parts: tuple[Any, Any, Any], hemisphere: Any, negative: str) -> float:
    degrees, minutes, seconds = map(float, parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if str(hemisphere).strip("\0 ").upper() == negative else value


def _camera(exif: Mapping[int, Any]) -> str | None:
    words = (str(exif.get(tag, "")).replace("\0", " ") for tag in (_BASE.Make, _BASE.Model))
    name = " ".join(" ".join(words).split())
    printable = "".join(letter for letter in name if letter.isprintable())
    return printable[:200] or None
