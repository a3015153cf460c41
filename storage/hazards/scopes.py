"""A Scope as a WHERE clause: who may see what is decided by the query itself, never after it."""

from typing import Any

from sqlalchemy import ColumnElement, String, Text, cast, func, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from inspections.accounts.policy import Scope
from storage.accounts.scopes import covers_communities
from storage.hazards.tables import hazards


def within(scope: Scope, community: ColumnElement[str] = hazards.c.community) -> ColumnElement[bool]:
    """Hazards that `scope` covers: the SQL twin of Scope.covers (a test holds them together)."""
    everything = covers_communities(scope.communities, community)
    if not scope.assigned:
        return everything
    return or_(everything, covers_communities(scope.assigned, community) & assigned_to(scope.username))


class RowByRow(FunctionElement[str]):
    """A column whose index SQLite must not take.

    For hazards of some communities, newest first, it would gather all there are and sort them, 170 ms of 100,000
    hazards, instead of walking the newest until there are enough: 1 ms. For 500 of known ids it would do the same.
    """

    type = String()
    inherit_cache = True


@compiles(RowByRow)
def _(element: FunctionElement[str], compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(RowByRow, "sqlite")
def _(element: FunctionElement[str], compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"  # sqlite.org/optoverview.html: a unary + disables it


def narrowed(scope: Scope) -> ColumnElement[bool]:
    """`within`, of hazards that are found by something else: their ids, their photos, the newest first."""
    return within(scope, RowByRow(hazards.c.community))


def assigned_to(username: str) -> ColumnElement[bool]:
    """Lead or assisting; the assisting ones are kept as a JSON list of names.

    By replacing, not by LIKE: SQLite's LIKE takes `Li` for `li`.
    """
    names = cast(hazards.c.assisting, Text)
    return (hazards.c.lead == username) | (func.replace(names, f'"{username}"', "") != names)
