"""Settles what a phone says that cannot be so: a time that the server's clock refutes, and a point at 0° N, 0° E.

Neither decides anything, so neither costs a report or a step (product.md: a phone's clock is evidence). The facts of
the history keep what was sent beside what is kept, and a repeated request is compared with what was sent.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inspections.calendar import YEARS
from inspections.places.coordinates import is_null_point

AHEAD_TOLERANCE = timedelta(minutes=5)
"""A phone's clock may be that much ahead of the server's."""
FAR_BEHIND = timedelta(days=366)
"""A report may be sent late, but after more than a year its clock was more likely wrong."""

_SENT, _DIFFERENCE = "_sent", "_difference_s"
_TIMES, _POINT = ("found_at", "made_at"), "point"


class PhoneFacts(NamedTuple):
    """A request as it is kept, and the facts that say what was sent instead."""

    body: Any
    notes: dict[str, Any]


class SettledTime(NamedTuple):
    """A phone's time as it is kept. `difference_s`: the sent time minus the server's, where that is worth a note."""

    kept: datetime
    difference_s: int | None


def settle_time(sent: datetime, now: datetime) -> SettledTime:
    """Keeps a phone's time, or the server's in place of one that is ahead of it or that no clock can have.

    A time in the past is kept, since a report may be sent late; what is far behind is noted.
    """
    apart = sent - now
    if apart > AHEAD_TOLERANCE or sent.year not in YEARS:
        return SettledTime(now, round(apart.total_seconds()))
    return SettledTime(sent, round(apart.total_seconds()) if apart < -FAR_BEHIND else None)


def settle_phone_facts(body: Struct, now: datetime) -> PhoneFacts:
    """Returns a report or step with times and point as they are kept, and the facts that note what was sent."""
    changed: dict[str, Any] = {}
    notes: dict[str, Any] = {}
    for field in _TIMES:
        sent: datetime | None = getattr(body, field, None)
        if sent is None:
            continue
        kept, difference = settle_time(sent, now)
        if difference is not None:
            notes[field + _DIFFERENCE] = difference
        if kept != sent:
            changed[field] = kept
            notes[field + _SENT] = msgspec.to_builtins(sent)
    point = getattr(body, _POINT, None)
    if point is not None and is_null_point(point):
        changed[_POINT] = None
        notes[_POINT + _SENT] = msgspec.to_builtins(point)
    return PhoneFacts(replace(body, **changed) if changed else body, notes)


def sent_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Returns the facts of a history line as the phone sent them, to compare a repeated request with them."""
    sent = {name: value for name, value in facts.items() if not name.endswith((_SENT, _DIFFERENCE))}
    return sent | {name: facts[name + _SENT] for name in (*_TIMES, _POINT) if name + _SENT in facts}
