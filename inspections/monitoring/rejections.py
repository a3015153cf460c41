"""Rejected device messages, counted by day, way and reason, each with its newest sample."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.calendar import shanghai_date

Way = Literal["http", "mqtt"]
_SAMPLE_LENGTH = 500


class RejectedMessage(NamedTuple):
    """A rejected message: the reason, the device it named, and its beginning."""

    reason: str
    device: str
    sample: str


class RejectionCount(Struct, frozen=True):
    """The rejected messages of a Shanghai day, way and reason. `device`, `sample`: of the newest one."""

    day: date
    way: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    device: str
    sample: str


def rejected_message(reason: str, device: str, payload: bytes | str) -> RejectedMessage:
    """Creates a RejectedMessage, cut and cleaned so that any database can store it."""
    text = payload[: 4 * _SAMPLE_LENGTH].decode(errors="replace") if isinstance(payload, bytes) else payload
    return RejectedMessage(reason, _storable_text(device, 64), _storable_text(text, _SAMPLE_LENGTH))


def _storable_text(text: str, most: int) -> str:
    return text[:most].encode(errors="replace").decode().replace("\0", "\ufffd")


def add_rejections(
    count: RejectionCount | None, way: Way, rejected: Sequence[RejectedMessage], now: datetime
) -> RejectionCount:
    """Adds rejected messages of one reason to their count, which starts at zero if there is none yet."""
    newest = rejected[-1]
    before = count or RejectionCount(shanghai_date(now), way, newest.reason, 0, now, now, "", "")
    return replace(before, count=before.count + len(rejected), last_at=now, device=newest.device, sample=newest.sample)
