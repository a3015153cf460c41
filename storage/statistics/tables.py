"""The tables of counters, of deltas that are not rolled up yet, and of briefings."""

from enum import IntEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Date, Index, Integer, SmallInteger, String, Table, Uuid

from inspections.hazards.measures import MEASURES
from storage.engine.columns import Instant, Json
from storage.engine.tables import CODE, metadata


class Grain(IntEnum):
    """The resolution of counters: all time, quarter, month or day; for everything, or by kind.

    A kind is a category, a severity and a source together. Counters are per community; those of OFFICE_DAYS are for all
    communities together, with an empty code. Every question finds a grain with few rows for it.
    """

    ALL, ALL_KINDS, MONTHS, MONTH_KINDS, DAYS, DAY_KINDS, QUARTER_KINDS, OFFICE_DAYS = range(8)

    @property
    def is_all_time(self) -> bool:
        return self in {Grain.ALL, Grain.ALL_KINDS}

    @property
    def has_kinds(self) -> bool:
        return self in {Grain.ALL_KINDS, Grain.QUARTER_KINDS, Grain.MONTH_KINDS, Grain.DAY_KINDS}


def _kind_columns() -> list[Column[str]]:
    """The columns of a kind; empty strings where the grain is not by kind."""
    return [Column(name, String(32), nullable=False) for name in ("category", "severity", "source")]


def _measure_columns() -> list[Column[int]]:
    kinds = {name: BigInteger if name.startswith("quantity") else Integer for name in MEASURES}
    return [Column(name, kind, nullable=False, server_default="0") for name, kind in kinds.items()]


counters = Table(
    "counters",
    metadata,
    Column("grain", SmallInteger, primary_key=True),
    Column("community", CODE, primary_key=True),
    Column("start", Integer, primary_key=True),  # its first day, in days since 1970; 0 for all time
    *(Column(column.name, column.type, primary_key=True) for column in _kind_columns()),
    *_measure_columns(),
    sqlite_with_rowid=False,
)

POSTGRES_ONLY_INDEX = "ix_counters_start"
Index(POSTGRES_ONLY_INDEX, *(counters.c[name] for name in ("grain", "start", "severity", "category"))).ddl_if(
    dialect="postgresql"
)
"""Serves a period of all communities on PostgreSQL; SQLite reads each community by the primary key."""

counter_deltas = Table(
    "counter_deltas",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("community", CODE, nullable=False),
    Column("day", Integer, nullable=False),
    *_kind_columns(),
    *_measure_columns(),
    sqlite_autoincrement=True,
)
Index("ix_counter_deltas_day", counter_deltas.c.day)
"""Steps only insert here, so that steps in the same community do not wait for each other."""


briefings = Table(
    "briefings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("made_at", Instant, nullable=False, index=True),
    Column("made_by", String(64), nullable=False),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("communities", Json(tuple[str, ...]), nullable=False),
    Column("content", Json(dict[str, Any]), nullable=False),
)
