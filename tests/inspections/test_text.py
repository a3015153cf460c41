"""Characters that nobody sees are found, and removed where they join nothing that is visible."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspections.text import (
    clean_line,
    clean_text,
    has_invisible,
    has_other_spelling,
    is_same_name,
    name_key,
    spellings,
)

LAYOUT = "\t\n\r"
PREPENDED_MARKS = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Prepended_Concatenation_Mark (PropList.txt): the only visible characters of category Cf."""
NAMED = ("\u200b", "\u200e", "\u061c", "\u202e", "\u2066", "\u2028", "\u0085", "\u00ad", "\ufeff", "\u115f", "\u3164")
NAMED += ("\U000e0041", "\ufdd0", "\U0010ffff", "\u2065", "\ufff0", "\u034f", "\ufe0f", "\u200d", "\u2800")
TEXTS = st.text(
    st.sampled_from("a1 é\n张楼👨👩❤🏽م\u0915ᠠ葛#\u20e3" + "".join(NAMED) + "\u200c\U000e0100\u180b\ufe00\x0b")
)


def test_every_control_and_format_character_of_unicode_is_invisible():
    for point in range(sys.maxunicode + 1):
        letter = chr(point)
        category = unicodedata.category(letter)
        if letter in LAYOUT or point in PREPENDED_MARKS:
            assert not has_invisible(letter), hex(point)
        elif category in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            assert has_invisible(letter), hex(point)


def test_letters_of_rare_names_are_visible():
    """Private characters and those of a newer Unicode stand for rare Chinese characters in the offices' systems."""
    for name in ("张三", "𠮷", "\ue000", "\U000f0000", "\U000323b0", "ئۇيغۇر", "A\u0301", "〇", "㊙"):
        assert not has_invisible(name), ascii(name)
        assert clean_text(name) == name


@pytest.mark.parametrize("letter", NAMED, ids=ascii)
def test_a_text_of_only_invisible_characters_is_empty(letter):
    assert clean_text(letter * 3) == clean_line(f" {letter}　{letter}\t") == ""
    assert clean_line(f"3幢{letter}2单元") in {"3幢2单元", "3幢 2单元"}


@pytest.mark.parametrize(
    "text",
    [
        "👨‍👩‍👧‍👦在楼道充电",  # a family
        "❤️‍🔥 ⚠️ ☎︎ 1️⃣ #️⃣",  # selectors, and keycaps
        "👩🏽‍🚒",  # a colour of skin before a joiner
        "葛\U000e0100城",  # a variant of a Chinese character
        "می‌خواهم",  # Persian
        "क्‍ष",  # Hindi
        "ᠠ᠋ᠨ",  # Mongolian
    ],
)
def test_characters_that_join_visible_ones_stay(text):
    assert has_invisible(text)
    assert clean_text(text) == clean_line(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("楼\u200d梯\u200c间", "楼梯间"),
        ("a\ufe0fb\ufe0f\u200d🔥", "ab🔥"),
        ("👨\u200d\u200d👩", "👨👩"),
        ("👨\u200d", "👨"),
        ("\u200d👨", "👨"),
        ("⚠\ufe0f\ufe0f\ufe0f", "⚠\ufe0f"),
        ("1\ufe0f", "1"),
        ("门牌\u202e321\u202c号", "门牌321号"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),
        ("\ufeff楼道\u200b堆物\x1b[31m", "楼道堆物[31m"),
    ],
)
def test_characters_that_join_nothing_are_removed(text, cleaned):
    assert clean_text(text) == cleaned


def test_separators_of_lines_become_line_feeds_or_spaces():
    assert clean_text("一\u2028二\u2029三\u0085四\x0b五\n六") == "一\n二\n三\n四\n五\n六"
    assert clean_line("一\u2028二\u2029三") == "一 二 三"


@given(TEXTS)
def test_cleaning_twice_changes_nothing_and_adds_nothing(text):
    for clean in (clean_text, clean_line):
        cleaned = clean(text)
        assert clean(cleaned) == cleaned
        assert len(cleaned) <= len(text)
        assert cleaned == "" or cleaned.strip()
    assert has_invisible(text) or clean_text(text) == (text if text.strip() else "")


@given(TEXTS)
def test_visible_characters_survive_in_their_order(text):
    def visible(words):
        return [letter for letter in words if not has_invisible(letter) and not letter.isspace()]

    assert visible(clean_text(text)) == visible(text) == visible(clean_line(text))


def test_names_are_the_same_in_any_normal_form():
    assert is_same_name("Cafe\u0301", "Caf\u00e9")
    assert is_same_name("\uf900庄", "豈庄")  # the same character under two code points
    assert is_same_name(None, None)
    assert not is_same_name("张三", "张四")
    assert not is_same_name(None, "张三")
    assert not is_same_name("张三", None)
    assert not is_same_name("ＡＢ", "AB")  # NFC keeps full width, as names are shown


def test_words_are_looked_for_in_every_spelling():
    assert spellings("楼道") == ("楼道",)
    assert spellings("Caf\u00e9\u200b") == ("Caf\u00e9\u200b", "Caf\u00e9", "Cafe\u0301")
    assert spellings("\u200b") == ("\u200b",)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
def test_a_letter_without_other_spellings_is_in_every_spelling_of_a_name(name):
    fixed = [letter for letter in name_key(name) if not has_other_spelling(letter)]
    for form in ("NFC", "NFD"):
        spelled = iter(unicodedata.normalize(form, name))
        assert all(letter in spelled for letter in fixed)


def test_a_letter_under_two_code_points_has_another_spelling():
    for letter in ("豈", "\uf900", "é", "K", "\u0301", "Å"):
        assert has_other_spelling(letter), letter
    for letter in ("张", "a", "1", '"'):
        assert not has_other_spelling(letter), letter
