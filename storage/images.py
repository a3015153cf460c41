"""Pictures by Pillow: what is shown is upright, small and free of metadata; what the metadata says is read apart."""

import io
import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from PIL import ExifTags, Image, ImageFile

from inspections.actions.photos import Facts
from inspections.calendar import SHANGHAI
from inspections.errors import Damaged
from inspections.places import Point
from storage.formats import BASELINE_PIXELS, TAKEN

SIZES = (320, 1280)
_QUALITY = {320: 80, 1280: 85}
_FORMATS = [kind.upper() for kind in TAKEN]
_BASE = ExifTags.Base
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, tag 0x0112: how the stored picture has to be turned to stand upright."""

Image.MAX_IMAGE_PIXELS = BASELINE_PIXELS  # formats.inspect has refused what is larger, before anything was decoded
ImageFile.LOAD_TRUNCATED_IMAGES = False


def develop(original: bytes, size: int) -> bytes:
    """A JPEG that fits `size` × `size` pixels, upright, on white where the original is transparent, no metadata.

    Raises Damaged where the picture cannot be decoded to its end.
    """
    try:
        with Image.open(io.BytesIO(original), formats=_FORMATS) as image:
            # reducing_gap=1.0 lets the decoder itself shrink: a quarter of the time for a phone's picture
            image.thumbnail((size, size), Image.Resampling.BICUBIC, reducing_gap=1.0)
            image.load()  # a small picture is not loaded yet, and reading EXIF would hide that its data are broken
            turn = _UPRIGHT.get(_orientation(image))
            shown = _opaque(image)
            shown = shown.transpose(turn) if turn is not None else shown
            out = io.BytesIO()
            # a picture of its own: nothing that Pillow read from the file goes along
            shown.info.clear()
            shown.save(out, "JPEG", quality=_QUALITY[size], optimize=True)
            return out.getvalue()
    except Exception as error:  # a broken file escapes from decoders as nearly anything; all of it means the same
        raise Damaged from error


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode in {"RGB", "L"}:
        return image.copy()
    rgba = image.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def _orientation(image: Image.Image) -> int:
    with suppress(Exception):  # damaged metadata never costs the picture
        return int(image.getexif().get(_BASE.Orientation, 1))
    return 1


def facts(original: bytes) -> Facts:
    """When, where and with what the picture says it was taken. What cannot be read is left out, never an error."""
    with suppress(Exception), Image.open(io.BytesIO(original), formats=_FORMATS) as image:
        exif = image.getexif()
        detail = exif.get_ifd(ExifTags.IFD.Exif)
        return Facts(_taken_at(detail), _position(exif.get_ifd(ExifTags.IFD.GPSInfo)), _camera(exif))
    return Facts()


def _taken_at(detail: Mapping[int, Any]) -> datetime | None:
    with suppress(Exception):
        clock = datetime.strptime(str(detail[_BASE.DateTimeOriginal]).strip("\0 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
        return clock.replace(tzinfo=_offset(detail)).astimezone(UTC)
    return None


def _offset(detail: Mapping[int, Any]) -> timezone:
    with suppress(Exception):
        sign, hours, minutes = (said := str(detail[_BASE.OffsetTimeOriginal]))[0], said[1:3], said[4:6]
        return timezone((-1 if sign == "-" else 1) * timedelta(hours=int(hours), minutes=int(minutes)))
    return SHANGHAI


def _position(gps: Mapping[int, Any]) -> Point | None:
    """WGS-84 degrees; None for what cannot be: not a number, out of range, or the 0,0 of a phone without a fix."""
    with suppress(Exception):
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude], gps.get(ExifTags.GPS.GPSLatitudeRef), "S")
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude], gps.get(ExifTags.GPS.GPSLongitudeRef), "W")
        if math.isfinite(lat + lon) and abs(lat) <= 90 and abs(lon) <= 180 and (lat or lon):  # noqa: PLR2004
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
