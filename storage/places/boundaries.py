"""The outlines of communities, for maps."""

from sqlalchemy import select

from inspections.accounts.policy import Scope
from inspections.places.community_import import Boundary
from storage.accounts.scopes import covers_communities
from storage.engine.unit_of_work import UnitOfWork
from storage.places.tables import boundaries


def community_outlines(repository: UnitOfWork, reach: Scope) -> dict[str, Boundary]:
    """Returns the outlines within `reach` by community code; communities without one are left out."""
    within = covers_communities(reach.communities, boundaries.c.community)
    return {row[0]: Boundary(*row) for row in repository.rows(select(boundaries).where(within))}
