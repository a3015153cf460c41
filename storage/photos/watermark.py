"""Draws a caption on a picture that is sent out: time, place, hazard number, reporter. Stored pictures stay unchanged.

The font is in the package (storage/photos/fonts, docs/decisions/0011-watermark-font.md), so that a machine without
fonts or network can draw Chinese.
"""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from storage.photos.images import apply_orientation, decode_image, encode_jpeg

FONT = Path(__file__).parent / "fonts" / "NotoSansSC-Caption.ttf"

_MAX_SIZE = 4096
_QUALITY = 85
_MIN_TYPE_SIZE = 12  # px: smaller Chinese is illegible
_LETTERS_PER_SIDE = 40  # letters that fit the longer side
_MAX_ROWS_PER_LINE = 2  # rows that a line may take before it is cut
_LEADING = 1.35  # the height of a row, in type sizes
_BAND_OPACITY = 0.6  # the opacity of the dark band


def draw_watermark(picture: bytes, lines: Sequence[str]) -> bytes:
    """Draws these lines on a dark band at the lower left; returns an upright JPEG without metadata.

    Meant for previews of `images.make_preview`; larger pictures are shrunk to 4096 px. The band takes at most half of
    the height: a long line is wrapped once, then cut with an ellipsis, and lines that find no room are left out. A
    character that the font lacks is drawn as a box. Raises DamagedPhoto.
    """
    with decode_image(picture, _MAX_SIZE) as image:
        shown = apply_orientation(image).convert("RGB")
        _draw_lines(shown, lines)
        return encode_jpeg(shown, _QUALITY)


def _draw_lines(shown: Image.Image, lines: Sequence[str]) -> None:
    size = max(_MIN_TYPE_SIZE, max(shown.size) // _LETTERS_PER_SIDE)
    # the basic layout gives the same caption everywhere; not every machine has Raqm
    font = ImageFont.truetype(FONT, size, layout_engine=ImageFont.Layout.BASIC)
    margin, leading = size // 2, round(size * _LEADING)
    room = shown.width - 2 * margin
    rows = [row for line in lines for row in _wrap_line(line, font, room)][: (shown.height // 2 - margin) // leading]
    if not rows:
        return
    width = min(shown.width, round(max(map(font.getlength, rows))) + 2 * margin)
    top = shown.height - len(rows) * leading - margin
    _darken(shown, (0, top, width, shown.height))
    pen = ImageDraw.Draw(shown)
    for number, row in enumerate(rows):
        # "lm" anchors at the middle of the row, so that Latin and Chinese rows have the same spacing
        pen.text((margin, top + margin // 2 + (number + 0.5) * leading), row, "white", font, anchor="lm")


def _darken(shown: Image.Image, box: tuple[int, int, int, int]) -> None:
    band = shown.crop(box)
    shown.paste(Image.blend(band, Image.new("RGB", band.size), _BAND_OPACITY), box)


def _wrap_line(line: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Wraps `line` into rows no wider than `width` pixels; Chinese may break anywhere."""
    rest = "".join(letter for letter in " ".join(line.split()) if letter.isprintable())
    rows: list[str] = []
    while rest and (fits := _count_fitting_letters(rest, font, width)):
        row, rest = rest[:fits], rest[fits:].lstrip()
        rows.append(row)
        if rest and len(rows) == _MAX_ROWS_PER_LINE:
            rows[-1] = row[: _count_fitting_letters(row, font, width - font.getlength("…"))] + "…"
            break
    return rows


def _count_fitting_letters(text: str, font: ImageFont.FreeTypeFont, width: float) -> int:
    """Counts the leading letters that together are no wider than `width`."""
    return bisect_right(range(1, len(text) + 1), width, key=lambda letters: font.getlength(text[:letters]))
