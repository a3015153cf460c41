"""Annotated types for fields of request bodies: names and words without control characters, digests, aware instants."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta


class TextKind(StrEnum):
    """The kind of a text, which decides what happens to invisible characters in it (request_texts.py)."""

    NAME = "name"
    TEMPLATE = "template"
    LINE = "line"
    WORDS = "words"


Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z", description="sha-256 of the bytes, in hex")]
AwareDatetime = Annotated[datetime, Meta(tz=True)]
_CONTROL_CHARACTERS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff"
_ONE_LINE = rf"\A[^\S\t\n\r{_CONTROL_CHARACTERS}]*[^\s{_CONTROL_CHARACTERS}][^\t\n\r{_CONTROL_CHARACTERS}]*\Z"
_MULTI_LINE = rf"\A[^\S{_CONTROL_CHARACTERS}]*[^\s{_CONTROL_CHARACTERS}][^{_CONTROL_CHARACTERS}]*\Z"
"""White space, a character that is none, and anything: without lookahead, which generators of examples cannot use."""
_LINE = Annotated[str, Meta(min_length=1, max_length=200, pattern=_ONE_LINE)]
_TEXT = Annotated[str, Meta(min_length=1, max_length=2000, pattern=_MULTI_LINE)]
Name = Annotated[_LINE, Meta(extra={"text": TextKind.NAME})]
"""A name, or a code that is looked up."""
ShortText = Annotated[_LINE, Meta(extra={"text": TextKind.LINE})]
"""Free words on one line."""
LongText = Annotated[_TEXT, Meta(extra={"text": TextKind.WORDS})]
"""Free words."""
TemplateLine = Annotated[_LINE, Meta(extra={"text": TextKind.TEMPLATE})]
TemplateText = Annotated[_TEXT, Meta(extra={"text": TextKind.TEMPLATE})]
"""A text with fields to fill in, which everybody gets."""
DeviceName = Annotated[str, Meta(max_length=200)]
"""The name of a device at sign-in. It decides nothing, so nothing in it is refused (sign_in.py cleans it)."""
Phone = Annotated[str, Meta(pattern=r"\A[0-9+() -]{3,30}\Z")]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
