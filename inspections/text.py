"""Characters that nobody sees: which they are, how a text is cleaned of them, and when two names are the same.

Sources, of Unicode 16: all of Default_Ignorable_Code_Point (DerivedCoreProperties.txt), the general categories Cc, Cf,
Zl, Zp and Cs (UAX #44), and the noncharacters (core specification, 23.7). Tab, line feed and carriage return are
layout, and the prepended marks of Arabic are visible. Private and unassigned characters stay: rare Chinese names are
written with them, and an old version of Unicode does not know the newest characters.
"""

import re
import unicodedata
from functools import cache

INVISIBLE_RANGES = (
    *((0x00, 0x08), (0x0B, 0x0C), (0x0E, 0x1F), (0x7F, 0x9F)),  # controls
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C)),  # soft hyphen, grapheme joiner, Arabic letter mark
    *((0x115F, 0x1160), (0x3164, 0x3164), (0xFFA0, 0xFFA0)),  # Hangul fillers
    *((0x17B4, 0x17B5), (0x180B, 0x180F)),  # Khmer inherent vowels, Mongolian selectors
    *((0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F)),  # zero width, separators of lines, directions
    *((0x2800, 0x2800),),  # an empty Braille pattern, which is no default-ignorable, but looks like nothing
    *((0xD800, 0xDFFF), (0xFDD0, 0xFDEF)),  # surrogates, noncharacters
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFF0, 0xFFFB)),  # selectors, byte order mark, annotations
    *((0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A)),  # formats of hieroglyphs, shorthand, music
    (0xE0000, 0xE0FFF),  # tags and further selectors
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)),
)
"""The first and the last code point of each range of invisible characters."""

INVISIBLE = "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in INVISIBLE_RANGES)
"""The invisible characters, as the inside of a set in a regular expression."""

_find_unusual = re.compile("[^\t\n\r -~·—“”…\u3000-\u3029\u4e00-\u9fff\uff01-\uff5e]").search
_find_invisible = re.compile(f"[{INVISIBLE}]").search
_BREAKS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_JOINERS = "\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
_DROPPED = re.compile(f"(?![{_JOINERS}])[{INVISIBLE}]")

_PICTURE = "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u27ff\u2900-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f\U00030000-\U0003347f"
_CURSIVE = "\u0600-\u08ff\u0900-\u109f\u1780-\u180a\u1810-\u18af\ua840-\ua87f\ua8e0-\ua8ff\U00011000-\U00011fff"
_KEPT = "|".join(
    (
        f"(?:(?<=[{_PICTURE}])|(?<=[{_PICTURE}]\ufe0f))\u200d(?=[{_PICTURE}])",  # a family: UTS #51, 1.4.9
        f"(?<=[{_PICTURE}])[\ufe0e\ufe0f]",  # a picture in colour, or as text: UTS #51, 1.4.3
        "(?<=[0-9#*])\ufe0f(?=\u20e3)",  # a keycap
        f"(?<=[{_HAN}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",  # a variant of a Chinese character: UTS #37
        f"(?<=[{_CURSIVE}])[\u200c\u200d](?=[{_CURSIVE}])",  # scripts whose letters join: UAX #31, 2.3
        "(?<=[\u1820-\u18aa])[\u180b-\u180f]",  # a form of a Mongolian letter
    )
)
_LOOSE_JOINERS = re.compile(f"(?!{_KEPT})[{_JOINERS}]")


def has_invisible(text: str) -> bool:
    """Tells whether the text has an invisible character, also one that joins visible ones."""
    return _find_unusual(text) is not None and _find_invisible(text) is not None  # a quarter of the time for most texts


def clean_text(text: str) -> str:
    """The text without invisible characters, or "" if only blanks are left. Separators of lines become line feeds.

    Joiners and selectors stay where they join or vary what is visible, as in the picture of a family.
    """
    return _clean(text, "\n")


def clean_line(text: str) -> str:
    """The text as `clean_text` returns it, on one line: separators of lines become spaces."""
    return _clean(text, " ")


def _clean(text: str, line_break: str) -> str:
    if has_invisible(text):
        text = _LOOSE_JOINERS.sub("", _DROPPED.sub("", _BREAKS.sub(line_break, text)))
    return text if text.strip() else ""


def name_key(name: str) -> str:
    """The form in which names are compared: NFC (UAX #15). Stored names keep their own form."""
    return unicodedata.normalize("NFC", name)


def is_same_name(one: str | None, other: str | None) -> bool:
    return one == other or (one is not None and other is not None and name_key(one) == name_key(other))


def spellings(words: str) -> tuple[str, ...]:
    """The ways in which a stored text may spell these words: as they are, cleaned, composed (NFC), decomposed (NFD)."""
    cleaned = clean_line(words)
    forms = (words, cleaned, name_key(cleaned), unicodedata.normalize("NFD", cleaned))
    return tuple(dict.fromkeys(form for form in forms if form))


def has_other_spelling(character: str) -> bool:
    """Tells whether a name that is the same by `is_same_name` may have something else in place of this character."""
    decomposed = unicodedata.normalize("NFD", character)
    return decomposed != character or unicodedata.combining(character) > 0 or character in _duplicates()


@cache
def _duplicates() -> frozenset[str]:
    """The characters that Unicode also has under another code point, such as 豈 as U+8C48 and as U+F900."""
    planes = (range(0x80, 0xD800), range(0xF900, 0xFB00), range(0x2F800, 0x2FA20))
    composed = ((chr(point), name_key(chr(point))) for plane in planes for point in plane)
    return frozenset(key[0] for letter, key in composed if letter != key)
