"""The rows of the ledger (电子台账): one per hazard, newest first, in the columns of the office's spreadsheet."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, String, Table, case, func, literal, null, select, type_coerce

from inspections.hazards.measures import date_from_day_number
from inspections.ledger.selection import Selection
from inspections.notices.templates import OUTCOMES, SEVERITIES, STATES
from inspections.photos.records import Stage
from storage.accounts.tables import people
from storage.engine.columns import JsonMember, ShanghaiMinute, within_days
from storage.hazards.scopes import scope_clause, unindexed_scope_clause
from storage.hazards.tables import entries, hazards, mentions
from storage.office.tables import categories
from storage.places.tables import communities

_H = hazards.c
_AT_ONCE = 500
_PHOTO = "/api/v1/photos/"


class _Column(NamedTuple):
    """A column of the ledger. `words`: value → displayed word.

    `clock`: minutes, formatted here, since the database takes a microsecond for each.
    `named_by`: the table of displayed names, which is read once instead of by a subquery per line.
    """

    title: str
    value: ColumnElement[Any]
    personal: bool = False
    clock: bool = False
    words: dict[Any, str] | None = None
    named_by: Table | None = None


def _columns() -> list[_Column]:
    return [
        _Column("编号", _H.number),
        _Column("上报时间", ShanghaiMinute(_H.reported_at), clock=True),
        _Column("发现时间", ShanghaiMinute(_H.found_at), clock=True),
        _Column("社区", _H.community, named_by=communities),
        _Column("地点", _H.place, personal=True),
        _Column("类别", _H.category, named_by=categories),
        _Column("等级", _as_string(_H.severity), words=dict(SEVERITIES)),
        _Column("隐患描述", _H.description, personal=True),
        _Column("数量", _H.quantity),
        _Column("单位", _H.unit),
        _Column("责任主体", JsonMember(_H.responsible_party, "name"), personal=True),
        _Column("联系电话", JsonMember(_H.responsible_party, "phone"), personal=True),
        _Column("状态", _as_string(_H.state), words=dict(STATES)),
        _Column("办结方式", _as_string(_H.outcome), words=dict(OUTCOMES)),
        _Column("受理时间", ShanghaiMinute(_H.accepted_at), clock=True),
        _Column("整改期限", ShanghaiMinute(_H.due_at), clock=True),
        _Column("整改措施", _H.fix_method, personal=True),
        _Column("已整改数量", _H.quantity_done),
        _Column("提交整改时间", ShanghaiMinute(_H.submitted_at), clock=True),
        _Column("复查时间", ShanghaiMinute(_H.closed_at), clock=True),
        _Column("复查人", _rechecker(), personal=True),
        _Column("整改前照片", _photo_digests()),  # of all stages: `read_lines` splits them
        _Column("整改后照片", null()),
    ]


def _as_string(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """An enumeration column as a plain string, to look up its word without creating the enumeration member."""
    return type_coerce(column, String)


def _rechecker() -> ColumnElement[Any]:
    """The name of the person who signed the last re-check."""
    return (
        select(people.c.name)
        .where(entries.c.hazard == _H.id, entries.c.step.startswith("recheck."), people.c.username == entries.c.by)
        .order_by(entries.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )


def _photo_digests() -> ColumnElement[Any]:
    """`stage:digest` of each photo of the hazard, separated by spaces: one subquery for all stages."""
    named = _as_string(mentions.c.stage) + literal(":") + mentions.c.sha256
    return select(func.aggregate_strings(named, " ")).where(mentions.c.hazard == _H.id).scalar_subquery()


def _photo_links(photos: str, stage: Stage, public_url: str) -> str | None:
    """The links of the photos of a stage, separated by spaces; opening one needs a sign-in."""
    named = (each.split(":") for each in photos.split())
    return " ".join(f"{public_url}{_PHOTO}{sha256}?size=1280" for name, sha256 in named if name == stage) or None


TITLES = [column.title for column in _columns()]
PHOTO_COLUMNS = TITLES.index("整改前照片"), TITLES.index("整改后照片")
_MINUTE_COLUMNS = [at for at, column in enumerate(_columns()) if column.clock]


def read_lines(connection: Connection, selection: Selection) -> Iterator[list[Any]]:
    """The rows in one statement, so of one snapshot. `connection` streams them as they are consumed."""
    worded = _column_words(connection)
    before, after = PHOTO_COLUMNS
    query = _query(selection)
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        line = list(row)
        for at in _MINUTE_COLUMNS:
            if line[at] is not None:
                line[at] = _format_minute(line[at])
        for at, words in worded:
            line[at] = words.get(line[at], "")
        if photos := line[before]:
            line[before] = _photo_links(photos, Stage.BEFORE, selection.public_url)
            line[after] = _photo_links(photos, Stage.AFTER, selection.public_url)
        yield line


_TIMES = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(24 * 60)]


def _format_minute(minute: int) -> str:
    day, within_it = divmod(minute, len(_TIMES))
    return f"{_format_day(day)} {_TIMES[within_it]}"


@lru_cache(maxsize=4096)
def _format_day(number: int) -> str:
    return date_from_day_number(number).isoformat()


def _column_words(connection: Connection) -> list[tuple[int, Mapping[Any, str]]]:
    """Column index → displayed words, for columns that store codes."""
    found: list[tuple[int, Mapping[Any, str]]] = []
    for at, column in enumerate(_columns()):
        table = column.named_by
        if table is not None:
            found.append((at, dict(map(tuple, connection.execute(select(table.c.code, table.c.name))))))
        elif column.words:
            found.append((at, column.words))
    return found


def count_lines(connection: Connection, selection: Selection) -> int:
    """The number of rows; of the same snapshot as the rows within one transaction."""
    return connection.execute(
        select(func.count()).select_from(hazards).where(*_selection_clauses(selection))
    ).scalar_one()


def _query(selection: Selection) -> Select[Any]:
    personal = scope_clause(selection.personal)
    columns = [case((personal, column.value), else_=None) if column.personal else column.value for column in _columns()]
    return select(*columns).where(*_selection_clauses(selection)).order_by(_H.reported_at.desc(), _H.id.desc())


def _selection_clauses(selection: Selection) -> list[ColumnElement[bool]]:
    chosen: list[tuple[Any, Callable[[Any], ColumnElement[bool]]]] = [
        (selection.community, _H.community.__eq__),
        (selection.categories, _H.category.in_),
        (selection.severity, _H.severity.__eq__),
        (selection.source, _H.source.__eq__),
    ]
    clauses = [unindexed_scope_clause(selection.see), within_days(_H.reported_at, selection.first, selection.last)]
    clauses += [compare(value) for value, compare in chosen if value is not None]
    if selection.street is not None:
        clauses.append(_H.community.startswith(selection.street, autoescape=True))
    return clauses
