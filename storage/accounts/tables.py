"""The tables of accounts, API keys, sessions, tokens and the security log."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, Text, Uuid

from inspections.accounts.people import Grant, PersonChange, Role
from inspections.accounts.security_log import Event
from storage.engine.columns import EnumValue, Instant, Json
from storage.engine.schema import LOCKED
from storage.engine.tables import CODE, NAME, metadata

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
    info={LOCKED: True},
)
keys = Table(
    "keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("role", EnumValue(Role), nullable=False),
    Column("scope", CODE, nullable=False),
    Column("made_by", String(64), ForeignKey("people.username"), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("secret", String(64), nullable=False, unique=True),
    Column("used_at", Instant),
    Column("previous", String(64), unique=True),
    Column("revoked_at", Instant),
    info={LOCKED: True},
)
identities = Table(
    "identities",
    metadata,
    Column("provider", String(16), primary_key=True),
    Column("subject", NAME, primary_key=True),
    Column("username", String(64), ForeignKey("people.username"), nullable=False, index=True),
    Column("linked_at", Instant, nullable=False),
    info={LOCKED: True},
)
exchanged_codes = Table(
    "exchanged_codes",
    metadata,
    Column("provider", String(16), primary_key=True),
    Column("subject", NAME, primary_key=True),
    Column("code", String(64), nullable=False, unique=True),
    Column("exchanged_at", Instant, nullable=False, index=True),
    info={LOCKED: True},
)
known_devices = Table(
    "known_devices",
    metadata,
    Column("secret", String(64), primary_key=True),
    Column("username", String(64), ForeignKey("people.username"), nullable=False, index=True),
    Column("session", Uuid, ForeignKey("sessions.id"), nullable=False),
    Column("signed_in_at", Instant, nullable=False),
    info={LOCKED: True},
)
admin_requests = Table(
    "admin_requests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", String(64), ForeignKey("people.username"), nullable=False),
    Column("requested_by", String(64), ForeignKey("people.username"), nullable=False),
    Column("requested_at", Instant, nullable=False, index=True),
    Column("change", Json(PersonChange | None)),
    Column("password", String(200), nullable=False),
    Column("sets_password", Boolean, nullable=False),
    Column("decided_by", String(64), ForeignKey("people.username")),
    Column("decided_at", Instant),
    Column("confirmed", Boolean, nullable=False),
    info={LOCKED: True},
)
security_events = Table(
    "security_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
    Column("event", EnumValue(Event), nullable=False),
    Column("by", String(64), nullable=False, index=True),
    Column("about", String(200), nullable=False, index=True),
    Column("address", String(64), nullable=False),
    Column("facts", Json(dict[str, str]), nullable=False),
)
decision_links = Table(
    "decision_links",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("username", String(64), ForeignKey("people.username"), nullable=False, index=True),
    Column("hazard", Uuid, ForeignKey("hazards.id"), nullable=False),
    Column("step", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("used_at", Instant),
    info={LOCKED: True},
)
delegations = Table(
    "delegations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("giver", String(64), ForeignKey("people.username"), nullable=False, index=True),
    Column("receiver", String(64), ForeignKey("people.username"), nullable=False, index=True),
    Column("role", EnumValue(Role), nullable=False),
    Column("scope", CODE, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    info={LOCKED: True},
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
    info={LOCKED: True},
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
    info={LOCKED: True},
)

tallies = Table(
    "tallies",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("since", Instant, nullable=False, index=True),
    Column("count", Integer, nullable=False),
    info={LOCKED: True},
)
