"""Column types (instants, JSON values, enums) and SQL functions that compile for SQLite and PostgreSQL.

`to_sqlite` converts a value to its stored form and `from_sqlite` converts it back, except NULL. `rows` calls both
directly, without SQLAlchemy: a page of a hundred hazards needs five thousand conversions.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Dialect,
    Integer,
    String,
    Text,
    Uuid,
    bindparam,
    literal_column,
)
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from inspections.calendar import midnight

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SQLITE = SQLiteDialect_pysqlite()
_DOUBLE_PRECISION = 701
"""The object id of the type in PostgreSQL. SQLAlchemy asks for the type of a number before it chooses a converter."""


def within_days(column: ColumnElement[datetime | None], first: date | None, last: date | None) -> ColumnElement[bool]:
    """Matches rows whose instant falls on a Shanghai day from `first` to `last`, both included. None means no bound."""
    clause: ColumnElement[bool] = column.is_not(None)
    if first:
        clause &= column >= midnight(first)
    if last:
        clause &= column < midnight(last + timedelta(days=1))
    return clause


def any_value_clause(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Matches rows whose column has any of these values; one value is compared by `=`, as an index walk needs it."""
    return column == values[0] if len(values) == 1 else column.in_(values)


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


_parse_uuid = partial(msgspec.convert, type=UUID)
"""Parses 32 hex digits, in less than half the time of uuid.UUID."""


def result_converter(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """The function that converts a value of the driver to a Python value, if one is needed."""
    if dialect is SQLITE and isinstance(kind, Uuid):
        return _parse_uuid
    if dialect is SQLITE or isinstance(kind, _ConvertedType):
        converter: Callable[[Any], Any] | None = getattr(kind, "from_sqlite", None)
        if converter is not None:
            return converter
    return kind.dialect_impl(dialect).result_processor(dialect, _DOUBLE_PRECISION)


def bind_converter(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """The function that converts a Python value to a value for the driver, if one is needed."""
    if dialect is SQLITE or isinstance(kind, _ConvertedType):
        converter: Callable[[Any], Any] | None = getattr(kind, "to_sqlite", None)
        if converter is not None:
            return converter
    return kind.dialect_impl(dialect).bind_processor(dialect)


class ValueList(TypeDecorator[Any]):
    """A list of values of one column type: a JSON array of their stored forms on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item
        self._convert = bind_converter(item, SQLITE)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.item))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return self.to_sqlite(value) if dialect.name == "sqlite" else list(value)

    def to_sqlite(self, values: Iterable[Any]) -> str:
        stored = list(values) if self._convert is None else list(map(self._convert, values))
        return msgspec.json.encode(stored).decode()


class _IsInList(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002  # as SQLAlchemy calls it
        return self  # not compared with 1, which would hide the column from SQLite's indexes


@compiles(_IsInList, "sqlite")
def _compile_list_for_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    column, values = (compiler.process(each, **words) for each in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608  # both are names that SQLAlchemy compiled


@compiles(_IsInList, "postgresql")
def _compile_list_for_postgres(element: Any, compiler: Any, **words: Any) -> str:
    column, values = (compiler.process(each, **words) for each in element.clauses)
    return f"({column} = ANY ({values}))"


def in_list(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Matches rows whose `column` is one of the values of the parameter `name`.

    The list is ONE parameter. SQLAlchemy's expanding lists make a new text for each length, which has to be compiled,
    prepared and planned anew.
    """
    return _IsInList(column, bindparam(name, type_=ValueList(column.type)))


class _IsInConstants(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002  # as SQLAlchemy calls it
        return self  # as above


@compiles(_IsInConstants, "sqlite")
def _compile_choice_for_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    column, *values = (compiler.process(each, **words) for each in element.clauses)
    return f"({' OR '.join(f'{column} = {value}' for value in values)})"


@compiles(_IsInConstants)
def _compile_choice(element: Any, compiler: Any, **words: Any) -> str:
    column, *values = (compiler.process(each, **words) for each in element.clauses)
    return f"({column} IN ({', '.join(values)}))"


def in_constants(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Matches rows whose `column` is one of these constants, which become part of the statement.

    Indexes with a condition need constants. SQLite fills a temporary table with an IN list of more than two whenever it
    runs the statement, and for such an index at every INSERT; comparisons joined by OR need none.
    """
    return _IsInConstants(column, *(literal_column(f"'{value}'", String) for value in sorted(values)))


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
    for dialect, sql in words.items():

        def constant_sql(*_: Any, _sql: str = sql, **__: Any) -> str:
            return _sql

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
