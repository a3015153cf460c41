"""Draws a caption on a picture that is sent out: time, place, hazard number, reporter. Stored pictures stay unchanged.

The font is in the package (storage/photos/fonts, docs/decisions/0011-watermark-font.md), so that a machine without
fonts or network can draw Chinese.
"""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from storage.photos.images import decoded, encoded, upright

FONT = Path(__file__).parent / "fonts" / "NotoSansSC-Caption.ttf"

_LARGEST = 4096
_QUALITY = 85
_SMALLEST_TYPE = 12  # px: smaller Chinese is illegible
_TYPE = 40  # letters that fit the longer side
_ROWS = 2  # rows that a line may take before it is cut
_LEADING = 1.35  # the height of a row, in type sizes
_SHADE = 0.6  # the opacity of the dark band


def watermarked(picture: bytes, lines: Sequence[str]) -> bytes:
    """Draws these lines on a dark band at the lower left; returns an upright JPEG without metadata.

    Meant for previews of `images.make_preview`; larger pictures are shrunk to 4096 px. The band takes at most half of
    the height: a long line is wrapped once, then cut with an ellipsis, and lines that find no room are left out. A
    character that the font lacks is drawn as a box. Raises Damaged.
    """
    with decoded(picture, _LARGEST) as image:
        shown = upright(image).convert("RGB")
        _draw(shown, lines)
        return encoded(shown, _QUALITY)


def _draw(shown: Image.Image, lines: Sequence[str]) -> None:
    size = max(_SMALLEST_TYPE, max(shown.size) // _TYPE)
    # the basic layout gives the same caption everywhere; not every machine has Raqm
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
        # "lm" anchors at the middle of the row, so that Latin and Chinese rows have the same spacing
        pen.text((margin, top + margin // 2 + (number + 0.5) * leading), row, "white", font, anchor="lm")


def _shade(shown: Image.Image, box: tuple[int, int, int, int]) -> None:
    band = shown.crop(box)
    shown.paste(Image.blend(band, Image.new("RGB", band.size), _SHADE), box)


def _wrapped(line: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Wraps `line` into rows no wider than `width` pixels; Chinese may break anywhere."""
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
    """Counts the leading letters that together are no wider than `width`."""
    return bisect_right(range(1, len(text) + 1), width, key=lambda letters: font.getlength(text[:letters]))
