"""The queries behind links for the responsible party, and behind counting who knocks."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select

from inspections.fix_links import FixLink
from storage.rows import Rows
from storage.tables import fix_links, tallies

_WITH_DIGEST = select(fix_links).where(fix_links.c.digest == bindparam("digest"))
_OF_HAZARD = select(fix_links).order_by(fix_links.c.at.desc(), fix_links.c.id)
OLD_TALLIES = (
    select(tallies).where(tallies.c.since < bindparam("now")).order_by(tallies.c.since).limit(bindparam("limit"))
)


def with_digest(rows: Rows, digest: str) -> FixLink | None:
    """What waits to be written has a token that nobody has heard yet."""
    return next((FixLink(*row) for row in rows.found(_WITH_DIGEST, {"digest": digest})), None)


def of_hazard(hazard_id: UUID) -> Select[Any]:
    return _OF_HAZARD.where(fix_links.c.hazard == hazard_id)
