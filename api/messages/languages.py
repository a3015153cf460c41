"""The language that a client asks for (RFC 9110, 12.5.4), and a message in it."""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache

from litestar.types import Scope

from api.messages.english import ENGLISH

_MESSAGE_CHARACTERS = 2000
"""Longer texts, which quote what was sent, stay as they are."""


class Language(StrEnum):
    """The languages of problems, as tags of BCP 47. The pages, notices and documents are Chinese."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


_RANGE = re.compile(
    r"([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9]{1,8})*[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)


def negotiate_language(scope: Scope) -> Language:
    """The language that the request prefers; Chinese if it names neither, and if it does not say."""
    return preferred_language(value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-language")


def preferred_language(headers: Iterable[str]) -> Language:
    """The language of Accept-Language headers: the greatest q-value wins, and of equal ones the first named.

    A range such as `en-GB` asks for English (lookup of RFC 4647, 3.4). What is no language range is passed over.
    """
    quality: dict[str, float] = {}
    for part in ",".join(headers).split(","):
        if found := _RANGE.fullmatch(part.strip(" \t")):
            language, weight = found[1].lower(), float(found[2] or 1)
            quality[language] = max(weight, quality.get(language, 0.0))
    others = quality.get("*", 0.0)
    chinese, english = quality.get("zh", others), quality.get("en", others)
    first = next((name for name in quality if name in {"zh", "en"}), "zh")
    if english > chinese or (english == chinese > 0 and first == "en"):
        return Language.ENGLISH
    return Language.CHINESE


def translate(message: str, language: Language) -> str:
    """The Chinese message in this language; what has no words in the table stays as it is."""
    return message if language is Language.CHINESE else find_english(message) or message


def find_english(message: str) -> str | None:
    if (words := ENGLISH.get(message)) is not None:
        return words
    if len(message) <= _MESSAGE_CHARACTERS:
        for pattern, words in _patterns():
            if found := pattern.fullmatch(message):
                return words.format(*(find_english(part) or part.replace("、", ", ") for part in found.groups()))
    return None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The messages with gaps, the longest first, so that a general one does not hide one that says more."""
    gaps = sorted((message for message in ENGLISH if "{}" in message), key=len, reverse=True)
    return tuple(
        (re.compile("(.*?)".join(map(re.escape, message.split("{}"))), re.DOTALL), ENGLISH[message]) for message in gaps
    )
