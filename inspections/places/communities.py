"""Communities and streets, and the key that unifies different spellings of a place."""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated

from msgspec import Meta, Struct

CommunityCode = Annotated[str, Meta(pattern=r"\A[0-9]{12}\Z", description="12-digit statistical code")]
KEY_LENGTH = 200
_NUMERALS = "一二三四五六七八九"
_DIGITS = {"": "0", **{numeral: str(value) for value, numeral in enumerate(_NUMERALS, 1)}}
_HASH = re.compile(rf"(?<=[0-9{_NUMERALS}十])#楼?")
_SEPARATORS = re.compile(r"((?<=\d)[\W_]+(?=\d))|[\W_]+")
_CHINESE_NUMBERS = re.compile(
    rf"(?<![零〇{_NUMERALS}十百千])(?:([{_NUMERALS}]?)十([{_NUMERALS}]?)|([{_NUMERALS}]))(?=幢|单元|楼|层|室|号)"
)


class Street(Struct, frozen=True):
    """A 街道, whose code begins those of its communities. `abbreviation` begins the numbers of its hazards."""

    code: str
    name: str
    abbreviation: str


class Community(Struct, frozen=True):
    """A 社区 or 村 with its 12-digit statistical code; may be abolished, never deleted."""

    code: str
    name: str

    @property
    def street(self) -> str:
        return self.code[:9]


@lru_cache(maxsize=4096)
def place_key(place: str) -> str:
    """Returns one key for different spellings of a place: `３号楼 二单元`, `3#楼2单元`, `三栋-2单元`.

    It applies NFKC and ignores case. White space and punctuation are removed, or become a hyphen between two digits
    (3-201 is not 32-01). 号楼 and 栋 become 幢; Chinese numerals up to 99 become digits. At most KEY_LENGTH characters.
    """
    key = _HASH.sub("幢", unicodedata.normalize("NFKC", place).casefold())
    key = _SEPARATORS.sub(lambda found: "-" if found[1] else "", key)
    key = _CHINESE_NUMBERS.sub(_numeral_to_digits, key.replace("号楼", "幢").replace("栋", "幢"))
    return (key or place)[:KEY_LENGTH]


def _numeral_to_digits(found: re.Match[str]) -> str:
    tens, ones, alone = found.groups()
    return _DIGITS[alone] if alone else _DIGITS[tens or "一"] + _DIGITS[ones]
