"""Rejected device messages, counted by day, way and reason, each with its newest sample."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.calendar import shanghai_date
from inspections.monitoring.message_fields import decode_payload, storable_text
from inspections.monitoring.vendors import ParsedMessage, UnreadableMessage, UnreadablePayload

Way = Literal["http", "mqtt"]
SAMPLE_LENGTH = 500


class RejectedMessage(NamedTuple):
    """A rejected message: the reason, the device it named, and its beginning.

    `says_alarm`: its device is known, and it says alarm although it cannot be read.
    """

    reason: str
    device: str
    sample: str
    says_alarm: bool = False


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


def rejected_message(reason: str, device: str, payload: bytes | str, *, says_alarm: bool = False) -> RejectedMessage:
    """Creates a RejectedMessage, cut and cleaned so that any database can store it."""
    text = decode_payload(payload) if isinstance(payload, bytes) else payload
    return RejectedMessage(reason, storable_text(device, 64), storable_text(text, SAMPLE_LENGTH), says_alarm)


def unreadable_payload(garbage: UnreadablePayload, device: str, payload: bytes) -> RejectedMessage:
    """Creates the RejectedMessage of a payload that a known device sent and that cannot be read at all."""
    return rejected_message(garbage.reason, device, payload, says_alarm=garbage.says_alarm)


def unreadable_messages(contents: Sequence[ParsedMessage], device: str, payload: bytes) -> list[RejectedMessage]:
    """Creates the RejectedMessages of those messages of a payload that cannot be read."""
    return [
        rejected_message(each.reason, device, payload, says_alarm=each.says_alarm)
        for each in contents
        if isinstance(each, UnreadableMessage)
    ]


def add_rejections(
    count: RejectionCount | None, way: Way, rejected: Sequence[RejectedMessage], now: datetime
) -> RejectionCount:
    """Adds rejected messages of one reason to their count, which starts at zero if there is none yet."""
    newest = rejected[-1]
    before = count or RejectionCount(shanghai_date(now), way, newest.reason, 0, now, now, "", "")
    return replace(before, count=before.count + len(rejected), last_at=now, device=newest.device, sample=newest.sample)
