"""Column types: instants, JSON values of a known shape, names out of a fixed set.

`to_sqlite` makes what SQLite keeps of a value, `from_sqlite` the value of that, where it is not NULL, without a step
between: a page of a hundred hazards does it five thousand times.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, DateTime, Dialect, Integer, String, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from inspections.calendar import midnight

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def between(column: ColumnElement[datetime | None], first: date | None, last: date | None) -> ColumnElement[bool]:
    """Set, and on a Shanghai day from `first` to `last`, both included; None: no bound."""
    clause: ColumnElement[bool] = column.is_not(None)
    if first:
        clause &= column >= midnight(first)
    if last:
        clause &= column < midnight(last + timedelta(days=1))
    return clause


class Instant(TypeDecorator[datetime]):
    """An aware datetime. SQLite keeps microseconds since 1970 as an integer (it knows no zones), others timestamptz."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind = BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return self.to_sqlite(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return self.from_sqlite(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def to_sqlite(self, value: datetime) -> int:
        return (value - _EPOCH) // _MICROSECOND

    def from_sqlite(self, value: int) -> datetime:
        return _EPOCH + timedelta(0, 0, value)


class _Converted(TypeDecorator[Any]):
    """A value that both databases keep as the same other one."""

    to_sqlite: Callable[[Any], Any]
    from_sqlite: Callable[[Any], Any]

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  # as SQLAlchemy calls it
        return None if value is None else self.to_sqlite(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  # as above
        return None if value is None else self.from_sqlite(value)


class Bits64(_Converted):
    """Sixty-four bits without a sign, kept in the signed integer that databases have."""

    impl = BigInteger
    cache_ok = True

    def to_sqlite(self, value: int) -> int:
        return value - (value >> 63 << 64)

    def from_sqlite(self, value: int) -> int:
        return value & 0xFFFF_FFFF_FFFF_FFFF


class Json(_Converted):
    """A value of one type, kept as the JSON text that msgspec makes of it."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.shape = shape
        self.from_sqlite: Callable[[str], Any] = msgspec.json.Decoder(shape).decode

    def to_sqlite(self, value: Any) -> str:
        return msgspec.json.encode(value).decode()


class Name(_Converted):
    """A member of a StrEnum, kept as its value."""

    impl = String(32)
    cache_ok = True

    def __init__(self, names: type[StrEnum]) -> None:
        super().__init__()
        self.names = names
        self.from_sqlite: Callable[[str], StrEnum] = {member.value: member for member in names}.__getitem__

    def to_sqlite(self, value: StrEnum | str) -> str:
        return str(value)


class PresentTransaction(FunctionElement[int]):
    """The number of this transaction. Where one writes at a time, all are 0: what they number stands in order anyway.

    The `txid_` functions of PostgreSQL, not their newer twins: its relatives have these.
    """

    type = BigInteger()
    inherit_cache = True


class OldestOpenTransaction(FunctionElement[int]):
    """Whatever has a lower number in this database has ended, and this query sees it.

    A snapshot counts the whole cluster's transactions: those that run in another database will never write here. One
    that is known to nobody any more has ended since, and counts as ours.
    """

    type = BigInteger()
    inherit_cache = True


class PresentDay(FunctionElement[int]):
    """Days since 1970 by the database's own clock."""

    type = Integer()
    inherit_cache = True


class ShanghaiDay(FunctionElement[int]):
    """Days since 1970, cut at Shanghai's midnight, of an instant; eight hours east since 1991."""

    type = Integer()
    inherit_cache = True


class ShanghaiMinute(FunctionElement[int]):
    """Minutes since 1970 on Shanghai's clock, of an instant: as far as people write it.

    Eight hours ahead, whatever the year: on PostgreSQL `at time zone` and `extract` cost more than the rest of a line.
    """

    type = Integer()
    inherit_cache = True


@compiles(ShanghaiMinute, "sqlite")
def _minute(element: Any, compiler: Any, **words: Any) -> str:
    at = compiler.process(element.clauses, **words)
    return f"{at} / 60000000 + 480"


@compiles(ShanghaiMinute, "postgresql")
def _minute_there(element: Any, compiler: Any, **words: Any) -> str:
    at = compiler.process(element.clauses, **words)
    return f"floor(date_part('epoch', {at}) / 60)::integer + 480"


class JsonText(FunctionElement[str]):
    """A member of an object that is kept as JSON text; `JsonText(column, name)`."""

    type = String()
    inherit_cache = True


@compiles(JsonText, "sqlite")
def _extracted(element: Any, compiler: Any, **words: Any) -> str:
    column, name = (compiler.process(each, **words) for each in element.clauses)
    return f"json_extract({column}, '$.' || {name})"


@compiles(JsonText, "postgresql")
def _member(element: Any, compiler: Any, **words: Any) -> str:
    column, name = (compiler.process(each, **words) for each in element.clauses)
    return f"({column}::json ->> {name})"


class FirstOfMonth(FunctionElement[int]):
    """The first day of the month that a day lies in, both since 1970."""

    type = Integer()
    inherit_cache = True


@compiles(FirstOfMonth, "sqlite")
def _by_julian_day(element: Any, compiler: Any, **words: Any) -> str:
    day = compiler.process(element.clauses, **words)
    return f"cast(julianday(date(({day}) * 86400, 'unixepoch', 'start of month')) - 2440587.5 as integer)"


@compiles(FirstOfMonth, "postgresql")
def _by_truncation(element: Any, compiler: Any, **words: Any) -> str:
    day = compiler.process(element.clauses, **words)
    return f"(date_trunc('month', date '1970-01-01' + ({day}))::date - date '1970-01-01')"


class FirstOfQuarter(FunctionElement[int]):
    """The first day of the quarter of a year that a day lies in, both since 1970."""

    type = Integer()
    inherit_cache = True


@compiles(FirstOfQuarter, "sqlite")
def _by_months_back(element: Any, compiler: Any, **words: Any) -> str:
    day = f"({compiler.process(element.clauses, **words)}) * 86400"
    back = f"(strftime('%m', {day}, 'unixepoch') - 1) % 3"
    begins = f"date({day}, 'unixepoch', 'start of month', '-' || ({back}) || ' months')"
    return f"cast(julianday({begins}) - 2440587.5 as integer)"


@compiles(FirstOfQuarter, "postgresql")
def _by_truncation_to_quarters(element: Any, compiler: Any, **words: Any) -> str:
    day = compiler.process(element.clauses, **words)
    return f"(date_trunc('quarter', date '1970-01-01' + ({day}))::date - date '1970-01-01')"


@compiles(ShanghaiDay, "sqlite")
def _of_microseconds(element: Any, compiler: Any, **words: Any) -> str:
    return f"(({compiler.process(element.clauses, **words)} + 28800000000) / 86400000000)"


@compiles(ShanghaiDay, "postgresql")
def _of_timestamps(element: Any, compiler: Any, **words: Any) -> str:
    return f"floor((extract(epoch from {compiler.process(element.clauses, **words)}) + 28800) / 86400)::integer"


def _says(construct: type[FunctionElement[int]], **words: str) -> None:
    for dialect, said in words.items():

        def say(*_: Any, _said: str = said, **__: Any) -> str:
            return _said

        compiles(construct, dialect)(say)


_says(PresentTransaction, sqlite="0", postgresql="txid_current()")
_says(
    OldestOpenTransaction,
    sqlite="1",
    postgresql="case when txid_snapshot_xmin(txid_current_snapshot()) = txid_snapshot_xmax(txid_current_snapshot())"
    " then txid_snapshot_xmax(txid_current_snapshot())"  # nothing is open at all
    " else (select coalesce(min(open), txid_snapshot_xmax(txid_current_snapshot()))"
    " from txid_snapshot_xip(txid_current_snapshot()) as open where not exists (select 1 from pg_stat_activity"
    " where datname <> current_database() and backend_xid::text::bigint = open & 4294967295)) end",  # xid has 32 bits
)
_says(
    PresentDay,
    sqlite="(cast(strftime('%s', 'now') as integer) / 86400)",
    postgresql="floor(extract(epoch from now()) / 86400)",
)
