"""The caption: where it is drawn and nowhere else, legible Chinese, whatever the words are."""

import io
from itertools import combinations

import pytest
from PIL import Image, ImageChops, ImageFont

from inspections.errors import Damaged
from storage.photos import images
from storage.photos.sample_images import draw
from storage.photos.watermark import FONT, watermarked
from tests.builders.pictures import NOW

LINES = ["2026-11-23 09:00", "嘉兴市南湖区新嘉街道", "编号 XJ-2026-00123", "上报人：赵堃喆"]
BLOCK = 16  # JPEG with halved colour is coded in squares of this many pixels


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def changed(picture, lines):
    """The box of pixels that the words change."""
    return ImageChops.difference(opened(watermarked(picture, lines)), opened(watermarked(picture, []))).getbbox()


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (1280, 960), (960, 1280), (2000, 1500)])
def test_the_words_stand_at_the_lower_left_and_change_nothing_else(size):
    left, top, right, bottom = changed(jpeg(Image.effect_noise(size, 60).convert("RGB")), LINES)
    width, height = size
    assert (left, bottom) == (0, height)
    assert height // 10 < height - top <= height // 2 + BLOCK
    assert width // 10 < right <= width


def test_a_short_caption_leaves_the_right_as_it_was():
    _, _, right, _ = changed(draw("a", "EB-01", NOW), ["09:00"])
    assert right < 640 // 4


def test_white_words_stand_on_a_dark_band():
    shown = opened(watermarked(jpeg(Image.new("RGB", (1280, 960), "white")), LINES)).convert("L")
    left, top, right, bottom = changed(jpeg(Image.new("RGB", (1280, 960), "white")), LINES)
    darkest, brightest = shown.crop((left, top + BLOCK, right - BLOCK, bottom)).getextrema()
    assert darkest < 120
    assert brightest > 240
    assert shown.getpixel((5, 950)) < 120


def test_each_character_is_drawn_as_itself():
    """Two characters differ, and none is the box that stands for what the font lacks."""
    font = ImageFont.truetype(FONT, 24, layout_engine=ImageFont.Layout.BASIC)
    kept = {bytes(font.getmask(letter)) for letter in [*"一丁嘉兴街道社区隐患赵堃喆昇（）：0189AZ", "\U0010ffff"]}
    assert len(kept) == len("一丁嘉兴街道社区隐患赵堃喆昇（）：0189AZ") + 1
    picture = draw("a", "EB-01", NOW)
    drawn = [opened(watermarked(picture, [letter])) for letter in "嘉兴"]
    assert ImageChops.difference(*drawn).getbbox()


def level_one():
    """The 3,755 characters that GB 2312 calls the common ones: rows 16 to 55."""
    for row in range(0xB0, 0xD8):
        for cell in range(0xA1, 0xFF if row < 0xD7 else 0xFA):
            yield bytes((row, cell)).decode("gb2312")


def test_the_font_has_every_common_character():
    font = ImageFont.truetype(FONT, 12, layout_engine=ImageFont.Layout.BASIC)
    box = bytes(font.getmask("\U0010ffff"))
    lacking = [letter for letter in level_one() if bytes(font.getmask(letter)) == box]
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
def test_no_words_and_no_picture_make_it_fail(line, size):
    shown = opened(watermarked(jpeg(Image.new("RGB", size)), [line] * 9))
    assert shown.size == size


def test_a_long_line_is_wrapped_once_and_cut():
    picture = jpeg(Image.new("RGB", (640, 480)))
    one, two, cut = (changed(picture, ["很" * letters]) for letters in (10, 60, 600))
    assert one[1] > two[1] == cut[1]
    assert cut[2] <= 640


def test_all_lines_change_the_picture():
    picture = jpeg(Image.new("RGB", (1280, 960), "grey"))
    tops = [changed(picture, LINES[:count])[1] for count in range(1, 5)]
    assert all(lower > higher for lower, higher in combinations(tops, 2))


def test_a_picture_of_any_kind_comes_out_upright_as_a_jpeg_without_metadata():
    stored = Image.new("RGB", (400, 300))
    stored.paste("white", (0, 0, 60, 300))  # what is at the top when it is turned
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Acme"
    made = watermarked(jpeg(stored, exif=exif, comment=b"secret words"), LINES)
    assert b"Exif" not in made
    assert b"secret" not in made
    assert opened(made).size == (300, 400)
    assert min(opened(made).getpixel((150, 20))) > 200
    grey = watermarked(jpeg(Image.new("L", (320, 240), 200)), LINES)
    assert Image.open(io.BytesIO(grey)).format == "JPEG"
    assert watermarked(images.develop(made, 320), LINES)


def test_what_does_not_decode_is_damaged():
    with pytest.raises(Damaged):
        watermarked(b"no picture", LINES)
