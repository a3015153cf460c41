"""Lets SQLAlchemy compile each statement once for a run instead of once for each engine; every test opens engines."""

from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

_compiled = LRUCache(5000)


def share_compiled_statements():
    """Gives all engines one cache of compiled statements, in which dialects of one kind are equal."""
    Engine._compiled_cache = property(lambda _: _compiled, lambda *_: None)
    DefaultDialect.__eq__ = lambda self, other: type(self) is type(other)
    DefaultDialect.__hash__ = lambda self: hash(type(self))
