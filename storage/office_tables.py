"""The tables of what an office is made of: places, categories, calendar, rules, people and their sessions."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
)

from inspections.categories import Priority, Term
from inspections.gazetteer import Outline
from inspections.people import Grant, Role
from inspections.rules import Rules
from inspections.security import Event
from storage.columns import Instant, Json, Name

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

CODE, NAME = String(12), String(200)

streets = Table(
    "streets",
    metadata,
    Column("code", String(9), primary_key=True),
    Column("name", NAME, nullable=False),
    Column("abbreviation", String(16), nullable=False),
)

communities = Table(
    "communities",
    metadata,
    Column("code", CODE, primary_key=True),
    Column("name", NAME, nullable=False),
)

boundaries = Table(
    "boundaries",
    metadata,
    Column("community", CODE, ForeignKey("communities.code"), primary_key=True),
    Column("outline", Json(Outline), nullable=False),
)

categories = Table(
    "categories",
    metadata,
    Column("code", String(16), primary_key=True),
    Column("name", NAME, nullable=False),
    Column("group", NAME, nullable=False),
    Column("priority", Name(Priority)),
    Column("term", Json(Term), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("advisory", Boolean, nullable=False),
    Column("from_device", Boolean, nullable=False),
    Column("proposes_major", Boolean, nullable=False),
    Column("major_term", Json(Term)),
    Column("look_back_days", Integer),
)

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("working", Boolean, nullable=False),
    Column("name", NAME, nullable=False),
    Column("source", NAME, nullable=False),
)

rules = Table(
    "rules",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("rules", Json(Rules), nullable=False),
    Column("edited_by", String(64)),
    Column("edited_at", Instant),
)

people = Table(
    "people",
    metadata,
    Column("username", String(64), primary_key=True),
    Column("name", NAME, nullable=False),
    Column("grants", Json(tuple[Grant, ...]), nullable=False),
    Column("password", String(200), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("demo", Boolean, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("email", String(254)),
    Column("password_at", Instant),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("username", String(64), ForeignKey("people.username"), primary_key=True),
    Column("secret", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("confirmed_at", Instant),
    Column("last_step", BigInteger, nullable=False),
    Column("recovery", Json(tuple[str, ...]), nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("role", Name(Role), nullable=False),
    Column("scope", CODE, nullable=False),
    Column("made_by", String(64), ForeignKey("people.username"), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("secret", String(64), nullable=False, unique=True),
    Column("used_at", Instant),
    Column("previous", String(64), unique=True),
    Column("revoked_at", Instant),
)

identities = Table(
    "identities",
    metadata,
    Column("provider", String(16), primary_key=True),
    Column("subject", NAME, primary_key=True),
    Column("username", String(64), ForeignKey("people.username"), nullable=False, index=True),
    Column("linked_at", Instant, nullable=False),
)

security_events = Table(
    "security_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
    Column("event", Name(Event), nullable=False),
    Column("by", String(64), nullable=False, index=True),
    Column("about", String(200), nullable=False, index=True),
    Column("address", String(64), nullable=False),
    Column("facts", Json(dict[str, str]), nullable=False),
)

delegations = Table(
    "delegations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("giver", String(64), ForeignKey("people.username"), nullable=False, index=True),
    Column("receiver", String(64), ForeignKey("people.username"), nullable=False, index=True),
    Column("role", Name(Role), nullable=False),
    Column("scope", CODE, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

dispatch_rules = Table(
    "dispatch_rules",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("community", CODE, nullable=False),
    Column("category", String(16), ForeignKey("categories.code")),
    Column("group", NAME),
    Column("lead", String(64), ForeignKey("people.username"), nullable=False),
    Column("assisting", Json(tuple[str, ...]), nullable=False),
    Column("accepts", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", String(64), ForeignKey("people.username"), nullable=False, index=True),
    Column("device", NAME, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("idle_seconds", Integer, nullable=False, server_default="1209600"),
)

token_pairs = Table(
    "token_pairs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("session", Uuid, ForeignKey("sessions.id"), nullable=False, index=True),
    Column("parent", Uuid),
    Column("access", String(64), nullable=False, unique=True),
    Column("access_expires_at", Instant, nullable=False),
    Column("refresh", String(64), nullable=False, unique=True),
    Column("refresh_expires_at", Instant, nullable=False, index=True),
    Column("issued_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("spent_until", Instant),
)
