"""Lets SQLAlchemy compile each statement once for a run, since every test opens engines; counts what is read."""

from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from storage.engine.rows import DriverRows

_compiled = LRUCache(5000)


def share_compiled_statements():
    """Gives all engines one cache of compiled statements, in which dialects of one kind are equal."""
    Engine._compiled_cache = property(lambda _: _compiled, lambda *_: None)
    DefaultDialect.__eq__ = lambda self, other: type(self) is type(other)
    DefaultDialect.__hash__ = lambda self: hash(type(self))


class ReadCounter:
    """Counts the statements that repositories read by, and the rows that they return."""

    def __init__(self, monkeypatch):
        self.statements = self.rows = 0
        fetch = DriverRows.fetch

        def counted(rows, query, parameters):
            found = fetch(rows, query, parameters)
            self.statements, self.rows = self.statements + 1, self.rows + len(found)
            return found

        monkeypatch.setattr(DriverRows, "fetch", counted)

    def measure(self, action):
        """Runs an action and returns its result with the numbers of statements and rows that it needed."""
        before = self.statements, self.rows
        answer = action()
        return answer, (self.statements - before[0], self.rows - before[1])
