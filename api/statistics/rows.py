"""Row structs of statistics: hundreds are built and encoded per response, for which dicts are slow."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct, defstruct

from inspections.statistics.metrics import COLUMN_TYPES

if TYPE_CHECKING:
    CommunityRow = CategoryRow = BriefingRow = Struct
else:
    _CASES = {"cases": str}
    CommunityRow = defstruct(
        "CommunityRow", ({"community": str, "name": str} | COLUMN_TYPES | _CASES).items(), frozen=True
    )
    CategoryRow = defstruct(
        "CategoryRow", ({"category": str, "name": str, "group": str} | COLUMN_TYPES | _CASES).items(), frozen=True
    )
    BriefingRow = defstruct("BriefingRow", ({"community": str, "name": str} | COLUMN_TYPES).items(), frozen=True)


def build_rows(kind: type[Struct], columns: Mapping[str, Sequence[Any]]) -> list[Struct]:
    """Rows of `columns`, which are in the order of the fields of `kind`; rows lack the fields of missing columns."""
    made = kind if len(columns) == len(kind.__struct_fields__) else _reduced_row_type(kind, tuple(columns))
    return [made(*values) for values in zip(*columns.values(), strict=True)]


@lru_cache(maxsize=64)
def _reduced_row_type(kind: type[Struct], names: tuple[str, ...]) -> type[Struct]:
    return defstruct(kind.__name__, names, frozen=True)
