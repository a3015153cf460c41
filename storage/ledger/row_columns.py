"""The columns of the ledger: what each of them queries, and how its cell is shown."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, case, func, literal, null, select, type_coerce

from inspections.hazards.records import Supervision
from inspections.ledger.cells import CRS_WORDS
from inspections.ledger.choices import LEVEL_WORDS, SOURCE_WORDS, STANDARD_WORDS
from inspections.notices.templates import OUTCOMES, SEVERITIES, STATES
from inspections.photos.records import Stage
from inspections.places.coordinates import Point
from storage.engine.columns import JsonMember, ShanghaiMinute
from storage.hazards.tables import CAN_BE_OVERDUE, entries, hazards, mentions
from storage.ledger.spreadsheet_cells import DateCell, minute_cell

_H = hazards.c
_PHOTO_PAGE = "/photos/"
PHOTO_FIELDS = ("photos_before", "photos_after")
PERSON_FIELDS = frozenset({"reporter", "inspector", "acceptor", "handler", "rechecker"})
"""The columns that query a username; its name is looked up."""
FACTS_FIRST = frozenset({"old_number", "source", "reporter", "inspector"})
"""The columns in which an imported line says more than the hazard, which only knows who imported it."""


class RowColumn(NamedTuple):
    """The expressions that a column queries, and the function that makes its cell of their values.

    `kept`: where there is no value, it shows what an imported line said.
    """

    values: tuple[ColumnElement[Any], ...]
    show: Callable[..., Any]
    personal: bool = False
    kept: bool = False


def row_columns(now: datetime, public_url: str) -> dict[str, RowColumn]:
    """All columns by field. `now`: the instant at which 逾期 is decided; `public_url`: what photo links begin with."""
    photos = _photo_digests()
    return {
        "number": _direct_column(_H.number),
        "old_number": NOTHING,
        "reported_at": _minute(_H.reported_at),
        "found_at": _minute(_H.found_at),
        "source": RowColumn((_H.source,), partial(_word, SOURCE_WORDS), kept=True),
        "reporter": RowColumn((_reporter_username(),), _same, personal=True, kept=True),
        "inspector": RowColumn((_finder_username(),), _same, personal=True, kept=True),
        "community": _direct_column(_H.community),
        "place": _direct_column(_H.place, personal=True),
        "point": RowColumn((_H.point,), _show_point, personal=True, kept=True),
        "category": _direct_column(_H.category),
        "severity": RowColumn((_as_string(_H.severity),), partial(_word, dict(SEVERITIES))),
        "description": _direct_column(_H.description, personal=True),
        "quantity": _direct_column(_H.quantity),
        "unit": _direct_column(_H.unit),
        "vehicle_standard": RowColumn(
            (_H.vehicle_standard,), partial(_word, {code: words for words, code in STANDARD_WORDS.items()}), kept=True
        ),
        "party": _direct_column(JsonMember(_H.responsible_party, "name"), personal=True),
        "phone": _direct_column(JsonMember(_H.responsible_party, "phone"), personal=True),
        "handler": RowColumn((_H.lead,), _same, personal=True, kept=True),
        "state": RowColumn((_as_string(_H.state),), partial(_word, dict(STATES))),
        "outcome": RowColumn((_as_string(_H.outcome),), partial(_word, dict(OUTCOMES))),
        "accepted_at": _minute(_H.accepted_at),
        "acceptor": RowColumn((_last_author("accept"),), _same, personal=True, kept=True),
        "due_at": _minute(_H.due_at, ends=True),
        "overdue": RowColumn((_overdue(now),), _same),
        "extension": RowColumn((_H.times_extended, ShanghaiMinute(_H.original_due_at)), _show_extension, kept=True),
        "supervision": RowColumn((_H.supervision,), _show_supervision, kept=True),
        "method": _direct_column(_H.fix_method, personal=True),
        "quantity_done": _direct_column(_H.quantity_done),
        "submitted_at": _minute(_H.submitted_at),
        "closed_at": _minute(_H.closed_at),
        "rechecker": RowColumn((_last_author("recheck."),), _same, personal=True, kept=True),
        "recheck_note": RowColumn((_recheck_facts(),), _show_note, personal=True, kept=True),
        "photos_before": RowColumn(
            (photos,), partial(_photo_links, stage=Stage.BEFORE, public_url=public_url), kept=True
        ),
        "photos_after": RowColumn(
            (photos,), partial(_photo_links, stage=Stage.AFTER, public_url=public_url), kept=True
        ),
        "remark": NOTHING,
    }


def _no_value() -> None:
    return None


NOTHING = RowColumn((), _no_value, kept=True)
"""A column of which the hazard knows nothing: it shows what an imported line said."""


def _direct_column(value: ColumnElement[Any], *, personal: bool = False) -> RowColumn:
    return RowColumn((value,), _same, personal)


def _minute(value: ColumnElement[Any], *, ends: bool = False) -> RowColumn:
    """A time in minutes, formatted here, since the database takes a microsecond for each."""
    return RowColumn((ShanghaiMinute(value),), partial(_show_minute, ends=ends))


def _same(value: Any) -> Any:
    return value


def _word(words: Mapping[Any, str], code: Any) -> str:
    return words.get(code, "")


def _show_minute(minute: int | None, *, ends: bool) -> DateCell | None:
    return None if minute is None else minute_cell(minute, ends=ends)


def _show_point(point: Point | None) -> str | None:
    if point is None:
        return None
    crs = next(words for words, code in CRS_WORDS.items() if code == point.crs)
    return f"{_degrees(point.lat)},{_degrees(point.lon)} {crs}"


def _degrees(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _show_extension(times: int, original: int | None) -> str | None:
    if not times:
        return None
    before = f"，原期限 {minute_cell(original, ends=True).text}" if original is not None else ""
    return f"延期{times}次{before}"


def _show_supervision(supervision: Supervision | None) -> str | None:
    return f"{LEVEL_WORDS[supervision.level]} {supervision.document}" if supervision else None


def _show_note(facts: dict[str, Any] | None) -> str | None:
    found = (facts or {}).get("reason") or (facts or {}).get("note")
    return found if isinstance(found, str) else None


def _as_string(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """An enumeration column as a plain string, to look up its word without creating the enumeration member."""
    return type_coerce(column, String)


def _reporter_username() -> ColumnElement[Any]:
    """Nothing for an imported line, which its importer has not reported."""
    return case((_H.source == "ledger", null()), else_=_H.reporter)


def _finder_username() -> ColumnElement[Any]:
    """The inspector or officer who reported what they found."""
    return case((_H.source.in_(["inspector", "officer", "look_back"]), _H.reporter), else_=null())


def _overdue(now: datetime) -> ColumnElement[Any]:
    """是 where the fix is late now, or came late; nothing without a deadline."""
    late = (CAN_BE_OVERDUE & (_H.due_at < now)) | (_H.submitted_at > _H.due_at)
    return case((_H.due_at.is_(None) | _H.advisory, null()), (late, literal("是")), else_=literal("否"))


def _last_author(step: str) -> ColumnElement[Any]:
    """The username of whoever took the last step of this kind."""
    return (
        select(entries.c.by)
        .where(entries.c.hazard == _H.id, entries.c.step.startswith(step))
        .order_by(entries.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )


def _recheck_facts() -> ColumnElement[Any]:
    return (
        select(entries.c.facts)
        .where(entries.c.hazard == _H.id, entries.c.step.startswith("recheck."))
        .order_by(entries.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )


def _photo_digests() -> ColumnElement[Any]:
    """`stage:digest` of each photo of the hazard, separated by spaces."""
    named = _as_string(mentions.c.stage) + literal(":") + mentions.c.sha256
    return select(func.aggregate_strings(named, " ")).where(mentions.c.hazard == _H.id).scalar_subquery()


def _photo_links(photos: str | None, *, stage: Stage, public_url: str) -> str | None:
    """The pages of the photos of a stage, separated by spaces; each asks for a sign-in."""
    named = (each.split(":") for each in (photos or "").split())
    return " ".join(f"{public_url}{_PHOTO_PAGE}{sha256}" for name, sha256 in named if name == stage) or None
