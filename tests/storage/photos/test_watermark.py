"""The caption is legible Chinese, changes only its own corner, and can be drawn from any text."""

import io
from itertools import combinations

import pytest
from PIL import Image, ImageChops, ImageFont

from inspections.errors import DamagedPhoto
from storage.photos import images
from storage.photos.sample_images import draw_sample_photo
from storage.photos.watermark import FONT, draw_watermark
from tests.builders.pictures import NOW

LINES = ["2026-11-23 09:00", "嘉兴市南湖区新嘉街道", "编号 XJ-2026-00123", "上报人：赵堃喆"]
BLOCK = 16  # JPEG with halved colour is coded in squares of this many pixels


def encode_jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def decode(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def changed_box(picture, lines):
    """Returns the box of pixels that the words change."""
    return ImageChops.difference(decode(draw_watermark(picture, lines)), decode(draw_watermark(picture, []))).getbbox()


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (1280, 960), (960, 1280), (2000, 1500)])
def test_the_caption_is_at_the_lower_left_and_changes_nothing_else(size):
    left, top, right, bottom = changed_box(encode_jpeg(Image.effect_noise(size, 60).convert("RGB")), LINES)
    width, height = size
    assert (left, bottom) == (0, height)
    assert height // 10 < height - top <= height // 2 + BLOCK
    assert width // 10 < right <= width


def test_a_short_caption_does_not_change_the_right_side():
    _, _, right, _ = changed_box(draw_sample_photo("a", "EB-01", NOW), ["09:00"])
    assert right < 640 // 4


def test_the_caption_is_white_on_a_dark_band():
    shown = decode(draw_watermark(encode_jpeg(Image.new("RGB", (1280, 960), "white")), LINES)).convert("L")
    left, top, right, bottom = changed_box(encode_jpeg(Image.new("RGB", (1280, 960), "white")), LINES)
    darkest, brightest = shown.crop((left, top + BLOCK, right - BLOCK, bottom)).getextrema()
    assert darkest < 120
    assert brightest > 240
    assert shown.getpixel((5, 950)) < 120


def test_each_character_is_drawn_as_itself():
    """Two characters differ, and none is the box that the font draws for a missing character."""
    font = ImageFont.truetype(FONT, 24, layout_engine=ImageFont.Layout.BASIC)
    kept = {bytes(font.getmask(letter)) for letter in [*"一丁嘉兴街道社区隐患赵堃喆昇（）：0189AZ", "\U0010ffff"]}
    assert len(kept) == len("一丁嘉兴街道社区隐患赵堃喆昇（）：0189AZ") + 1
    picture = draw_sample_photo("a", "EB-01", NOW)
    drawn = [decode(draw_watermark(picture, [letter])) for letter in "嘉兴"]
    assert ImageChops.difference(*drawn).getbbox()


def common_characters():
    """Yields the 3,755 characters that GB 2312 calls the common ones: rows 16 to 55."""
    for row in range(0xB0, 0xD8):
        for cell in range(0xA1, 0xFF if row < 0xD7 else 0xFA):
            yield bytes((row, cell)).decode("gb2312")


def test_the_font_has_every_common_character():
    font = ImageFont.truetype(FONT, 12, layout_engine=ImageFont.Layout.BASIC)
    box = bytes(font.getmask("\U0010ffff"))
    lacking = [letter for letter in common_characters() if bytes(font.getmask(letter)) == box]
    assert lacking == []


@pytest.mark.parametrize(
    "line",
    [
        "龘龖\U0001f600\u4dae",
        "a\0b\x1b[31m\u202e\ud800c\n\td",
        "很" * 5000,
        "W" * 5000,
        "",
        " ",
        "\u3000",
        "\u0301" * 50,
    ],
    ids=["rare", "control", "long Chinese", "long Latin", "empty", "blank", "wide blank", "marks"],
)
@pytest.mark.parametrize("size", [(320, 240), (1, 1), (10, 400), (400, 10)])
def test_a_caption_of_any_text_is_drawn_on_any_picture(line, size):
    shown = decode(draw_watermark(encode_jpeg(Image.new("RGB", size)), [line] * 9))
    assert shown.size == size


def test_a_long_line_is_wrapped_once_and_cut():
    picture = encode_jpeg(Image.new("RGB", (640, 480)))
    one, two, cut = (changed_box(picture, ["很" * letters]) for letters in (10, 60, 600))
    assert one[1] > two[1] == cut[1]
    assert cut[2] <= 640


def test_all_lines_change_the_picture():
    picture = encode_jpeg(Image.new("RGB", (1280, 960), "grey"))
    tops = [changed_box(picture, LINES[:count])[1] for count in range(1, 5)]
    assert all(lower > higher for lower, higher in combinations(tops, 2))


def test_a_picture_of_any_kind_comes_out_upright_as_a_jpeg_without_metadata():
    stored = Image.new("RGB", (400, 300))
    stored.paste("white", (0, 0, 60, 300))  # the top after the rotation
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Acme"
    made = draw_watermark(encode_jpeg(stored, exif=exif, comment=b"secret words"), LINES)
    assert b"Exif" not in made
    assert b"secret" not in made
    assert decode(made).size == (300, 400)
    assert min(decode(made).getpixel((150, 20))) > 200
    grey = draw_watermark(encode_jpeg(Image.new("L", (320, 240), 200)), LINES)
    assert Image.open(io.BytesIO(grey)).format == "JPEG"
    assert draw_watermark(images.make_preview(made, 320), LINES)


def test_a_file_that_cannot_be_decoded_is_damaged():
    with pytest.raises(DamagedPhoto):
        draw_watermark(b"no picture", LINES)
