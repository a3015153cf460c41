"""Parses the office's old spreadsheet (旧台账): which of its columns are known, and what each line says."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inspections.calendar import SHANGHAI, YEARS, midnight, shanghai_date, shanghai_instant
from inspections.errors import InvalidInput
from inspections.field_types import LongText, Name, Phone, Quantity, ShortText
from inspections.hazards.records import OPEN_STATES, Outcome, State
from inspections.notices.templates import OUTCOMES, SEVERITIES, STATES
from inspections.office.categories import Category, Severity
from inspections.places.communities import Community
from inspections.request_texts import INVISIBLE_WORDS, check_texts
from inspections.table_import import MAX_LISTED_ERRORS, LineError
from inspections.text import clean_text, has_invisible, name_key

MAX_LINES = 10_000
"""The most lines of a file, which are all stored in one transaction."""

TITLES: dict[str, tuple[str, ...]] = {
    "number": ("编号", "台账编号", "隐患编号"),
    "reported_at": ("上报时间", "上报日期", "登记时间", "登记日期", "检查时间", "检查日期", "排查日期", "日期"),
    "found_at": ("发现时间", "发现日期"),
    "community": ("社区", "村社区", "村（社区）", "所属社区", "社区名称", "网格社区"),
    "place": ("地点", "地址", "隐患地点", "具体位置", "位置", "检查地点"),
    "category": ("类别", "隐患类别", "隐患类型", "类型"),
    "severity": ("等级", "隐患等级", "隐患级别"),
    "description": ("隐患描述", "隐患内容", "存在问题", "问题描述", "主要问题", "描述"),
    "quantity": ("数量", "隐患数量"),
    "party": ("责任主体", "责任单位", "整改责任主体", "责任人", "整改责任人"),
    "phone": ("联系电话", "电话", "手机"),
    "state": ("状态", "整改情况", "是否整改", "办理状态"),
    "outcome": ("办结方式",),
    "accepted_at": ("受理时间", "受理日期"),
    "due_at": ("整改期限", "整改时限", "限期"),
    "method": ("整改措施", "措施"),
    "quantity_done": ("已整改数量", "整改数量"),
    "submitted_at": ("提交整改时间", "整改时间", "整改日期", "完成时间", "整改完成时间"),
    "closed_at": ("复查时间", "复查日期", "销号时间", "销号日期", "办结时间"),
    "rechecker": ("复查人", "复查人员", "验收人"),
}
"""The known columns, by the titles that offices give them; the first is that of our own ledger."""

_MIN_TITLES = 3
"""The number of REQUIRED_FIELDS that make a row of titles: two may stand in a heading by chance."""
REQUIRED_FIELDS = ("reported_at", "community", "place", "category", "description")
_IGNORED_TITLES = ("单位", "整改前照片", "整改后照片", "序号")
"""Columns of our own ledger that follow from others, and the number of a line within its sheet."""
_FIELD_BY_TITLE = {title: field for field, titles in TITLES.items() for title in titles}
_DAY = timedelta(days=1)
_QUOTED_CHARACTERS = 50
"""The most characters of a cell that a message quotes."""
_SPACES = re.compile(r"\s+")
_DATE = re.compile(  # spaces are single
    r"(\d{4}) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2}) ?日?(?: ?T? ?(\d{1,2})[:：时](\d{1,2})(?:[:：分](\d{1,2}))?)?"
    r" ?[分秒]?"
)
_STATES = {
    **{words: state for state, words in STATES.items()},
    **dict.fromkeys(("已整改", "整改完成", "已完成", "已办结", "办结", "是", "完成"), State.CLOSED),
    **dict.fromkeys(("未整改", "整改中", "未完成", "否", "进行中", "待整改"), State.ACCEPTED),
}
_OUTCOMES = {words: outcome for outcome, words in OUTCOMES.items()}
_SEVERITIES = {
    **{words: severity for severity, words in SEVERITIES.items()},
    "一般": Severity.GENERAL,
    "重大": Severity.MAJOR,
}
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
    """A table of a spreadsheet: its titles, and the lines of cells below them, each with its position."""

    titles: list[str]
    lines: list[tuple[str, list[Any]]]


class ParsedLedger(Struct, frozen=True):
    """The parsed lines of a spreadsheet. `count`: all its lines; `aside`: titles of columns without a field.

    `wrong`: the number of errors, of which `errors` has the first ones.
    """

    count: int
    lines: list[tuple[str, OldLine]]
    errors: list[LineError]
    wrong: int
    aside: list[str]


class NameIndex(NamedTuple):
    """Name → code and code → code, of communities and of categories. Names are in their composed form (name_key)."""

    communities: dict[str, str]
    categories: dict[str, str]


_COMMITTEE = re.compile(r"(居民委员会|村民委员会|居委会|村委会)\Z")
_KIND = re.compile(r"(社区|村)\Z")


def build_name_index(communities: Iterable[Community], categories: Iterable[Category]) -> NameIndex:
    """Indexes communities by code, name and short forms: 电子社区居委会 is also 电子社区 and 电子, if no other is.

    Categories that only devices open are left out.
    """
    called: dict[str, set[str]] = {}
    for each in communities:
        plain = _COMMITTEE.sub("", each.name)
        for name in {each.code, each.name, plain, _KIND.sub("", plain)} - {""}:
            called.setdefault(name_key(name), set()).add(each.code)
    open_to_people = [each for each in categories if not each.from_device]
    kinds = {name_key(name): each.code for each in open_to_people for name in (each.name, each.code)}
    return NameIndex({name: min(codes) for name, codes in called.items() if len(codes) == 1}, kinds)


def is_title_row(cells: Sequence[Any]) -> bool:
    """Tells the row of column titles from a heading above it."""
    found = {_FIELD_BY_TITLE.get(normalize_title(cell)) for cell in cells}
    return len(found & set(REQUIRED_FIELDS)) >= _MIN_TITLES


def normalize_title(cell: Any) -> str:
    return _SPACES.sub("", cell) if isinstance(cell, str) else ""


def _missing_columns(titles: Sequence[str]) -> list[str]:
    """Titles of required columns that a sheet lacks. 发现时间 may stand in for 上报时间."""
    there = {_FIELD_BY_TITLE.get(each) for each in titles}
    if "found_at" in there:
        there.add("reported_at")
    return [TITLES[field][0] for field in REQUIRED_FIELDS if field not in there]


def _is_extra_column(title: str) -> bool:
    """Tells whether a column has no field; its cells are stored in the history of each hazard."""
    return title not in _FIELD_BY_TITLE and title not in _IGNORED_TITLES and title != ""


def parse_ledger(sheets: Sequence[LedgerSheet], names: NameIndex, now: datetime) -> ParsedLedger:
    """Parses all lines, with all errors. Raises InvalidInput without a row of titles or for too many lines."""
    if not sheets:
        raise InvalidInput(("file", f"找不到表头，须有列：{'、'.join(TITLES[field][0] for field in REQUIRED_FIELDS)}"))
    count = sum(len(sheet.lines) for sheet in sheets)
    if count > MAX_LINES:
        raise InvalidInput(("file", f"一次最多导入 {MAX_LINES} 行，请分成几个文件"))
    lines: list[tuple[str, OldLine]] = []
    errors: list[LineError] = []
    for titles, cells_of in sheets:
        if missing := _missing_columns(titles):
            raise InvalidInput(("file", f"缺少列：{'、'.join(missing)}"))
        for where, cells in cells_of:
            reading = _LineParser(where, titles, cells, now)
            if line := reading.parse(names):
                lines.append((where, line))
            errors += reading.errors
    errors += find_repeated_lines(lines)
    aside = dict.fromkeys(each for titles, _ in sheets for each in titles if _is_extra_column(each))
    return ParsedLedger(count, lines, errors[:MAX_LISTED_ERRORS], len(errors), list(aside))


class _LineParser:
    """Parses one line; `errors` collects what is wrong with it."""

    def __init__(self, where: str, titles: Sequence[str], cells: Sequence[Any], now: datetime) -> None:
        self._where, self._now = where, now
        self._columns: dict[str, str] = {}
        self._cells: dict[str, Any] = {}
        self._other: dict[str, str] = {}
        self.errors: list[LineError] = []
        for name, cell in zip(titles, cells, strict=False):
            value = cell.strip() if isinstance(cell, str) else cell
            if value in (None, ""):
                continue
            field = _FIELD_BY_TITLE.get(name)
            if field is not None and field not in self._cells:
                self._cells[field], self._columns[field] = value, name
            elif _is_extra_column(name):
                self._other[name] = _as_text(value)

    def parse(self, names: NameIndex) -> OldLine | None:
        """The parsed line; None where it has errors."""
        found = self._parse_fields(names)
        if self.errors:
            return None
        return OldLine(id=self._line_id(found), **found)

    def _parse_fields(self, names: NameIndex) -> dict[str, Any]:
        days = {
            field: self._parse_moment(field) for field in ("reported_at", "found_at", "accepted_at", "submitted_at")
        }
        days["closed_at"] = self._parse_moment("closed_at")
        reported = days["reported_at"] or days["found_at"]
        if reported is None and "reported_at" not in self._cells and "found_at" not in self._cells:
            self._add_error("reported_at", "缺少此项")
        state = self._parse_choice("state", _STATES) or (
            State.CLOSED if days["closed_at"] or days["submitted_at"] else State.ACCEPTED
        )
        self._check_order(days)
        quantity = self._parse_count("quantity") or 1
        fields: dict[str, Any] = {
            "number": self._parse_text("number", ShortText),
            "community": self._parse_code("community", names.communities),
            "category": self._parse_code("category", names.categories),
            "severity": self._parse_choice("severity", _SEVERITIES) or Severity.GENERAL,
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
        outcome = (self._parse_choice("outcome", _OUTCOMES) or Outcome.FIXED) if state is State.CLOSED else None
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
        self.errors.append(LineError(self._where, self._columns.get(field, TITLES[field][0]), words))

    def _parse_text(self, field: str, kind: Any, *, needed: bool = False) -> str | None:
        if field not in self._cells:
            if needed:
                self._add_error(field, "缺少此项")
            return None
        text = _as_text(self._cells[field])
        if kind is ShortText:
            text = _SPACES.sub(" ", text)
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
        if field not in self._cells:
            return None
        value = self._cells[field]
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(number, str) and re.fullmatch(r"[0-9]{1,9}", number):
            number = int(number)
        try:
            return msgspec.convert(number, Quantity) if number != 0 or field == "quantity" else 0
        except msgspec.ValidationError:
            self._add_error(field, "不是 1 至 1000000 的整数")
            return None

    def _parse_phone(self) -> str | None:
        text = self._parse_text("phone", ShortText)
        try:
            return msgspec.convert(text, Phone | None)
        except msgspec.ValidationError:  # two numbers, or a name beside it: stored as text, not as a phone number
            self._other[self._columns["phone"]] = text or ""
            return None

    def _parse_moment(self, field: str, *, ends: bool = False, past: bool = True) -> datetime | None:
        """An instant from a Shanghai time. A day alone means its first instant, or its end with `ends`."""
        value = self._cells.get(field)
        if value is None:
            return None
        found = _read_moment(value, ends=ends)
        if found is None or found.year not in YEARS:
            self._add_error(
                field, f"“{_as_text(value)[:_QUOTED_CHARACTERS]}”不是日期，如 2026-11-23 或 2026-11-23 09:30"
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
            identity = ["line", found]
        return uuid5(_NAMESPACE, _canonical(identity).decode())


_canonical = msgspec.json.Encoder(order="deterministic").encode


def _as_text(value: Any) -> str:
    """The text that the spreadsheet shows: whole numbers without a decimal point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _read_moment(value: Any, *, ends: bool) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=SHANGHAI).astimezone(UTC) if value.year in YEARS else None
    if isinstance(value, date):
        return _day_boundary(value, ends=ends)
    if not isinstance(value, str) or not (match := _DATE.fullmatch(_SPACES.sub(" ", value))):
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups())
    try:
        found = date(year or 0, month or 0, day or 0)
        return (
            _day_boundary(found, ends=ends)
            if hour is None
            else shanghai_instant(found, time(hour, minute or 0, second or 0))
        )
    except ValueError:
        return None


def _day_boundary(day: date, *, ends: bool) -> datetime | None:
    if day.year not in YEARS:
        return None
    return midnight(day + _DAY if ends else day)


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
