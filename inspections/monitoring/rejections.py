"""Rejected device messages, counted by day, way and reason, each with its newest sample."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.calendar import shanghai_date

Way = Literal["http", "mqtt"]
_SAMPLE = 500


class Refused(NamedTuple):
    """A rejected message: the reason, the device it named, and its beginning."""

    reason: str
    device: str
    sample: str


class RefusedCount(Struct, frozen=True):
    """The rejected messages of a Shanghai day, way and reason. `device`, `sample`: of the newest one."""

    day: date
    way: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    device: str
    sample: str


def refused(reason: str, device: str, payload: bytes | str) -> Refused:
    """Creates a RejectedMessage, cut and cleaned so that any database can store it."""
    text = payload[: 4 * _SAMPLE].decode(errors="replace") if isinstance(payload, bytes) else payload
    return Refused(reason, _kept(device, 64), _kept(text, _SAMPLE))


def _kept(text: str, most: int) -> str:
    return text[:most].encode(errors="replace").decode().replace("\0", "\ufffd")


def counted_on(known: RefusedCount | None, way: Way, ones: Sequence[Refused], now: datetime) -> RefusedCount:
    """Adds rejected messages of one reason to their count, which starts at zero if there is none yet."""
    newest = ones[-1]
    before = known or RefusedCount(shanghai_date(now), way, newest.reason, 0, now, now, "", "")
    return replace(before, count=before.count + len(ones), last_at=now, device=newest.device, sample=newest.sample)
