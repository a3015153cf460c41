"""A caption on a shown picture: when, where, which hazard, who. Drawn on what goes out, never on what is kept.

The font is in the package (storage/photos/fonts, docs/decisions/0011-watermark-font.md), so that a bare machine
without any network draws Chinese.
"""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from storage.photos.images import decoded, encoded, upright

FONT = Path(__file__).parent / "fonts" / "NotoSansSC-Caption.ttf"

_LARGEST = 4096
_QUALITY = 85
_SMALLEST_TYPE = 12  # px: smaller Chinese cannot be read
_TYPE = 40  # letters of this many to the longer side
_ROWS = 2  # a line may take, before it is cut
_LEADING = 1.35  # a row's height in type sizes
_SHADE = 0.6  # how much of the picture the band takes away


def watermarked(picture: bytes, lines: Sequence[str]) -> bytes:
    """`picture` as a JPEG with these lines on a dark band at the lower left, upright, without metadata.

    For pictures as `images.develop` makes them; larger ones are shrunk to 4096 px. The band takes at most half of the
    height: a long line is wrapped once, then cut with an ellipsis, and what finds no room is left out. A character
    that the font lacks is drawn as a box. Raises Damaged.
    """
    with decoded(picture, _LARGEST) as image:
        shown = upright(image).convert("RGB")
        _draw(shown, lines)
        return encoded(shown, _QUALITY)


def _draw(shown: Image.Image, lines: Sequence[str]) -> None:
    size = max(_SMALLEST_TYPE, max(shown.size) // _TYPE)
    # without Raqm, which not every machine has: the same caption everywhere
    font = ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)
    margin, leading = size // 2, round(size * _LEADING)
    room = shown.width - 2 * margin
    rows = [row for line in lines for row in _wrapped(line, font, room)][: (shown.height // 2 - margin) // leading]
    if not rows:
        return
    width = min(shown.width, round(max(map(font.getlength, rows))) + 2 * margin)
    top = shown.height - len(rows) * leading - margin
    _shade(shown, (0, top, width, shown.height))
    pen = ImageDraw.Draw(shown)
    for number, row in enumerate(rows):
        # "lm": the middle of the row, so that Latin and Chinese rows stand equally far apart
        pen.text((margin, top + margin // 2 + (number + 0.5) * leading), row, "white", font, anchor="lm")


def _shade(shown: Image.Image, box: tuple[int, int, int, int]) -> None:
    band = shown.crop(box)
    shown.paste(Image.blend(band, Image.new("RGB", band.size), _SHADE), box)


def _wrapped(line: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """`line` in rows no wider than `width` pixels; Chinese breaks anywhere."""
    rest = "".join(letter for letter in " ".join(line.split()) if letter.isprintable())
    rows: list[str] = []
    while rest and (fits := _fitting(rest, font, width)):
        row, rest = rest[:fits], rest[fits:].lstrip()
        rows.append(row)
        if rest and len(rows) == _ROWS:
            rows[-1] = row[: _fitting(row, font, width - font.getlength("…"))] + "…"
            break
    return rows


def _fitting(text: str, font: ImageFont.FreeTypeFont, width: float) -> int:
    """How many of the first letters are no wider than `width`."""
    return bisect_right(range(1, len(text) + 1), width, key=lambda letters: font.getlength(text[:letters]))
