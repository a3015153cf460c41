"""A Scope as a WHERE clause: who may see what is decided by the query itself, never after it."""

from typing import Any

from sqlalchemy import ColumnElement, String, Text, cast, false, func, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

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


def within(scope: Scope, community: ColumnElement[str] = hazards.c.community) -> ColumnElement[bool]:
    """Hazards that `scope` covers: the SQL twin of Scope.covers (a test holds them together)."""
    everything = covers_communities(scope.communities, community)
    if not scope.assigned:
        return everything
    return or_(everything, covers_communities(scope.assigned, community) & assigned_to(scope.username))


class row_by_row(FunctionElement[str]):  # noqa: N801  # reads as the function it is in a query
    """A column whose index SQLite must not take.

    For hazards of some communities, newest first, it would gather all there are and sort them, 170 ms of 100,000
    hazards, instead of walking the newest until there are enough: 1 ms. For 500 of known ids it would do the same.
    """

    type = String()
    inherit_cache = True


@compiles(row_by_row)
def _(element: FunctionElement[str], compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(row_by_row, "sqlite")
def _(element: FunctionElement[str], compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"  # sqlite.org/optoverview.html: a unary + disables it


def narrowed(scope: Scope) -> ColumnElement[bool]:
    """`within`, of hazards that are found by something else: their ids, their photos, the newest first."""
    return within(scope, row_by_row(hazards.c.community))


def assigned_to(username: str) -> ColumnElement[bool]:
    """Lead or assisting; the assisting ones are kept as a JSON list of names.

    By replacing, not by LIKE: SQLite's LIKE takes `Li` for `li`.
    """
    names = cast(hazards.c.assisting, Text)
    return (hazards.c.lead == username) | (func.replace(names, f'"{username}"', "") != names)
