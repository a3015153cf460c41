"""Appends what a change adds to the counters, in the transaction of the change."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import insert

from inspections.hazards.measures import MEASURES, measure_differences
from inspections.hazards.records import Hazard
from inspections.office.categories import Category
from storage.engine.reference import ReferenceData
from storage.engine.rows import RowAccess
from storage.statistics.tables import counter_deltas


def append_count_deltas(
    rows: RowAccess,
    inserts: Mapping[type[Struct], Sequence[Any]],
    updates: Iterable[tuple[Struct, Struct]],
    reference: ReferenceData,
) -> None:
    """Appends the count differences of inserted hazards and of updated ones (before, after)."""
    moves: list[tuple[Hazard | None, Hazard]] = [(None, hazard) for hazard in inserts.get(Hazard, ())]
    moves += [(before, after) for before, after in updates if isinstance(before, Hazard) and isinstance(after, Hazard)]
    if not moves:
        return
    changed, categories = measure_differences(moves), reference.records_by_key(Category)
    deltas = [
        {**_NOTHING, **cell._asdict(), **counts}
        for cell, counts in changed.items()
        if not categories[cell.category].from_device
    ]
    if deltas:
        rows.execute(_APPEND, deltas)


_NOTHING = dict.fromkeys(MEASURES, 0)
_APPEND = insert(counter_deltas).inline()
