"""A policy scope as a WHERE clause, so that the query itself returns only visible hazards."""

from typing import Any

from sqlalchemy import ColumnElement, String, Text, cast, func, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from inspections.accounts.policy import Scope
from storage.accounts.scopes import covers_communities
from storage.hazards.tables import hazards


def scope_clause(scope: Scope, community: ColumnElement[str] = hazards.c.community) -> ColumnElement[bool]:
    """Selects hazards that `scope` covers, as Scope.covers does in Python (a test compares the two)."""
    everything = covers_communities(scope.communities, community)
    if not scope.assigned:
        return everything
    return or_(everything, covers_communities(scope.assigned, community) & assignee_clause(scope.username))


class UnindexedColumn(FunctionElement[str]):
    """A column whose index SQLite must not use.

    For the newest hazards of some communities SQLite would collect and sort all of them (170 ms for 100,000 hazards)
    instead of reading the newest until there are enough (1 ms). The same holds for 500 hazards with known ids.
    """

    type = String()
    inherit_cache = True


@compiles(UnindexedColumn)
def _(element: FunctionElement[str], compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(UnindexedColumn, "sqlite")
def _(element: FunctionElement[str], compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"  # sqlite.org/optoverview.html: a unary + disables it


def unindexed_scope_clause(scope: Scope) -> ColumnElement[bool]:
    """`scope_clause` for hazards that are found through another index: by id, by photo, or newest first."""
    return scope_clause(scope, UnindexedColumn(hazards.c.community))


def assignee_clause(username: str) -> ColumnElement[bool]:
    """Selects hazards whose lead or assisting handler is this person; assisting is stored as a JSON list of names.

    It uses REPLACE, not LIKE: SQLite's LIKE ignores case and would match `Li` with `li`.
    """
    names = cast(hazards.c.assisting, Text)
    return (hazards.c.lead == username) | (func.replace(names, f'"{username}"', "") != names)
