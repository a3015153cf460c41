"""Selects the fixes on the spot that need a re-check: suspicious ones and a random sample."""

import hashlib

from inspections.hazards.records import Hazard
from inspections.office.categories import Priority

RECHECK_SAMPLE_PERCENT = 10
"""Share of unsuspicious fixes on the spot that are selected for a re-check."""


def recheck_reasons(hazard: Hazard, *, photos_missing: bool) -> list[str]:
    """Returns why a fix on the spot needs a re-check: urgent, major, incomplete, photos missing, or in the sample.

    The sample depends on values that the server adds, so that nobody can choose an id that avoids it.
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
