"""A hazard's history: every line of it is written here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from inspections.hazards import Entry, Hazard


def written(
    hazard: Hazard,
    *,
    line: UUID,
    step: str,
    by: str,
    now: datetime,
    facts: dict[str, Any],
    acting_for: str | None = None,
) -> tuple[Hazard, Entry]:
    """The hazard one line further, and that line: what it is after `step`, who took it, and the facts that came."""
    after = replace(hazard, history_length=hazard.history_length + 1)
    return after, Entry(
        line, hazard.id, after.history_length, step, by, now, after.state, after.version, facts, acting_for
    )
