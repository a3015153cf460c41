"""A hazard's history: every line of it is written here."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import asdict, replace

from inspections.hazards import Clocks, Entry, Hazard


def written(
    before: Hazard | None,
    hazard: Hazard,
    *,
    line: UUID,
    step: str,
    by: str,
    now: datetime,
    facts: dict[str, Any],
    acting_for: str | None = None,
) -> tuple[Hazard, Entry]:
    """The hazard one line further, and that line: what it is after `step`, who took it, and the facts that came.

    `before`: what it was; None where the line is its first.
    """
    after = replace(hazard, history_length=hazard.history_length + 1)
    clocks, at = _set(before, after), after.history_length
    return after, Entry(line, hazard.id, at, step, by, now, after.state, after.version, facts, clocks, acting_for)


def _set(before: Hazard | None, after: Hazard) -> Clocks:
    """The deadlines that are not what they were."""
    return Clocks(
        **{
            name: value
            for name in Clocks.__struct_fields__
            if (value := getattr(after, name)) != (getattr(before, name) if before else None)
        }
    )


def replayed(lines: Iterable[Entry]) -> Clocks:
    """The deadlines of a hazard as its history tells them, from the first line to the last of `lines`."""
    known: dict[str, Any] = {}
    for line in lines:
        known |= {name: value for name, value in asdict(line.clocks).items() if value is not UNSET}
    return Clocks(**known)
