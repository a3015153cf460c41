"""The tables of hazards, their history, declared photos and recorded rungs."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    false,
    or_,
    true,
)

from inspections.hazards.deadlines import CLOCKS, FIXING_STATES
from inspections.hazards.records import (
    OPEN_STATES,
    Clocks,
    Evaluation,
    Extension,
    MajorBasis,
    Outcome,
    Party,
    RecheckFlag,
    State,
    Supervision,
    Suspension,
    TransferRecord,
)
from inspections.office.categories import Priority, RemainingTime, Severity, Term
from inspections.photos.records import Flag, Stage
from inspections.places.communities import KEY_LENGTH
from inspections.places.coordinates import Point
from storage.engine.columns import EnumValue, Instant, Json, in_constants
from storage.engine.schema import LOCKED
from storage.engine.tables import CODE, NAME, metadata

hazards = Table(
    "hazards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("state", EnumValue(State), nullable=False),
    Column("outcome", EnumValue(Outcome)),
    Column("version", Integer, nullable=False),
    Column("community", CODE, ForeignKey("communities.code"), nullable=False),
    Column("category", String(16), ForeignKey("categories.code"), nullable=False),
    Column("severity", EnumValue(Severity), nullable=False),
    Column("major_proposed", Boolean, nullable=False),
    Column("priority", EnumValue(Priority)),
    Column("advisory", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("place", NAME, nullable=False),
    Column("place_key", String(KEY_LENGTH), nullable=False, server_default=""),
    Column("point", Json(Point)),
    Column("cell", BigInteger),
    Column("quantity", Integer, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("quantity_claimed", Integer, nullable=False),
    Column("quantity_done", Integer, nullable=False),
    Column("responsible_party", Json(Party)),
    Column("source", String(32), nullable=False),
    Column("reporter", String(64), ForeignKey("people.username"), nullable=False),
    Column("reporters", Json(tuple[str, ...]), nullable=False, server_default="[]"),
    Column("lead", String(64), ForeignKey("people.username")),
    Column("assisting", Json(tuple[str, ...]), nullable=False),
    Column("fixed_on_spot", Boolean, nullable=False),
    Column("fix_method", NAME),
    Column("fix_outcome", String(32)),
    Column("fixed_by", NAME),
    Column("found_at", Instant, nullable=False),
    Column("reported_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("accepted_at", Instant),
    Column("submitted_at", Instant),
    Column("closed_at", Instant),
    Column("accept_due_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("due_provisional", Boolean, nullable=False),
    Column("deadline_number", Integer, nullable=False),
    Column("recheck_due_at", Instant),
    Column("next_check_at", Instant),
    Column("times_returned", Integer, nullable=False),
    Column("times_reworked", Integer, nullable=False),
    Column("rebounded_as", Uuid, ForeignKey("hazards.id")),
    Column("merged_into", Uuid, ForeignKey("hazards.id")),
    Column("recurrence_of", Uuid, ForeignKey("hazards.id")),
    Column("history_length", Integer, nullable=False),
    Column("history_head", String(100), nullable=False, server_default=""),
    Column("demo", Boolean, nullable=False),
    Column("found_category", String(16)),
    Column("term", Json(RemainingTime)),
    Column("due_from", Instant),
    Column("original_due_at", Instant),
    Column("start_due_at", Instant),
    Column("review_due_at", Instant),
    Column("reply_due_at", Instant),
    Column("look_back_due_at", Instant),
    Column("stage_number", Integer, nullable=False, server_default="1"),
    Column("stage_from", Instant),
    Column("stage_term", Json(Term)),
    Column("times_extended", Integer, nullable=False, server_default="0"),
    Column("times_reopened", Integer, nullable=False, server_default="0"),
    Column("extension", Json(Extension)),
    Column("suspension", Json(Suspension)),
    Column("supervision", Json(Supervision)),
    Column("major", Json(MajorBasis)),
    Column("transfer", Json(TransferRecord)),
    Column("evaluation", Json(Evaluation)),
    Column("recheck_flag", Json(RecheckFlag)),
    Column("vehicle_standard", String(8)),
    Index("ix_hazards_newest", "reported_at", "id"),
    Index("ix_hazards_community", "community", "reported_at", "id"),
    Index("ix_hazards_place", "community", "category", "place_key", "reported_at"),
    Index("ix_hazards_changed", "updated_at"),
    info={LOCKED: True},
)
_HAS_CELL, _IS_MERGED = hazards.c.cell.is_not(None), hazards.c.merged_into.is_not(None)
Index(
    "ix_hazards_cell",
    hazards.c.category,
    hazards.c.cell,
    hazards.c.reported_at,
    sqlite_where=_HAS_CELL,
    postgresql_where=_HAS_CELL,
)
Index("ix_hazards_merged_into", hazards.c.merged_into, sqlite_where=_IS_MERGED, postgresql_where=_IS_MERGED)


IS_OPEN = in_constants(hazards.c.state, OPEN_STATES)
Index(
    "ix_hazards_open",
    *(hazards.c[name] for name in ("community", "state", "due_at", "category", "advisory", "original_due_at")),
    *(hazards.c[field] for _, field in CLOCKS.values() if field != "due_at"),
    *(hazards.c[name] for name in ("times_extended", "severity", "source", "reported_at", "found_category")),
    sqlite_where=IS_OPEN,
    postgresql_where=IS_OPEN,
)
IS_ENDED = in_constants(hazards.c.state, frozenset(State) - OPEN_STATES)
_IS_DUE = IS_OPEN & hazards.c.due_at.is_not(None)
Index("ix_hazards_due", hazards.c.due_at, hazards.c.id, sqlite_where=_IS_DUE, postgresql_where=_IS_DUE)
Index("ix_hazards_ended_due", hazards.c.due_at, hazards.c.id, sqlite_where=IS_ENDED, postgresql_where=IS_ENDED)
_KIND = ("category", "severity", "source", "found_category")
_CONDITION = ("state", "advisory")
"""The columns of CAN_BE_OVERDUE: SQLite checks them again although the index holds no other rows."""
CAN_BE_OVERDUE = in_constants(hazards.c.state, FIXING_STATES) & ~hazards.c.advisory
Index(
    "ix_hazards_may_be_late",
    *(hazards.c.due_at, hazards.c.community),
    sqlite_where=CAN_BE_OVERDUE,
    postgresql_where=CAN_BE_OVERDUE,
)
Index(
    "ix_hazards_late",  # a covering index of overdue hazards: no row is fetched
    *(hazards.c[name] for name in ("community", "due_at", "reported_at", "original_due_at", "times_extended")),
    *(hazards.c[name] for name in (*_KIND, *_CONDITION)),
    sqlite_where=CAN_BE_OVERDUE,
    postgresql_where=CAN_BE_OVERDUE,
)
_IS_EXTENDED = CAN_BE_OVERDUE & hazards.c.original_due_at.is_not(None)
Index("ix_hazards_first_due", hazards.c.original_due_at, sqlite_where=_IS_EXTENDED, postgresql_where=_IS_EXTENDED)
Index(
    "ix_hazards_extended",  # few rows: finds moved deadlines without a scan of a whole community
    *(hazards.c[name] for name in ("community", "original_due_at", "due_at", "reported_at")),
    *(hazards.c[name] for name in (*_KIND, *_CONDITION)),
    sqlite_where=_IS_EXTENDED,
    postgresql_where=_IS_EXTENDED,
)
_HAS_NEXT_CHECK = hazards.c.next_check_at.is_not(None)
Index("ix_hazards_next_check", hazards.c.next_check_at, sqlite_where=_HAS_NEXT_CHECK, postgresql_where=_HAS_NEXT_CHECK)
PROVISIONAL = or_(hazards.c.due_provisional == true(), hazards.c.stage_term.is_not(None))
Index("ix_hazards_provisional", hazards.c.id, sqlite_where=PROVISIONAL, postgresql_where=PROVISIONAL)
HAS_EXTENSION_REQUEST = hazards.c.extension.is_not(None)
IS_PROPOSED_AS_MAJOR = and_(
    hazards.c.major_proposed == true(),
    in_constants(hazards.c.severity, (Severity.GENERAL,)),
    in_constants(hazards.c.state, OPEN_STATES - {State.REPORTED}),
)
IS_SUSPENDED = in_constants(hazards.c.state, (State.SUSPENDED,))
for _name, _column, _clause in (
    ("ix_hazards_asked_extension", hazards.c.due_at, HAS_EXTENSION_REQUEST),
    ("ix_hazards_proposed_major", hazards.c.due_at, IS_PROPOSED_AS_MAJOR),
    ("ix_hazards_suspended", hazards.c.review_due_at, IS_SUSPENDED),
):
    Index(_name, _column, hazards.c.id, sqlite_where=_clause, postgresql_where=_clause)
entries = Table(
    "entries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("hazard", Uuid, ForeignKey("hazards.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("step", String(32), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("state", EnumValue(State), nullable=False),
    Column("version", Integer, nullable=False),
    Column("facts", Json(dict[str, Any]), nullable=False),
    Column("salts", Json(dict[str, str]), nullable=False, server_default="{}"),
    Column("digest", String(100), nullable=False, server_default=""),
    Column("clocks", Json(Clocks), nullable=False, server_default="{}"),
    Column("acting_for", String(64)),
    UniqueConstraint("hazard", "seq"),
)
mentions = Table(
    "mentions",
    metadata,
    Column("entry", Uuid, ForeignKey("entries.id"), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("stage", EnumValue(Stage), primary_key=True),
    Column("hazard", Uuid, ForeignKey("hazards.id"), nullable=False, index=True),
    Column("by", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("by_sight", Boolean, nullable=False),
    Column("taken_at", Instant),
    Column("point", Json(Point)),
    Column("examined", Boolean, nullable=False, server_default=false()),
    Column("flags", Json(tuple[Flag, ...]), nullable=False, server_default="[]"),
    Column("copied_from", Uuid, ForeignKey("hazards.id")),
)
Index("ix_mentions_sha256_at", mentions.c.sha256, mentions.c.at)
_UNEXAMINED = mentions.c.examined == false()
Index("ix_mentions_unexamined", mentions.c.at, sqlite_where=_UNEXAMINED, postgresql_where=_UNEXAMINED)
escalations = Table(
    "escalations",
    metadata,
    Column("hazard", Uuid, ForeignKey("hazards.id"), primary_key=True),
    Column("deadline_number", Integer, primary_key=True),
    Column("rung", String(32), primary_key=True),
    Column("entry", Uuid, ForeignKey("entries.id"), nullable=False),
)
