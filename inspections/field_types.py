"""Annotated types for fields of request bodies: texts without control characters, digests, aware instants."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z", description="sha-256 of the bytes, in hex")]
AwareDatetime = Annotated[datetime, Meta(tz=True)]
_CONTROL_CHARACTERS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff"
_ONE_LINE = rf"\A(?=.*\S)[^\t\n\r{_CONTROL_CHARACTERS}]*\Z"
_MULTI_LINE = rf"(?s)\A(?=.*\S)[^{_CONTROL_CHARACTERS}]*\Z"
ShortText = Annotated[str, Meta(min_length=1, max_length=200, pattern=_ONE_LINE)]
LongText = Annotated[str, Meta(min_length=1, max_length=2000, pattern=_MULTI_LINE)]
Phone = Annotated[str, Meta(pattern=r"\A[0-9+() -]{3,30}\Z")]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
