"""The rows of the ledger (电子台账): one per hazard, newest first, in the columns of the office's layout."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, func, literal, null, or_, select

from inspections.ledger.columns import kept_text
from inspections.ledger.layout import DEFAULT_LAYOUT, LEDGER, LedgerColumn
from inspections.ledger.selection import Selection
from storage.accounts.tables import people
from storage.engine.columns import any_value_clause, within_days
from storage.hazards.measures import IS_NO_ALERT_CHECK
from storage.hazards.scopes import scope_clause, unindexed_scope_clause
from storage.hazards.tables import entries, hazards
from storage.ledger.row_columns import FACTS_FIRST, NOTHING, PERSON_FIELDS, PHOTO_FIELDS, RowColumn, row_columns
from storage.ledger.tables import layouts
from storage.office.tables import categories
from storage.places.tables import communities

_H = hazards.c
_AT_ONCE = 500
_NAMES = {"community": communities.c, "category": categories.c}


class LedgerRows(NamedTuple):
    """The titles of a ledger, the index of each photo column by its field, and its rows."""

    titles: list[str]
    photo_columns: dict[str, int]
    lines: Iterator[list[Any]]


def read_layout(connection: Connection) -> tuple[LedgerColumn, ...]:
    """The columns of the office's ledger."""
    found = connection.execute(select(layouts.c.columns).where(layouts.c.name == LEDGER)).scalar_one_or_none()
    return found or DEFAULT_LAYOUT.columns


def read_ledger(
    connection: Connection, selection: Selection, layout: Sequence[LedgerColumn], now: datetime
) -> LedgerRows:
    """The rows in one statement, so of one snapshot. `connection` streams them as they are consumed."""
    titles = [column.shown_title for column in layout]
    photos = {column.field: at for at, column in enumerate(layout) if column.field in PHOTO_FIELDS}
    return LedgerRows(titles, photos, _read_lines(connection, selection, layout, now))


def _read_lines(
    connection: Connection, selection: Selection, layout: Sequence[LedgerColumn], now: datetime
) -> Iterator[list[Any]]:
    known = row_columns(now, selection.public_url)
    shown = [_find_column(each, known, connection) for each in layout]
    queried, where = _place_values(shown)
    query = _query(selection, queried)
    for facts, *values in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        other: Mapping[str, Any] = _kept_cells(facts)
        yield [column.cell([values[at] for at in places], other) for column, places in zip(shown, where, strict=True)]


def _kept_cells(facts: dict[str, Any] | None) -> Mapping[str, Any]:
    """The texts of an imported sheet without a field, by title, and the number and the re-checker that it named."""
    if facts is None:
        return {}
    named = {"原编号": facts.get("number"), "复查人": facts.get("rechecker")}
    return {**named, **(facts.get("other") or {})}


class _ShownColumn(NamedTuple):
    """A column as it is queried and shown. `keeps`: finds what an imported sheet said, which `first` prefers."""

    values: tuple[ColumnElement[Any], ...]
    personal: bool
    show: Callable[..., Any]
    keeps: Callable[[Mapping[str, Any]], str | None] | None
    first: bool

    def cell(self, values: Sequence[Any], other: Mapping[str, Any]) -> Any:
        kept = self.keeps(other) if self.keeps and other else None
        if kept and self.first:
            return kept
        found = self.show(*values)
        return kept if found in (None, "") and kept else found


def _find_column(column: LedgerColumn, known: Mapping[str, RowColumn], connection: Connection) -> _ShownColumn:
    field = column.field
    if field is None:
        return _ShownColumn(
            NOTHING.values, NOTHING.personal, NOTHING.show, _title_finder(column.shown_title), first=False
        )
    row = known[field]
    show = row.show
    if field in _NAMES:
        table = _NAMES[field]
        show = _lookup(dict(map(tuple, connection.execute(select(table.code, table.name)))))
    elif field in PERSON_FIELDS:
        show = _lookup(dict(map(tuple, connection.execute(select(people.c.username, people.c.name)))))
    keeps = _kept_finder(field) if row.kept else None
    return _ShownColumn(row.values, row.personal, show, keeps, field in FACTS_FIRST)


def _lookup(words: Mapping[Any, str]) -> Callable[[Any], str | None]:
    return lambda code: words.get(code, "")


def _kept_finder(field: str) -> Callable[[Mapping[str, Any]], str | None]:
    if field == "rechecker":
        return _title_finder("复查人")
    return lambda other: kept_text(other, field)


def _title_finder(title: str) -> Callable[[Mapping[str, Any]], str | None]:
    return lambda other: _nonempty_text(other.get(title))


def _nonempty_text(text: Any) -> str | None:
    return text if isinstance(text, str) and text else None


def count_lines(connection: Connection, selection: Selection) -> int:
    """The number of rows; of the same snapshot as the rows within one transaction."""
    return connection.execute(
        select(func.count()).select_from(hazards).where(*_selection_clauses(selection))
    ).scalar_one()


def _place_values(shown: Sequence[_ShownColumn]) -> tuple[dict[ColumnElement[Any], bool], list[list[int]]]:
    """The expressions to query, each once and with whether it is personal, and where each column finds its own."""
    queried: dict[ColumnElement[Any], bool] = {}
    for column in shown:
        for value in column.values:
            queried[value] = column.personal or queried.get(value, False)
    places = {value: at for at, value in enumerate(queried)}
    return queried, [[places[value] for value in column.values] for column in shown]


def _query(selection: Selection, queried: Mapping[ColumnElement[Any], bool]) -> Select[Any]:
    personal = scope_clause(selection.personal)
    columns = [case((personal, value), else_=None) if hidden else value for value, hidden in queried.items()]
    facts = case((personal & (_H.source == "ledger"), _import_facts()), else_=null())
    return select(facts, *columns).where(*_selection_clauses(selection)).order_by(_H.reported_at.desc(), _H.id.desc())


def _import_facts() -> ColumnElement[Any]:
    """The facts of the line of an old spreadsheet from which the hazard was imported: the first of its history."""
    first = (entries.c.hazard == _H.id) & (entries.c.seq == literal(1))
    return select(entries.c.facts).where(first, entries.c.step == "import").scalar_subquery()


def _selection_clauses(selection: Selection) -> list[ColumnElement[bool]]:
    chosen: list[tuple[ColumnElement[Any], tuple[Any, ...]]] = [
        (_H.community, selection.communities),
        (_H.severity, selection.severities),
        (_H.source, selection.sources),
    ]
    clauses = [unindexed_scope_clause(selection.see), within_days(_H.reported_at, selection.first, selection.last)]
    clauses.append(IS_NO_ALERT_CHECK)  # also one in a category that people report, as EB-02
    clauses += [any_value_clause(column, values) for column, values in chosen if values]
    if selection.categories is not None:
        clauses.append(_H.category.in_(selection.categories))
    if selection.streets:
        clauses.append(or_(*(_H.community.startswith(each, autoescape=True) for each in selection.streets)))
    return clauses
