"""The layout of the ledger: its columns in their order, as data that an administrator edits; import uses it as well."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from inspections.field_types import Name
from inspections.ledger.columns import FIELD_BY_TITLE, KEPT_TITLES, REQUIRED_FIELDS, TITLES, OwnTitles, normalize_title

LEDGER = "ledger"
"""The name of the only layout of an installation."""
MAX_COLUMNS = 60
COLUMN_TITLES: dict[str, str] = {field: titles[0] for field, titles in (TITLES | KEPT_TITLES).items()}
"""The title of each column unless the office gives it another."""


class LedgerColumn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A column of the ledger. `title`: the office's own title; needed without a `field`.

    A column without a field shows what an imported sheet had under that title.
    """

    field: Annotated[str, Meta(pattern=r"\A[a-z_]{1,32}\Z")] | None = None
    title: Name | None = None

    @property
    def shown_title(self) -> str:
        return self.title or COLUMN_TITLES[self.field or ""]


_DEFAULT_FIELDS = (
    *("number", "reported_at", "found_at", "source", "reporter", "inspector", "community", "place", "point"),
    *("category", "severity", "description", "quantity", "unit", "vehicle_standard", "party", "phone", "handler"),
    *("state", "outcome", "accepted_at", "acceptor", "due_at", "overdue", "extension", "supervision", "method"),
    *("quantity_done", "submitted_at", "closed_at", "rechecker", "recheck_note", "photos_before", "photos_after"),
    "remark",
)


class Layout(Struct, frozen=True):
    """The stored layout, with a version that grows with each edit and the last editor. `version` 0: the default."""

    name: str
    version: int
    columns: tuple[LedgerColumn, ...]
    edited_by: str | None
    edited_at: datetime | None


DEFAULT_LAYOUT = Layout(LEDGER, 0, tuple(map(LedgerColumn, _DEFAULT_FIELDS)), None, None)


class NewLayout(Struct, frozen=True, forbid_unknown_fields=True):
    """An edited layout; `version` is the one that the editor saw."""

    version: Annotated[int, Meta(ge=0, le=1_000_000)]
    columns: Annotated[tuple[LedgerColumn, ...], Meta(min_length=1, max_length=MAX_COLUMNS)]


def find_layout_errors(columns: tuple[LedgerColumn, ...]) -> list[tuple[str, str]]:
    """The errors of a layout: unknown fields, titles of other columns, repeated titles, and what an import needs."""
    errors: list[tuple[str, str]] = []
    seen: set[str] = set()
    for at, column in enumerate(columns):
        if column.field is not None and column.field not in COLUMN_TITLES:
            errors.append((f"columns[{at}].field", "没有这一列"))
            continue
        if column.field is None and column.title is None:
            errors.append((f"columns[{at}].title", "自定义列须有列名"))
            continue
        errors += [(f"columns[{at}].title", words) for words in _find_title_errors(column, seen)]
        seen |= {column.shown_title, column.field or ""}
    present = {column.field for column in columns}
    if "found_at" in present:
        present.add("reported_at")
    if lost := [COLUMN_TITLES[field] for field in REQUIRED_FIELDS if field not in present]:
        errors.append(("columns", f"缺少列：{'、'.join(lost)}，导出的台账将无法再导入"))
    return errors


def _find_title_errors(column: LedgerColumn, seen: set[str]) -> list[str]:
    title = column.shown_title
    if column.title is not None and normalize_title(title) != title:
        return ["列名不能有空格"]
    if title in seen or (column.field and column.field in seen):
        return [f"列“{title}”重复"]
    meant = FIELD_BY_TITLE.get(title) or _KEPT_FIELD_BY_TITLE.get(title)
    if column.title is not None and meant not in (None, column.field):
        return [f"“{title}”是另一列的名称"]
    return []


_KEPT_FIELD_BY_TITLE = {title: field for field, titles in KEPT_TITLES.items() for title in titles}


def own_titles(layout: Layout) -> OwnTitles:
    """The titles that the office gave to columns, by which the import finds them too."""
    own = {column.title: column.field for column in layout.columns if column.title and column.field}
    return OwnTitles(
        {title: field for title, field in own.items() if field in TITLES},
        {title: KEPT_TITLES[field][0] for title, field in own.items() if field in KEPT_TITLES},
    )
