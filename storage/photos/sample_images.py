"""Drawn pictures for demonstrations and tests: they show no real home and need no licence."""

import io
import random
from datetime import datetime

from PIL import ExifTags, Image, ImageDraw

from inspections.calendar import SHANGHAI

_SIZE = (640, 480)
_PATCH = 80
_WALLS = ((214, 205, 190), (190, 200, 205), (205, 190, 180), (180, 190, 170))


def draw_sample_photo(seed: str, subject: str, taken_at: datetime, *, fixed: bool = False) -> bytes:
    """Draws a JPEG of about 20 KB, unique to its `seed`: a wall and an object for `subject` (a category code).

    `fixed` leaves the object out. The picture shows the word DEMO, and its EXIF the time at which it was "taken".
    """
    chance = random.Random(seed)  # noqa: S311  # a drawing needs no secure random
    image = Image.new("RGB", _SIZE)
    pen = ImageDraw.Draw(image)
    _draw_wall(pen, chance)
    _draw_room(pen, chance)
    if not fixed:
        _SUBJECTS.get(subject[:2], _draw_heap)(pen, chance)
    pen.text((20, 440), f"DEMO {subject} {seed[:13]}", fill=(90, 20, 20), font_size=24)
    exif = Image.Exif()
    local = taken_at.astimezone(SHANGHAI)
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = local.strftime("%Y:%m:%d %H:%M:%S")
    exif[ExifTags.Base.ImageDescription] = "Anxun demo drawing"
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82, exif=exif)
    return out.getvalue()


def _draw_wall(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    """Draws patches of plaster, so that no two stairwells count as the same picture."""
    colour = chance.choice(_WALLS)
    for left in range(0, _SIZE[0], _PATCH):
        for top in range(0, _SIZE[1], _PATCH):
            shade = chance.randrange(-45, 30)
            pen.rectangle((left, top, left + _PATCH, top + _PATCH), fill=tuple(part + shade for part in colour))


def _draw_room(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    floor = chance.randrange(330, 380)
    for step in range(chance.randrange(3, 7)):
        pen.line((0, floor + 18 * step, 640, floor + 25 * step), fill=(90, 84, 78), width=3)
    pen.rectangle((420, 90, 560, floor), outline=(80, 60, 40), width=8)


def _draw_bicycle(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    left = chance.randrange(60, 160)
    for wheel in (left, left + 150):
        pen.ellipse((wheel, 290, wheel + 90, 380), outline=(20, 20, 20), width=9)
    pen.line((left + 45, 335, left + 110, 260, left + 195, 335), fill=(170, 30, 30), width=12)
    pen.line((left + 110, 260, 600, chance.randrange(60, 140)), fill=(10, 10, 10), width=4)


def _draw_window(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((80, 60, 360, 300), fill=(150, 190, 220), outline=(70, 70, 70), width=6)
    for bar in range(90, 360, chance.randrange(18, 30)):
        pen.line((bar, 60, bar, 300), fill=(60, 60, 60), width=5)


def _draw_socket(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((200, 180, 320, 300), fill=(240, 240, 235), outline=(60, 60, 60), width=4)
    for slot in (230, 280):
        pen.line((slot, 210, slot, 240), fill=(20, 20, 20), width=8)
    points = [(chance.randrange(120, 400), chance.randrange(60, 180)) for _ in range(5)]
    pen.line([(260, 180), *points], fill=(200, 120, 20), width=5)


def _draw_heap(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    for _ in range(chance.randrange(4, 9)):
        left, top = chance.randrange(40, 420), chance.randrange(220, 340)
        colour = tuple(chance.randrange(60, 200) for _ in range(3))
        pen.rectangle((left, top, left + chance.randrange(50, 130), top + chance.randrange(40, 110)), fill=colour)


_SUBJECTS = {"EB": _draw_bicycle, "WN": _draw_window, "EL": _draw_socket}
