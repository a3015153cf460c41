"""The queries for links of the responsible party."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select

from inspections.fix_links.links import FixLink
from storage.engine.rows import RowAccess
from storage.fix_links.tables import fix_links

_BY_DIGEST = select(fix_links).where(fix_links.c.digest == bindparam("digest"))
_OF_HAZARD = select(fix_links).order_by(fix_links.c.at.desc(), fix_links.c.id)


def find_by_digest(rows: RowAccess, digest: str) -> FixLink | None:
    """Finds a link by the digest of its token. Unwritten links are not searched, since nobody has their token yet."""
    return next((FixLink(*row) for row in rows.fetch(_BY_DIGEST, {"digest": digest})), None)


def fix_links_query(hazard_id: UUID) -> Select[Any]:
    return _OF_HAZARD.where(fix_links.c.hazard == hazard_id)
