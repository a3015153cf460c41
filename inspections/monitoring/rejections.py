"""What devices sent and we did not take: counted by day, way and reason, with the newest sample of each."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from inspections.calendar import shanghai_date

Way = Literal["http", "mqtt"]
_SAMPLE = 500


class Refused(NamedTuple):
    """One message: why, whom it named, how it began."""

    reason: str
    device: str
    sample: str


class RefusedCount(Struct, frozen=True):
    """Of a Shanghai day. `device`, `sample`: whom the newest one named, and how it began."""

    day: date
    way: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    device: str
    sample: str


def refused(reason: str, device: str, payload: bytes | str) -> Refused:
    """What of it can be kept, in any database."""
    text = payload[: 4 * _SAMPLE].decode(errors="replace") if isinstance(payload, bytes) else payload
    return Refused(reason, _kept(device, 64), _kept(text, _SAMPLE))


def _kept(text: str, most: int) -> str:
    return text[:most].encode(errors="replace").decode().replace("\0", "\ufffd")


def counted_on(known: RefusedCount | None, way: Way, ones: Sequence[Refused], now: datetime) -> RefusedCount:
    """With these, of one reason, too."""
    newest = ones[-1]
    before = known or RefusedCount(shanghai_date(now), way, newest.reason, 0, now, now, "", "")
    return replace(before, count=before.count + len(ones), last_at=now, device=newest.device, sample=newest.sample)
