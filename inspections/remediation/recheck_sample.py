"""Which fixes are re-checked on the spot: a sample of them, and those that something speaks against."""

import hashlib

from inspections.hazards.records import Hazard
from inspections.office.categories import Priority

RECHECK_SAMPLE_PERCENT = 10
"""Share of fixes on the spot that are drawn for a re-check although nothing speaks against them."""


def reasons_to_recheck(hazard: Hazard, *, photos_missing: bool) -> list[str]:
    """Why a fix on the spot does not close by itself: urgent and major always, a sample of the rest, any gap.

    The sample is drawn from facts that the server adds, so that nobody can pick an id that escapes it.
    """
    lot = hashlib.sha256(f"{hazard.id}{hazard.number}{hazard.reported_at.isoformat()}".encode()).digest()
    reasons = {
        "urgent": hazard.priority == Priority.URGENT,
        "major": hazard.major_proposed,
        "partial": hazard.quantity_claimed < hazard.quantity,
        "photos_missing": photos_missing,
        "sample": int.from_bytes(lot[:4], "big") % 100 < RECHECK_SAMPLE_PERCENT,
    }
    return [reason for reason, holds in reasons.items() if holds]
