"""The tables of what is counted: sums by grain, and what is not in them yet; what was said of it, who takes it away."""

from enum import IntEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Date, Index, Integer, SmallInteger, String, Table, Uuid

from inspections.hazards.measures import MEASURES
from storage.engine.columns import Instant, Json
from storage.engine.tables import CODE, metadata


class Grain(IntEnum):
    """How finely sums are kept: for all time, by quarter, month or day; of everything, or by kind.

    A kind is a category, a severity and a source together. Sums are of a community; OFFICE_DAYS of all of them, whose
    code is then empty. Whatever is asked, some grain has few rows for it.
    """

    ALL, ALL_KINDS, MONTHS, MONTH_KINDS, DAYS, DAY_KINDS, QUARTER_KINDS, OFFICE_DAYS = range(8)

    @property
    def of_all_time(self) -> bool:
        return self in {Grain.ALL, Grain.ALL_KINDS}

    @property
    def by_kind(self) -> bool:
        return self in {Grain.ALL_KINDS, Grain.QUARTER_KINDS, Grain.MONTH_KINDS, Grain.DAY_KINDS}


def _kind() -> list[Column[str]]:
    """Empty where the grain is not by kind."""
    return [Column(name, String(32), nullable=False) for name in ("category", "severity", "source")]


def _measures() -> list[Column[int]]:
    kinds = {name: BigInteger if name.startswith("quantity") else Integer for name in MEASURES}
    return [Column(name, kind, nullable=False, server_default="0") for name, kind in kinds.items()]


counters = Table(
    "counters",
    metadata,
    Column("grain", SmallInteger, primary_key=True),
    Column("community", CODE, primary_key=True),
    Column("start", Integer, primary_key=True),  # its first day, since 1970; 0 for all time
    *(Column(column.name, column.type, primary_key=True) for column in _kind()),
    *_measures(),
    sqlite_with_rowid=False,
)

POSTGRES_ALONE = "ix_counters_start"
Index(POSTGRES_ALONE, *(counters.c[name] for name in ("grain", "start", "severity", "category"))).ddl_if(
    dialect="postgresql"
)
"""A period of all communities; SQLite goes from one community to the next by the key, which has the rows themselves."""

counter_deltas = Table(
    "counter_deltas",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("community", CODE, nullable=False),
    Column("day", Integer, nullable=False),
    *_kind(),
    *_measures(),
    sqlite_autoincrement=True,
)
Index("ix_counter_deltas_day", counter_deltas.c.day)
"""Whoever takes a step only adds here, and waits for nobody who takes another in the same community."""


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
