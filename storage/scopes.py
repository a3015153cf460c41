"""A Scope as a WHERE clause: who may see what is decided by the query itself, never after it."""

from sqlalchemy import ColumnElement, Text, cast, false, func, or_, true

from inspections.policy import Scope
from storage.tables import hazards

_COMMUNITY_DIGITS = 12


def covers_communities(prefixes: tuple[str, ...], column: ColumnElement[str]) -> ColumnElement[bool]:
    if "" in prefixes:
        return true()
    whole = [prefix for prefix in prefixes if len(prefix) == _COMMUNITY_DIGITS]
    parts = [prefix for prefix in prefixes if len(prefix) < _COMMUNITY_DIGITS]
    clauses = [column.startswith(prefix, autoescape=True) for prefix in parts]
    return or_(false(), *([column.in_(whole)] if whole else []), *clauses)


def within(scope: Scope) -> ColumnElement[bool]:
    """Hazards that `scope` covers: the SQL twin of Scope.covers (a test holds them together)."""
    everything = covers_communities(scope.communities, hazards.c.community)
    if not scope.assigned:
        return everything
    return or_(everything, covers_communities(scope.assigned, hazards.c.community) & assigned_to(scope.username))


def assigned_to(username: str) -> ColumnElement[bool]:
    """Lead or assisting; the assisting ones are kept as a JSON list of names.

    By replacing, not by LIKE: SQLite's LIKE takes `Li` for `li`.
    """
    names = cast(hazards.c.assisting, Text)
    return (hazards.c.lead == username) | (func.replace(names, f'"{username}"', "") != names)
