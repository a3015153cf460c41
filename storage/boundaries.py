"""Where the communities end, for maps."""

from sqlalchemy import select

from inspections.gazetteer import Outline
from inspections.policy import Scope
from storage.office_tables import boundaries
from storage.register import Register
from storage.scopes import covers_communities


def outlines(register: Register, reach: Scope) -> dict[str, Outline]:
    """By the code of the community; those that have none are not there."""
    within = covers_communities(reach.communities, boundaries.c.community)
    return dict(map(tuple, register.rows(select(boundaries).where(within))))
