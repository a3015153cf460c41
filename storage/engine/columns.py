"""Column types (instants, JSON values, enums) and SQL functions that compile for SQLite and PostgreSQL.

`to_sqlite` converts a value to its stored form and `from_sqlite` converts it back, except NULL. `rows` calls both
directly, without SQLAlchemy: a page of a hundred hazards needs five thousand conversions.
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


def within_days(column: ColumnElement[datetime | None], first: date | None, last: date | None) -> ColumnElement[bool]:
    """Matches rows whose instant falls on a Shanghai day from `first` to `last`, both included. None means no bound."""
    clause: ColumnElement[bool] = column.is_not(None)
    if first:
        clause &= column >= midnight(first)
    if last:
        clause &= column < midnight(last + timedelta(days=1))
    return clause


class Instant(TypeDecorator[datetime]):
    """An aware datetime: integer microseconds since 1970 on SQLite, which has no time zones; else timestamptz."""

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


class _ConvertedType(TypeDecorator[Any]):
    """Base of column types whose stored form is the same on both databases."""

    to_sqlite: Callable[[Any], Any]
    from_sqlite: Callable[[Any], Any]

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  # as SQLAlchemy calls it
        return None if value is None else self.to_sqlite(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  # as above
        return None if value is None else self.from_sqlite(value)


class Bits64(_ConvertedType):
    """An unsigned 64-bit integer, stored in the signed integer type that databases have."""

    impl = BigInteger
    cache_ok = True

    def to_sqlite(self, value: int) -> int:
        return value - (value >> 63 << 64)

    def from_sqlite(self, value: int) -> int:
        return value & 0xFFFF_FFFF_FFFF_FFFF


class Json(_ConvertedType):
    """A value of a given type, stored as JSON text by msgspec."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.shape = shape
        self.from_sqlite: Callable[[str], Any] = msgspec.json.Decoder(shape).decode

    def to_sqlite(self, value: Any) -> str:
        return msgspec.json.encode(value).decode()


class EnumValue(_ConvertedType):
    """A member of a StrEnum, stored as its string value."""

    impl = String(32)
    cache_ok = True

    def __init__(self, names: type[StrEnum]) -> None:
        super().__init__()
        self.names = names
        self.from_sqlite: Callable[[str], StrEnum] = {member.value: member for member in names}.__getitem__

    def to_sqlite(self, value: StrEnum | str) -> str:
        return str(value)


class CurrentTransactionId(FunctionElement[int]):
    """The id of the current transaction. Always 0 on SQLite, whose single writer keeps rows in commit order anyway.

    PostgreSQL's `txid_` functions are used instead of their newer variants, because compatible databases have these.
    """

    type = BigInteger()
    inherit_cache = True


class OldestOpenTransactionId(FunctionElement[int]):
    """The lowest transaction id still open in this database; all lower ones have ended and are visible to this query.

    A snapshot lists the transactions of the whole cluster. Those that run in another database are left out, since
    they never write here. One that `pg_stat_activity` no longer lists has just ended, and counts as open.
    """

    type = BigInteger()
    inherit_cache = True


class CurrentDay(FunctionElement[int]):
    """The current day by the database's own clock, in days since 1970."""

    type = Integer()
    inherit_cache = True


class ShanghaiDay(FunctionElement[int]):
    """The Shanghai day of an instant, in days since 1970. Shanghai is at UTC+8 without summer time since 1992."""

    type = Integer()
    inherit_cache = True


class ShanghaiMinute(FunctionElement[int]):
    """The Shanghai wall-clock minute of an instant, in minutes since 1970: the precision of an exported ledger.

    UTC+8 is added for any year: on PostgreSQL `at time zone` and `extract` cost more than the rest of an exported line.
    """

    type = Integer()
    inherit_cache = True


@compiles(ShanghaiMinute, "sqlite")
def _compile_minute_for_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    at = compiler.process(element.clauses, **words)
    return f"{at} / 60000000 + 480"


@compiles(ShanghaiMinute, "postgresql")
def _compile_minute_for_postgres(element: Any, compiler: Any, **words: Any) -> str:
    at = compiler.process(element.clauses, **words)
    return f"floor(date_part('epoch', {at}) / 60)::integer + 480"


class JsonMember(FunctionElement[str]):
    """Extracts a member of a JSON object that is stored as text: `JsonMember(column, name)`."""

    type = String()
    inherit_cache = True


@compiles(JsonMember, "sqlite")
def _compile_json_member_for_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    column, name = (compiler.process(each, **words) for each in element.clauses)
    return f"json_extract({column}, '$.' || {name})"


@compiles(JsonMember, "postgresql")
def _compile_json_member_for_postgres(element: Any, compiler: Any, **words: Any) -> str:
    column, name = (compiler.process(each, **words) for each in element.clauses)
    return f"({column}::json ->> {name})"


class FirstOfMonth(FunctionElement[int]):
    """The first day of the month of a given day; both are days since 1970."""

    type = Integer()
    inherit_cache = True


@compiles(FirstOfMonth, "sqlite")
def _compile_month_for_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    day = compiler.process(element.clauses, **words)
    return f"cast(julianday(date(({day}) * 86400, 'unixepoch', 'start of month')) - 2440587.5 as integer)"


@compiles(FirstOfMonth, "postgresql")
def _compile_month_for_postgres(element: Any, compiler: Any, **words: Any) -> str:
    day = compiler.process(element.clauses, **words)
    return f"(date_trunc('month', date '1970-01-01' + ({day}))::date - date '1970-01-01')"


class FirstOfQuarter(FunctionElement[int]):
    """The first day of the calendar quarter of a given day; both are days since 1970."""

    type = Integer()
    inherit_cache = True


@compiles(FirstOfQuarter, "sqlite")
def _compile_quarter_for_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    day = f"({compiler.process(element.clauses, **words)}) * 86400"
    back = f"(strftime('%m', {day}, 'unixepoch') - 1) % 3"
    begins = f"date({day}, 'unixepoch', 'start of month', '-' || ({back}) || ' months')"
    return f"cast(julianday({begins}) - 2440587.5 as integer)"


@compiles(FirstOfQuarter, "postgresql")
def _compile_quarter_for_postgres(element: Any, compiler: Any, **words: Any) -> str:
    day = compiler.process(element.clauses, **words)
    return f"(date_trunc('quarter', date '1970-01-01' + ({day}))::date - date '1970-01-01')"


@compiles(ShanghaiDay, "sqlite")
def _compile_day_for_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    return f"(({compiler.process(element.clauses, **words)} + 28800000000) / 86400000000)"


@compiles(ShanghaiDay, "postgresql")
def _compile_day_for_postgres(element: Any, compiler: Any, **words: Any) -> str:
    return f"floor((extract(epoch from {compiler.process(element.clauses, **words)}) + 28800) / 86400)::integer"


def _compile_as_constant(construct: type[FunctionElement[int]], **words: str) -> None:
    for dialect, said in words.items():

        def constant_sql(*_: Any, _said: str = said, **__: Any) -> str:
            return _said

        compiles(construct, dialect)(constant_sql)


_compile_as_constant(CurrentTransactionId, sqlite="0", postgresql="txid_current()")
_compile_as_constant(
    OldestOpenTransactionId,
    sqlite="1",
    postgresql="case when txid_snapshot_xmin(txid_current_snapshot()) = txid_snapshot_xmax(txid_current_snapshot())"
    " then txid_snapshot_xmax(txid_current_snapshot())"  # no transaction is open
    " else (select coalesce(min(open), txid_snapshot_xmax(txid_current_snapshot()))"
    " from txid_snapshot_xip(txid_current_snapshot()) as open where not exists (select 1 from pg_stat_activity"
    " where datname <> current_database() and backend_xid::text::bigint = open & 4294967295)) end",  # xid has 32 bits
)
_compile_as_constant(
    CurrentDay,
    sqlite="(cast(strftime('%s', 'now') as integer) / 86400)",
    postgresql="floor(extract(epoch from now()) / 86400)",
)
