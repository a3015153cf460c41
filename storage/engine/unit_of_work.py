"""Reads records and collects changes over one connection.

A write transaction collects the changes of a group of actions: inserts are buffered per table and written
together, at the latest when a query could miss them. A read by key looks into the buffer first. Any other query
flushes it before, or only the types of records that it names. Change hooks run once for the whole group.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Any, TypeVar, cast
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Connection, Select, bindparam, select, text
from sqlalchemy.sql import Executable
from uuid_utils.compat import uuid7

from inspections.change import Change
from storage.engine.definition import DatabaseDefinition
from storage.engine.reference import REFERENCE_SERIES, ReferenceData
from storage.engine.rows import RowAccess
from storage.engine.schema import Query
from storage.engine.tables import numbers

R = TypeVar("R", bound=Struct)
T = TypeVar("T")


class UnitOfWork:
    """The base of all repositories. `next_number`: a source of human numbers outside this transaction, if any."""

    def __init__(
        self,
        connection: Connection,
        contents: DatabaseDefinition,
        reference: ReferenceData,
        rows: RowAccess,
        next_number: Callable[[str], int] | None = None,
    ) -> None:
        self._connection = connection
        self._schema, self._change_hooks = contents.schema, contents.change_hooks
        self._reference = reference
        self._rows = rows
        self._next_number = next_number
        self._written_records: dict[tuple[type[Struct], tuple[Any, ...]], Struct] = {}
        self._inserts: dict[type[Struct], list[Struct]] = {}
        self._updates: list[tuple[Struct, Struct]] = []
        self._inserted: dict[type[Struct], list[Struct]] = {}
        self._updated: list[tuple[Struct, Struct]] = []
        self._numbers: dict[str, int] = {}
        self.reference_changed = False

    def get(self, kind: type[R], *key: Any) -> R | None:
        if (waiting := self._written_records.get((kind, key))) is not None:
            return cast("R", waiting)
        return self._rows.get(kind, key)

    def _select_for_update(self, kind: type[R], query: Select[Any], **parameters: Any) -> list[R]:
        return [kind(*row) for row in self.rows(self._rows.with_for_update(query), parameters)]

    def _claim_due_rows(self, kind: type[R], query: Select[Any], now: datetime, limit: int) -> list[R]:
        rows = self.fetch(self._rows.with_for_update(query, skip=True), {"now": now, "limit": limit})
        return [kind(*row) for row in rows]

    def select(self, kind: type[R], query: Select[Any]) -> list[R]:
        """Records of a query over all columns of their table."""
        self.flush()
        return self._rows.records(kind, query)

    def rows(self, query: Executable, parameters: dict[str, Any] | None = None) -> Sequence[Any]:
        self.flush()
        return self._connection.execute(query, parameters).all()

    def fetch(
        self, query: Query, parameters: Mapping[str, Any], reads: tuple[type[Struct], ...] = ()
    ) -> Sequence[Sequence[Any]]:
        """Executes a module-level query; a parameter that is a list is a tuple here.

        `reads`: the types of pending records that the query needs, if not all.
        """
        self.flush(*reads)
        return self._rows.fetch(query, parameters)

    def fetch_batch(
        self, query: Query, asked: Sequence[Mapping[str, Any]], reads: tuple[type[Struct], ...] = ()
    ) -> list[Sequence[Sequence[Any]]]:
        """Like `fetch`, for each of the parameters; answers in their order."""
        self.flush(*reads)
        return self._rows.fetch_batch(query, asked)

    def fetch_records(
        self,
        make: Callable[..., T],
        query: Query,
        asked: Sequence[Mapping[str, Any]],
        reads: tuple[type[Struct], ...] = (),
    ) -> list[list[T]]:
        """Like `fetch_batch`, but with `make(*row)` for each row."""
        self.flush(*reads)
        return self._rows.fetch_records(make, query, asked)

    @property
    def dialect(self) -> str:
        return self._connection.dialect.name

    def execute(self, statement: Executable, parameters: dict[str, Any]) -> None:
        """Executes a statement that writes no record."""
        self.flush()
        self._connection.execute(statement, parameters)

    def stream(self, query: Executable, at_once: int = 500) -> Iterable[Any]:
        """Like `rows`, for results too large for memory: fetches `at_once` rows at a time."""
        self.flush()
        return self._connection.execute(query, execution_options={"yield_per": at_once})

    def new_id(self) -> UUID:
        return uuid7()

    def new_salt(self) -> str:
        return token_hex(16)

    def next_number(self, series: str) -> int:
        if self._next_number is not None:
            return self._next_number(series)
        if series not in self._numbers:
            found = self._rows.fetch(LAST_NUMBER, {"series": series})
            self._numbers[series] = found[0][0] if found else 0
        self._numbers[series] += 1
        return self._numbers[series]

    # writing ------------------------------------------------------------------------------------------------

    def write(self, change: Change[Any]) -> None:
        """Adds the change of an action; `flush` writes it, and deletions are executed at once."""
        for record in change.new:
            kind = type(record)
            self._written_records[kind, self._schema.primary_key(record)] = record
            self._inserts.setdefault(kind, []).append(record)
        for before, after in change.changed:
            self._written_records[type(after), self._schema.primary_key(after)] = after
            self._updates.append((before, after))
        if change.removed:
            self.flush()
        for record in change.removed:
            self._rows.remove(record)
            self._written_records.pop((type(record), self._schema.primary_key(record)), None)
        touched = (*change.new, *(after for _, after in change.changed), *change.removed)
        self.reference_changed |= any(type(record) in self._schema.reference_kinds for record in touched)

    def flush(self, *kinds: type[Struct]) -> None:
        """Writes pending records: those of these types and of the types they refer to, or else all of them.

        When all are written, the change hooks run with everything that was written since they last ran.
        """
        if kinds:
            pending = {*self._inserts, *(type(after) for _, after in self._updates)}
            if named := tuple(kind for kind in kinds if kind in pending):
                with self._rows.batch():
                    self._write_changes(self._schema.with_parents(named))
        elif self._inserts or self._updates or self._inserted or self._updated:
            with self._rows.batch():
                self._write_all_changes()

    def _write_all_changes(self) -> None:
        self._write_changes(None)
        inserted, self._inserted = self._inserted, {}
        updated, self._updated = self._updated, []
        for run_hook in self._change_hooks:
            run_hook(self._rows, inserted, updated, self._reference)

    def _write_changes(self, due: frozenset[type[Struct]] | None) -> None:
        inserts = [kind for kind in self._inserts if due is None or kind in due]
        for kind in sorted(inserts, key=self._schema.place_of.__getitem__):
            records = self._inserts.pop(kind)
            self._rows.insert(records)
            self._inserted.setdefault(kind, []).extend(records)
        updates = [each for each in self._updates if due is None or type(each[1]) in due]
        if updates:
            self._updates = [each for each in self._updates if not (due is None or type(each[1]) in due)]
            self._updated += updates
            self._rows.replace(updates)

    def finish(self) -> None:
        """Flushes all changes and saves the last number of each series; called once before the commit."""
        self.flush()
        if self.reference_changed:
            self._rows.execute(_COUNT_REFERENCE_CHANGE, [{"series": REFERENCE_SERIES}])
        if self._numbers:
            self._rows.execute(_SET_LAST_NUMBER, [{"series": each, "last": to} for each, to in self._numbers.items()])


_COUNT_REFERENCE_CHANGE = text(
    "insert into numbers (series, last) values (:series, 1) on conflict (series) do update set last = numbers.last + 1"
)
LAST_NUMBER = select(numbers.c.last).where(numbers.c.series == bindparam("series"))
_SET_LAST_NUMBER = text(
    "insert into numbers (series, last) values (:series, :last) on conflict (series) do update set last = excluded.last"
)
