"""Parses the office's old spreadsheet (旧台账): what each of its lines says, and what is wrong with it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inspections.calendar import YEARS, shanghai_date
from inspections.errors import InvalidInput
from inspections.field_types import LongText, Name, Phone, Quantity, ShortText
from inspections.hazards.records import OPEN_STATES, Outcome, State
from inspections.ledger.cells import (
    MergedCell,
    UnsavedFormula,
    as_text,
    cell_name,
    cell_value,
    find_conversion,
    is_number,
    read_moment,
)
from inspections.ledger.choices import OUTCOME_WORDS, SEVERITY_WORDS, STATE_WORDS, NameIndex
from inspections.ledger.columns import (
    MEASURES,
    NO_OWN_TITLES,
    REQUIRED_FIELDS,
    TITLES,
    OwnTitles,
    SheetColumn,
    assign_columns,
    has_no_field,
)
from inspections.office.categories import Severity
from inspections.request_texts import INVISIBLE_WORDS, check_texts
from inspections.table_import import MAX_LISTED_ERRORS, LineError
from inspections.text import clean_text, has_invisible, name_key

MAX_LINES = 10_000
"""The most lines of a file, which are all stored in one transaction."""

_QUOTED_CHARACTERS = 50
"""The most characters of a cell that a message quotes."""
_NAMESPACE = UUID("0d9b3c54-5f0e-4c1c-9a51-6c1f7a4e2b90")


class OldLine(Struct, frozen=True):
    """A line of the old spreadsheet. Instants are UTC; `party` is 责任主体; `other`: columns without a field, by title.

    `due_at`: the end (24:00) of its day where only a day is given. An open hazard has no `outcome` and no `closed_at`.
    """

    id: UUID
    number: Name | None
    community: str
    category: str
    severity: Severity
    description: LongText
    place: ShortText
    quantity: int
    quantity_done: int
    party: Name | None
    phone: str | None
    state: State
    outcome: Outcome | None
    method: ShortText | None
    found_at: datetime
    reported_at: datetime
    accepted_at: datetime | None
    due_at: datetime | None
    submitted_at: datetime | None
    closed_at: datetime | None
    rechecker: Name | None
    other: dict[str, str]


class LedgerSheet(NamedTuple):
    """A table of a spreadsheet: its titles, and the lines of cells below them, each with its position.

    The first cell is that of column A. Cells are values, or a MergedCell or UnsavedFormula (cells.py).
    """

    titles: list[str]
    lines: list[tuple[str, list[Any]]]


class ParsedLedger(Struct, frozen=True):
    """The parsed lines of a spreadsheet. `count`: all its lines; `aside`: titles of columns without a field.

    `wrong`: the number of errors, of which `errors` has the first ones. `notes`: how cells were read, where a person
    may have meant it otherwise.
    """

    count: int
    lines: list[tuple[str, OldLine]]
    errors: list[LineError]
    wrong: int
    aside: list[str]
    notes: list[str] = []


def parse_ledger(
    sheets: Sequence[LedgerSheet], names: NameIndex, now: datetime, own: OwnTitles = NO_OWN_TITLES
) -> ParsedLedger:
    """Parses all lines, with all errors. `own`: the office's titles of columns.

    Raises InvalidInput without a row of titles, for missing columns, and for too many lines.
    """
    if not sheets:
        raise InvalidInput(("file", f"找不到表头，须有列：{'、'.join(TITLES[field][0] for field in REQUIRED_FIELDS)}"))
    count = sum(len(sheet.lines) for sheet in sheets)
    if count > MAX_LINES:
        raise InvalidInput(("file", f"一次最多导入 {MAX_LINES} 行，请分成几个文件"))
    lines: list[tuple[str, OldLine]] = []
    errors: list[LineError] = []
    notes: list[str] = []
    aside: dict[str, None] = {}
    for titles, cells_of in sheets:
        columns = assign_columns(titles, own)
        aside |= dict.fromkeys(each.title for each in columns if each.is_aside)
        for where, cells in cells_of:
            reading = _LineParser(where, columns, cells, now)
            if line := reading.parse(names):
                lines.append((where, line))
            errors += reading.errors
            notes += reading.notes
    errors += find_repeated_lines(lines)
    return ParsedLedger(count, lines, errors[:MAX_LISTED_ERRORS], len(errors), list(aside), notes[:MAX_LISTED_ERRORS])


class _LineParser:
    """Parses one line; `errors` collects what is wrong with it, `notes` how its merged cells were read."""

    def __init__(self, where: str, columns: Sequence[SheetColumn], cells: Sequence[Any], now: datetime) -> None:
        self._where, self._now = where, now
        self._columns: dict[str, tuple[int, str]] = {}
        self._cells: dict[str, Any] = {}
        self._other: dict[str, str] = {}
        self.errors: list[LineError] = []
        self.notes: list[str] = []
        for at, (column, cell) in enumerate(zip(columns, cells, strict=False)):
            value = self._read_cell(column, cell)
            if value in (None, ""):
                continue
            if column.field is not None:
                self._cells[column.field], self._columns[column.field] = value, (at, column.title)
            elif isinstance(value, UnsavedFormula):
                self.notes.append(f"{column.title} {cell_name(at, where)} 的公式没有保存结果，未导入")
            elif column.title:
                self._other[column.title] = as_text(value)

    def _read_cell(self, column: SheetColumn, cell: Any) -> Any:
        """The value of a cell for this line. Of a merged cell every line gets the words, but only one the numbers.

        Numbers are counted in the first line of the range; in the others a quantity is 0. So the quantities of all
        lines add up to what the sheet says.
        """
        value = cell_value(cell)
        value = value.strip() if isinstance(value, str) else value
        if not isinstance(cell, MergedCell) or value in (None, ""):
            return value
        if column.field not in MEASURES and not (column.field is None and is_number(value)):
            return value
        if cell.beside:
            return None
        if not cell.below:
            if cell.spans_lines and column.title:
                zero = "，其余各行数量为 0" if column.field else ""
                sheet = self._where.rpartition("!")[0]
                self.notes.append(f"{sheet and f'{sheet}!'}{column.title} {cell.span} 合并单元格，只计一次{zero}")
            return value
        return 0 if column.field else None

    def parse(self, names: NameIndex) -> OldLine | None:
        """The parsed line; None where it has errors."""
        found = self._parse_fields(names)
        if self.errors:
            return None
        return OldLine(id=self._line_id(found), **found)

    def _parse_fields(self, names: NameIndex) -> dict[str, Any]:
        names_of_days = ("reported_at", "found_at", "accepted_at", "submitted_at", "closed_at")
        noted = {"found_at"} if "reported_at" in self._cells else set[str]()  # in the future it is no error
        days = {field: self._parse_moment(field, past=field not in noted) for field in names_of_days}
        reported = days["reported_at"] or days["found_at"]
        if reported is None and "reported_at" not in self._cells and "found_at" not in self._cells:
            self._add_error("reported_at", "缺少此项")
        state = self._parse_choice("state", STATE_WORDS) or (
            State.CLOSED if days["closed_at"] or days["submitted_at"] else State.ACCEPTED
        )
        self._check_order(days)
        quantity = self._parse_count("quantity")
        quantity = 1 if quantity is None else quantity
        fields: dict[str, Any] = {
            "number": self._parse_text("number", ShortText),
            "community": self._parse_code("community", names.communities),
            "category": self._parse_code("category", names.categories),
            "severity": self._parse_choice("severity", SEVERITY_WORDS) or Severity.GENERAL,
            "description": self._parse_text("description", LongText, needed=True),
            "place": self._parse_text("place", ShortText, needed=True),
            "quantity": quantity,
            "party": self._parse_text("party", ShortText),
            "phone": self._parse_phone(),
            "method": self._parse_text("method", ShortText),
            "rechecker": self._parse_text("rechecker", ShortText),
            "reported_at": reported,
            "found_at": days["found_at"] or reported,
            "due_at": self._parse_moment("due_at", ends=True, past=False),
            "other": self._other,
        }
        return fields | self._progress_fields(state, quantity, days)

    def _progress_fields(self, state: State, quantity: int, days: Mapping[str, datetime | None]) -> dict[str, Any]:
        """The fields that follow from the state. Hazards that are not closed are imported as accepted."""
        if state is State.DUPLICATE:
            self._add_error("state", "并入其他隐患的重复件不能导入，请删去该行")
        ended = days["closed_at"] or days["submitted_at"]
        if state is State.CLOSED and ended is None:
            self._add_error("closed_at", "已销号的须填复查时间或整改时间")
        outcome = (self._parse_choice("outcome", OUTCOME_WORDS) or Outcome.FIXED) if state is State.CLOSED else None
        done = self._parse_count("quantity_done")
        if done is None:
            done = quantity if outcome is Outcome.FIXED else 0
        elif done > quantity:
            self._add_error("quantity_done", "已整改数量不能超过隐患数量")
        kept = state not in {State.REJECTED, State.CANCELLED}
        reported = days["reported_at"] or days["found_at"]
        return {
            "state": State.ACCEPTED if state in OPEN_STATES else state,
            "outcome": outcome,
            "quantity_done": done,
            "accepted_at": (days["accepted_at"] or reported) if kept else None,
            "submitted_at": days["submitted_at"] if kept else None,
            "closed_at": None if state in OPEN_STATES else ended or reported,
        }

    def _check_order(self, days: Mapping[str, datetime | None]) -> None:
        """Compares days, not times: a ledger seldom says what came first within a day."""
        known = [(field, shanghai_date(moment)) for field, moment in days.items() if moment and field != "found_at"]
        for (_, before), (field, after) in pairwise(known):
            if after < before:
                self._add_error(field, "早于前一环节的日期")

    # cells ------------------------------------------------------------------------------------------------------

    def _add_error(self, field: str, words: str) -> None:
        _, title = self._columns.get(field, (0, TITLES[field][0]))
        self.errors.append(LineError(self._where, title, words))

    def _check_conversion(self, field: str) -> bool:
        """Adds an error where the cell does not hold what somebody wrote into it; tells whether it has none."""
        value, (at, _) = self._cells[field], self._columns[field]
        name = cell_name(at, self._where)
        if isinstance(value, UnsavedFormula):
            self._add_error(field, f"单元格 {name} 的公式没有保存结果，请在表格程序中打开该文件，保存后再导入")
        elif made := find_conversion(value):
            self._add_error(field, f"单元格 {name} {made}，请在表格中把该列设为文本，再重新填写")
        else:
            return True
        return False

    def _parse_text(self, field: str, kind: Any, *, needed: bool = False) -> str | None:
        if field not in self._cells:
            if needed:
                self._add_error(field, "缺少此项")
            return None
        if not self._check_conversion(field):
            return None
        text = as_text(self._cells[field])
        if kind is ShortText:
            text = " ".join(text.split())
        try:
            return msgspec.convert(text, kind)
        except msgspec.ValidationError:
            self._add_error(field, "过长，或含有不允许的字符")
            return None

    def _parse_code(self, field: str, codes: Mapping[str, str]) -> str | None:
        text = name_key(self._parse_text(field, ShortText, needed=True) or "")
        if text and text not in codes:
            self._add_unknown(field, text, f"没有“{text}”，请用系统中的名称或代码")
        return codes.get(text)

    def _parse_choice(self, field: str, words: Mapping[str, Any]) -> Any:
        text = self._parse_text(field, ShortText)
        if text is None:
            return None
        if text not in words:
            self._add_unknown(field, text, f"不认识“{text}”，可填：{'、'.join(words)}")
        return words.get(text)

    def _add_unknown(self, field: str, text: str, words: str) -> None:
        self._add_error(field, INVISIBLE_WORDS if has_invisible(text) else words)

    def _parse_count(self, field: str) -> int | None:
        """The quantity of a cell; 0 is one, for a line whose quantity is counted in another line."""
        if field not in self._cells or not self._check_conversion(field):
            return None
        value = self._cells[field]
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(number, str) and re.fullmatch(r"[0-9]{1,9}", number):
            number = int(number)
        try:
            return msgspec.convert(number, Quantity) if number != 0 else 0
        except msgspec.ValidationError:
            self._add_error(field, "不是 0 至 1000000 的整数")
            return None

    def _parse_phone(self) -> str | None:
        text = self._parse_text("phone", ShortText)
        try:
            return msgspec.convert(text, Phone | None)
        except msgspec.ValidationError:  # two numbers, or a name beside it: stored as text, not as a phone number
            self._other[self._columns["phone"][1]] = text or ""
            return None

    def _parse_moment(self, field: str, *, ends: bool = False, past: bool = True) -> datetime | None:
        """An instant from a Shanghai time. A day alone means its first instant, or its end with `ends`."""
        value = self._cells.get(field)
        if value is None:
            return None
        if isinstance(value, UnsavedFormula):
            self._check_conversion(field)
            return None
        found = read_moment(value, ends=ends)
        if found is None or found.year not in YEARS:
            self._add_error(
                field, f"“{as_text(value)[:_QUOTED_CHARACTERS]}”不是日期，如 2026-11-23 或 2026-11-23 09:30"
            )
            return None
        if past and found > self._now:
            self._add_error(field, "日期在今天之后")
        return found

    def _line_id(self, found: Mapping[str, Any]) -> UUID:
        """The same id for the same line, by its number, community and day, or by all that it says."""
        if found["number"]:
            day = shanghai_date(found["reported_at"])
            identity: Any = ["number", found["number"], found["community"], day]
        else:
            other = {title: text for title, text in self._other.items() if has_no_field(title)}
            identity = ["line", {**found, "other": other}]
        return uuid5(_NAMESPACE, _canonical(identity).decode())


_canonical = msgspec.json.Encoder(order="deterministic").encode


def clean_old_line(line: OldLine) -> tuple[OldLine, list[tuple[str, str]]]:
    """Cleans the words of a line, and returns the errors of its other texts. Its id stays that of the file's texts."""
    cleaned, errors = check_texts(line)
    other = {title: left for title, text in line.other.items() if (left := clean_text(text))}
    return replace(cleaned, other=other), errors


def find_repeated_lines(lines: Sequence[tuple[str, OldLine]]) -> Iterator[LineError]:
    """An error for every line that is the same hazard as an earlier line of the file."""
    first: dict[UUID, str] = {}
    for where, line in lines:
        if line.id in first:
            yield LineError(where, TITLES["number"][0], f"与第 {first[line.id]} 行重复")
        first.setdefault(line.id, where)
