"""The communities of a scope as a WHERE clause."""

from sqlalchemy import ColumnElement, false, or_, true

_COMMUNITY_DIGITS = 12


def covers_communities(prefixes: tuple[str, ...], column: ColumnElement[str]) -> ColumnElement[bool]:
    if "" in prefixes:
        return true()
    whole = [prefix for prefix in prefixes if len(prefix) == _COMMUNITY_DIGITS]
    parts = [prefix for prefix in prefixes if len(prefix) < _COMMUNITY_DIGITS]
    clauses = [column.startswith(prefix, autoescape=True) for prefix in parts]
    return or_(false(), *([column.in_(whole)] if whole else []), *clauses)
